"""A score is the sum of its ledger after every event, and neither order nor repeats of events change it."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import LeadProfile, Touchpoint
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.card import Bounds
from streams.domain.features import features
from streams.domain.ledger import TOTAL, Ledger, total
from streams.domain.profile import observe
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
