"""qualify: the fold of a lead, its decisions, what it teaches, and how leads become one."""

from typing import Any, cast

import pytest
from msgspec.structs import replace

from schemas.learning import Pending, Withdrawal
from schemas.person import unseal
from schemas.records import Kind, LeadProfile, Merge, Outcome, OutcomeKind, RoutedLead, Stage, Touchpoint
from schemas.rejected import Rejected
from schemas.topics import LEADS_ROUTED
from streams.agents.joining import decision_id
from streams.agents.qualify import make_qualify
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.features import features
from streams.domain.learning import Learner
from streams.domain.rotation import Owner
from streams.domain.routing import HOLD, NURTURE, SALES, Routing
from tests.builders import NOON, example, hex_id, outcome, touchpoint
from tests.folding import SCORER, World, link

V, U, E = (f"{kind}-{'0' * 24}" for kind in "vue")
DAY_S = 86_400.0
HOT: dict[str, Any] = {
    "kind": Kind.DEMO_REQUEST,
    "account": "example.com",
    "traits": {"title": "Director", "employees": "250", "industry": "Software"},
}


def test_an_anonymous_lead_is_folded_but_neither_scored_nor_routed() -> None:
    world = World().tell(touchpoint(V, **HOT))
    lead = world.lead(V)
    assert (lead.stage, lead.touches, lead.score, world.sent) == (Stage.ANONYMOUS, 1, 0.0, [])


def test_a_first_touch_of_a_known_lead_is_nurtured_and_told() -> None:
    world = World().tell(touchpoint(E))
    (routed,) = world.routed
    assert (routed.destination, routed.route_seq, routed.stage) == (NURTURE, 1, Stage.LEAD)
    assert routed.decision_id == decision_id(E, 1)


def test_a_lead_that_warms_up_goes_to_sales_once() -> None:
    world = World().tell(touchpoint(E), touchpoint(E, 2, **HOT), touchpoint(E, 3, **HOT), touchpoint(E, 4))
    assert [it.destination for it in world.routed] == [NURTURE, SALES]
    assert [it.stage for it in world.routed] == [Stage.LEAD, Stage.MQL]
    assert world.lead(E).stage is Stage.MQL


def test_a_routed_lead_says_why() -> None:
    first = touchpoint(
        E, 1, person={"email": "jane@example.com"}, campaign_source="search", campaign_medium="cpc", **HOT
    )
    (routed,) = World().tell(first).routed
    assert routed.rule == "hot"
    assert [it.owner for it in routed.candidates if not it.excluded] == [routed.owner]
    assert len(routed.reasons) == 5
    assert routed.first_visit is not None
    assert routed.first_visit.source == "search"
    assert unseal(routed.person, routed.person_key) == {"email": "jane@example.com"}
    assert (routed.cause, routed.occurred_at, routed.received_at) == (first.id, first.occurred_at, first.received_at)


def test_a_repeat_changes_nothing() -> None:
    world = World().tell(touchpoint(E))
    before = dict(world.rows)
    world.tell(touchpoint(E))
    assert world.fates[-1] == "deduplicated"
    assert world.rows == before
    assert len(world.routed) == 1


def test_every_applied_change_is_one_version() -> None:
    world = World().tell(*(touchpoint(E, number, **HOT) for number in range(5)), outcome(OutcomeKind.ACCEPTED, E))
    assert world.lead(E).version == 6


def test_a_conflicting_repeat_is_refused() -> None:
    world = World().tell(touchpoint(E, digest=1))
    with pytest.raises(Rejected):
        world.tell(touchpoint(E, digest=2))


def test_who_takes_back_consent_is_held_and_comes_back_to_the_same_owner() -> None:
    world = World().tell(
        touchpoint(E, 1, **HOT),
        touchpoint(E, 2, consent={"contact": False}),
        touchpoint(E, 3, consent={"contact": True}),
    )
    assert [it.destination for it in world.routed] == [SALES, HOLD, SALES]
    assert world.routed[0].owner == world.routed[2].owner


def test_leads_are_shared_out_fairly_within_a_partition() -> None:
    world = World(Routing(owners=(Owner("ann"), Owner("bob"))))
    world.tell(*(touchpoint(f"e-{number:024x}", **HOT) for number in range(10)))
    assert sorted(it.owner for it in world.routed) == ["ann"] * 5 + ["bob"] * 5


def test_daily_caps_hold_over_all_partitions_together() -> None:
    world = World(Routing(owners=(Owner("ann", cap=7),)), partitions=4)
    world.tell(*(touchpoint(f"e-{number:024x}", **HOT) for number in range(100)))
    owned = [it for it in world.routed if it.owner]
    assert len(world.routed) == 100
    assert len(owned) == 7
    assert {it.rule for it in world.routed if not it.owner} == {"hot, but every owner is at the daily cap"}


