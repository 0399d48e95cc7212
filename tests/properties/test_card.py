"""A score is the sum of its ledger after every event, and neither order nor repeats of events change it."""

from itertools import accumulate
from math import inf, log

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.records import Kind, LeadProfile, Touchpoint
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.card import ENGAGEMENT, FIT, Bounds, Card, Fade, Rule, Stated
from streams.domain.features import features
from streams.domain.ledger import TOTAL, Ledger, total
from streams.domain.profile import DAY_S, observe
from tests.builders import NOON
from tests.properties.test_folds import INSTANTS, fold, histories
from tests.unit.domain.test_blend import after

CARD = card()._replace(total=Bounds(-5.0, 12.0))  # tight, so that bounds do act
LEDGER = Ledger(CARD)


@settings(max_examples=60)
@given(histories(), st.sampled_from([None, 51, 275, 900]))
def test_a_score_is_the_sum_of_its_ledger_after_every_event(touches: list[Touchpoint], labels: int | None) -> None:
    blend = Blend(CARD, None if labels is None else after(labels))
    for lead in accumulate(touches, observe, initial=LeadProfile(lead_id="e-1")):
        at = lead.last_seen
        score, values, lines = blend.score(lead, features(lead, at), at), features(lead, at), LEDGER.lines(lead, at)
        assert score.card_points == sum(line.points for line in lines)
        assert abs(blend.intercept + sum(blend.points(lead, values, at).values()) - score.logit) < 1e-9
        for group, bounds in CARD.groups.items():
            of_group = sum(line.points for line in lines if line.group == group)
            assert bounds.floor - 1e-9 <= of_group <= bounds.cap + 1e-9
        assert CARD.total.floor - 1e-9 <= total(lines) <= CARD.total.cap + 1e-9
        assert all(line.points for line in lines)
        assert sum(line.group == TOTAL for line in lines) <= 1


@settings(max_examples=60)
@given(histories(), st.data(), INSTANTS)
def test_in_any_order_and_repeated_events_give_the_same_ledger(
    touches: list[Touchpoint], draw: st.DataObject, now: float
) -> None:
    shuffled = draw.draw(st.permutations(touches + touches[: len(touches) // 2]))
    assert LEDGER.lines(fold(shuffled), now) == LEDGER.lines(fold(touches), now)


POINTS = st.sampled_from([-20.0, -3.0, 0.5, 1.0, 7.0, 25.0])
BOUNDS = st.sampled_from([Bounds(), Bounds(), Bounds(), Bounds(-30.0, 40.0), Bounds(-4.0, 10.0), Bounds(cap=3.0)])
FADES = st.sampled_from([Fade(), *map(Fade, (0.5, 3.0, 14.0)), *(Fade(0.0, days) for days in (1.0, 5.0, 30.0))])
ASKED = st.sampled_from([Stated("title", values=frozenset("a")), Stated("industry", nothing=True)])


FEW = [Kind.PAGE, Kind.PRICING, Kind.FORM]


def crowded(touches: list[Touchpoint]) -> st.SearchStrategy[list[Touchpoint]]:
    """The same lead, to whom it happens again and again on the same few days: so that limits do act."""
    days = st.lists(st.tuples(st.sampled_from(FEW), st.sampled_from([0, 0, 1, 6])), min_size=8, max_size=8)
    return days.map(
        lambda told: [
            replace(touch, kind=kind, occurred_at=NOON + day * DAY_S + at)
            for at, (touch, (kind, day)) in enumerate(zip(touches, told, strict=False))
        ]
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    group, points, bounds = draw(st.sampled_from([FIT, ENGAGEMENT])), draw(POINTS), draw(BOUNDS)
    rule = Rule("", group, points, bounds=bounds)
    match draw(st.sampled_from(["events", "events", "stated", "quiet"])):
        case "events":
            kinds = draw(st.frozensets(st.sampled_from(FEW), min_size=1, max_size=3))
            return rule._replace(events=kinds, per_day=draw(st.sampled_from([1.0, 2.0, inf])), fade=draw(FADES))
        case "stated":
            return rule._replace(stated=draw(ASKED))
    return rule._replace(quiet_days=9.0)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """A card with whatever caps, floors, daily limits and ways to fade, all of them together."""
    drawn = draw(st.lists(rules(), min_size=1, max_size=8))
    named = tuple(rule._replace(name=f"rule {at}") for at, rule in enumerate(drawn))
    return Card("any", 1, named, {FIT: draw(BOUNDS), ENGAGEMENT: draw(BOUNDS)}, draw(BOUNDS), -2.9, 10.0, 50.0, 500.0)


def held(points: float, bounds: Bounds) -> float:
    return min(max(points, bounds.floor), bounds.cap)


def by_hand(card: Card, lead: LeadProfile, now: float) -> float:
    """What a card gives a lead, as its page says it: rule by rule, event by event, day by day."""
    groups = dict.fromkeys(card.groups, 0.0)
    for rule in card.rules:
        given_ = 0.0
        for day in lead.days:
            age = now // DAY_S - day.day
            if rule.events and age >= 0:
                count = min(sum(count for kind, count in day.counts.items() if kind in rule.events), rule.per_day)
                left = 2.0 ** (-age / rule.fade.half_life) if rule.fade.half_life else 1.0
                if rule.fade.gone_after:
                    left = max(1.0 - age / rule.fade.gone_after, 0.0)
                given_ += rule.points * count * left
        if rule.stated:
            said = lead.traits.get(rule.stated.trait)
            text = said.value.strip() if said is not None and said.at <= now else ""
            given_ = rule.points if (not text if rule.stated.nothing else text in rule.stated.values) else 0.0
        if rule.quiet_days and 0.0 < lead.last_seen <= now - rule.quiet_days * DAY_S:
            given_ = rule.points
        groups[rule.group] += held(given_, rule.bounds) if given_ else 0.0
    return held(sum(held(points, card.groups[group]) for group, points in groups.items()), card.total)


@settings(max_examples=60, deadline=None)
@given(cards(), histories(8).flatmap(crowded), st.data(), st.lists(INSTANTS, max_size=2))
def test_whatever_the_caps_and_the_fading_a_score_is_its_ledgers_sum_at_every_offset_of_any_order(
    any_card: Card, touches: list[Touchpoint], draw: st.DataObject, later: list[float]
) -> None:
    blend, ledger = Blend(any_card), Ledger(any_card)
    arrived = draw.draw(st.permutations(touches + touches[: len(touches) // 3]))
    for lead in accumulate(arrived, observe, initial=LeadProfile(lead_id="e-1")):
        for now in (lead.last_seen, *later):
            lines, score = ledger.lines(lead, now), blend.score(lead, {}, now)
            assert score.card_points == total(lines) == sum(line.points for line in lines)
            assert abs(score.card_points - by_hand(any_card, lead, now)) < 1e-9
            assert abs(score.logit - (any_card.zero + score.card_points * log(2.0) / any_card.doubling)) < 1e-9
            assert any_card.total.floor - 1e-9 <= score.card_points <= any_card.total.cap + 1e-9
    final = fold(touches)
    assert all(ledger.lines(fold(list(arrived)), now) == ledger.lines(final, now) for now in later)