def test_a_lead_without_an_owner_gets_one_when_there_is_room_again() -> None:
    world = World(Routing(owners=(Owner("ann", cap=1),)))
    world.tell(touchpoint(U, **HOT), touchpoint(E, **HOT), touchpoint(E, 2))
    assert [it.owner for it in world.routed] == ["ann", ""]
    world.tell(touchpoint(E, 3, occurred_at=NOON + DAY_S))
    assert [it.owner for it in world.routed] == ["ann", "", "ann"]


def test_a_rejected_lead_rests_and_may_be_routed_again() -> None:
    world = World().tell(touchpoint(E, 1, **HOT), outcome(OutcomeKind.REJECTED, E), touchpoint(E, 2_000, **HOT))
    assert world.lead(E).stage is Stage.RECYCLED
    assert len(world.routed) == 1
    world.tell(touchpoint(E, 3, **(HOT | {"occurred_at": NOON + 20 * DAY_S})))
    assert [it.route_seq for it in world.routed] == [1, 2]
    assert world.lead(E).stage is Stage.MQL


def test_news_of_decision_stage_or_day_is_a_question_on_the_features_that_were_scored() -> None:
    first, later = touchpoint(E, 1, kind=Kind.PAGE), touchpoint(E, 2_000, kind=Kind.PAGE, occurred_at=NOON + DAY_S)
    world = World().tell(first)
    then = world.lead(E)
    (asked,) = world.questions
    assert (asked.features, asked.score, asked.asked_at) == (features(then, NOON + 1), then.score, first.occurred_at)
    assert asked.scores == {}  # there is no model yet, whose scorers could be compared
    assert len(world.tell(touchpoint(E, 2, kind=Kind.PAGE)).questions) == 1
    assert len(world.tell(later).questions) == 2
    assert len(world.tell(touchpoint(E, 3_000, **(HOT | {"occurred_at": NOON + DAY_S + 9}))).questions) == 3


def test_nothing_is_asked_of_a_lead_once_sales_has_been_given_it() -> None:
    days = [HOT | {"occurred_at": NOON + day * DAY_S} for day in range(40)]
    filled_in = {"traits": {"title": "Chief", "industry": "saas"}, "kind": Kind.CONTACT}
    world = World().tell(touchpoint(E, 1, **days[0]))
    (asked,) = world.questions
    world.tell(touchpoint(E, 2, **(days[1] | filled_in)), outcome(OutcomeKind.ACCEPTED, E), touchpoint(E, 3, **days[2]))
    world.tell(outcome(OutcomeKind.LOST, E, 4), touchpoint(E, 5, **(days[3] | filled_in)), touchpoint(E, 6, **days[30]))
    assert world.lead(E).stage is Stage.MQL
    assert world.questions == [asked]


def test_a_conversion_is_passed_on_and_a_rejection_is_not() -> None:
    world = World().tell(touchpoint(E, 1, **HOT), outcome(OutcomeKind.MEETING, E), outcome(OutcomeKind.LOST, E))
    assert [it.kind for it in world.sent if isinstance(it, Outcome)] == [OutcomeKind.MEETING]
    assert world.lead(E).stage is Stage.RECYCLED


def test_what_waits_for_an_absorbed_lead_moves_and_for_one_who_is_forgotten_goes() -> None:
    world = World().tell(touchpoint(U, 1), link(U, E), link(V, E)).tell(touchpoint(E, 2, kind=Kind.ERASURE))
    gone = [(it.lead_id, it.into) for it in world.sent if isinstance(it, Withdrawal)]
    assert gone == [(U, E), (E, "")]
    assert [it.lead_id for it in world.sent if isinstance(it, Pending)] == [U, E]


@pytest.mark.parametrize(
    ("kind", "converts"),
    [
        (OutcomeKind.WON, True),
        (OutcomeKind.MEETING, True),
        (OutcomeKind.OPPORTUNITY, True),
        (OutcomeKind.LOST, False),
        (OutcomeKind.REJECTED, False),
        (OutcomeKind.DISQUALIFIED, False),
        (OutcomeKind.ACCEPTED, False),
    ],
)
def test_which_outcomes_answer_what_was_asked(kind: OutcomeKind, *, converts: bool) -> None:
    assert any(isinstance(it, Outcome) for it in World().tell(touchpoint(E), outcome(kind, E)).sent) is converts


def test_a_repeated_outcome_changes_nothing() -> None:
    won = outcome(OutcomeKind.WON, E)
    world = World().tell(touchpoint(E), won, won)
    assert world.fates[-1] == "deduplicated"
    assert sum(isinstance(it, Outcome) for it in world.sent) == 1


def test_an_outcome_of_a_lead_never_seen_moves_its_stage_and_asks_nothing() -> None:
    world = World().tell(outcome(OutcomeKind.WON, E))
    assert (world.lead(E).stage, world.questions) == (Stage.CUSTOMER, [])


def test_a_visitor_who_becomes_known_brings_the_past_along() -> None:
    world = World().tell(*(touchpoint(V, number) for number in range(3)), link(V, E), touchpoint(E, 9))
    assert world.lead(E).touches == 4
    assert world.lead(V) == LeadProfile(lead_id=V, version=4, merged_into=E)
    assert "merged" in world.fates


def test_what_comes_late_for_an_absorbed_lead_is_forwarded() -> None:
    world = World().tell(touchpoint(V), link(V, E), touchpoint(V, 2), outcome(OutcomeKind.MEETING, V))
    assert world.fates.count("forwarded") == 2
    assert (world.lead(E).touches, world.lead(E).stage) == (2, Stage.SQL)


def test_a_chain_of_absorbed_leads_ends_at_the_last() -> None:
    world = World().tell(touchpoint(V, 1), link(V, U), touchpoint(U, 2), link(U, E), touchpoint(V, 3), touchpoint(U, 4))
    assert world.lead(E).touches == 4
    assert {world.lead(V).merged_into, world.lead(U).merged_into} == {U, E}


def test_a_chain_linked_from_its_end_comes_to_the_same() -> None:
    there = World().tell(touchpoint(V, 1), touchpoint(U, 2), link(U, E), link(V, U)).lead(E)
    back = World().tell(touchpoint(V, 1), touchpoint(U, 2), link(V, U), link(U, E)).lead(E)
    assert (there.touches, there.days, there.last_seen) == (back.touches, back.days, back.last_seen) != (0, [], 0.0)


def test_a_link_before_anything_else_leaves_a_forwarding_address() -> None:
    world = World().tell(link(V, E), touchpoint(V))
    assert world.fates == ["linked", "forwarded", "applied"]
    assert world.lead(E).touches == 1


def test_the_same_link_twice_is_one() -> None:
    world = World().tell(touchpoint(V), link(V, E)).tell(link(V, E))
    assert world.fates[-1] == "link_repeated"
    assert world.lead(E).touches == 1


@pytest.mark.parametrize(("from_", "into"), [(E, U), (E, f"e-{'1' * 24}"), (U, V), (E, "jane")])
def test_a_lead_is_never_absorbed_by_one_that_is_not_better_proved(from_: str, into: str) -> None:
    world = World().tell(touchpoint(from_), link(from_, into))
    assert world.fates[-1] == "link_refused"
    assert world.lead(from_).merged_into == ""


def test_an_absorbed_lead_is_not_absorbed_again_by_another() -> None:
    world = World().tell(touchpoint(V), link(V, U)).tell(link(V, E))
    assert world.fates[-1] == "link_refused"
    assert world.lead(V).merged_into == U


def test_two_known_people_never_become_one() -> None:
    other = f"e-{'1' * 24}"
    world = World().tell(touchpoint(E), touchpoint(other), link(V, E), link(V, other), touchpoint(V, 3))
    assert (world.lead(E).touches, world.lead(other).touches) == (2, 1)


def test_a_merge_is_taken_in_once() -> None:
    absorbed = World().tell(touchpoint(V)).lead(V)
    merge = Merge(
        id=hex_id("merge"),
        lead_id=E,
        absorbed=absorbed,
        cause=hex_id("cause"),
        occurred_at=NOON + 5,
        received_at=NOON + 5,
    )
    world = World().tell(merge, merge)
    assert world.fates == ["merged", "merge_repeated"]
    assert world.lead(E).touches == 1


def test_a_lead_that_is_routed_before_it_is_absorbed_keeps_its_owner() -> None:
    world = World().tell(touchpoint(U, **HOT), link(U, E)).tell(touchpoint(E, 9, **HOT))
    assert [(it.lead_id, it.destination) for it in world.routed] == [(U, SALES)]
    assert world.lead(E).owner == world.routed[0].owner


@pytest.mark.parametrize("touch", [touchpoint(E, 9, **HOT), touchpoint(E, 9)], ids=["sales", "nurture"])
def test_when_two_decisions_turn_out_to_be_about_one_person_the_first_owner_is_announced(touch: Touchpoint) -> None:
    world = World().tell(touchpoint(U, 1, **HOT)).tell(touch).tell(link(U, E))
    first, second, third = world.routed
    assert (first.lead_id, second.lead_id, third.lead_id) == (U, E, E)
    assert first.owner == third.owner != second.owner
    assert third.rule == "already owned"
    assert third.route_seq > second.route_seq


def test_the_newest_scorer_scores() -> None:
    now = [SCORER]
    agent = make_qualify(lambda: now[0], Routing())
    first = agent.step((None, None), touchpoint(E)).states
    now[0] = Blend(card(), Learner.restore(None).snapshot(8, 0.0))
    second = agent.step(first, touchpoint(E, 2)).states
    assert [lead.model_version for lead in (first[0], second[0]) if isinstance(lead, LeadProfile)] == [0, 8]


def test_a_late_touchpoint_is_scored_as_of_the_latest_one() -> None:
    early, late = touchpoint(E, 1, occurred_at=NOON - 9 * DAY_S), touchpoint(E, 2)
    assert World().tell(early, late).lead(E).score == World().tell(late, early).lead(E).score


def test_decisions_are_told_on_their_own_topic_under_the_lead() -> None:
    agent = make_qualify(lambda: SCORER, Routing())
    emit, _ = agent.step((None, None), touchpoint(E)).emits
    assert (emit.topic, emit.key) == (LEADS_ROUTED, E)
    assert isinstance(touchpoint(E), Touchpoint)


def test_a_canary_is_routed_and_leaves_neither_a_row_nor_a_turn_behind() -> None:
    canary = "c-0123456789abcdef01234567"
    world = World().tell(touchpoint(canary, consent={"ads": True}, **HOT), touchpoint(canary, 2, **HOT))
    assert world.conversions == []
    assert [(it.lead_id, it.route_seq) for it in world.routed] == [(canary, 1), (canary, 1)]
    assert {key: row for key, row in world.rows.items() if row is not None} == {}


def test_so_many_new_leads_are_explored_the_same_in_each_replay_and_are_asked_about() -> None:
    told = [touchpoint(f"e-{number:024}", kind=Kind.PAGE) for number in range(1500)]
    worlds = [World(Routing(explore=0.05)).tell(*told) for _ in range(2)]
    explored, again = ([it.lead_id for it in world.routed if it.rule == "explored"] for world in worlds)
    assert explored == again
    assert len(explored) / 1500 == pytest.approx(0.05, abs=0.02)
    assert {it.propensity for it in worlds[0].routed} == {0.05, 0.95}
    assert len(worlds[0].questions) == 1500


def test_a_routed_lead_tells_what_the_scorer_said_that_did_not_decide() -> None:
    learner = Learner.restore(None)
    for number in range(30):
        learner.learn(example(number, number % 2))
    scorer = Blend(card(), learner.snapshot(1, 0.0))
    agent = make_qualify(lambda: scorer, Routing())
    routed = agent.step((None, None), touchpoint(E)).emits[0].record
    assert isinstance(routed, RoutedLead)
    assert (routed.challenger, 0.0 < routed.challenger_score < 1.0) == ("classifier", True)
    assert World().tell(touchpoint(E)).routed[0].challenger == ""


@pytest.mark.parametrize("champion", ["pipeline", "classifier"])
def test_both_scorers_score_every_lead_that_is_scored_and_one_of_them_routes(champion: str) -> None:
    """From its first score on: on each question, and on each decision beside what decided. (Who is erased is not.)"""
    learner = Learner.restore(None)
    for number in range(30):
        learner.learn(example(number, number % 2))
    scorer = Blend(card(), replace(learner.snapshot(1, 0.0), champion=champion))
    agent, kinds = make_qualify(lambda: scorer, Routing()), [kind for kind in Kind if kind is not Kind.ERASURE]
    for number in range(60):
        lead_id, states = f"e-{number:024}", (None, None)
        for day in range(3):
            kind = kinds[(number + day) % len(kinds)]
            applied = agent.step(states, touchpoint(lead_id, day, kind=kind, occurred_at=NOON + day * DAY_S))
            states = applied.states  # type: ignore[assignment]
            routed = [cast("RoutedLead", it.record) for it in applied.emits if it.topic is LEADS_ROUTED]
            asked = [it for emit in applied.emits if isinstance(emit.record, Pending) for it in emit.record.snapshots]
            assert day or (routed and asked)
            assert all(sorted(it.scores) == ["classifier", "pipeline"] for it in asked)
            assert all({it.challenger} == {"classifier", "pipeline"} - {champion} for it in routed)
