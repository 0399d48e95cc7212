"""The books: what senders count, what agents count, and what it takes for the two to agree."""

import pytest

from schemas.learning import ModelSnapshot
from schemas.records import Audit, DeadLetter, LeadProfile, Tally
from streams.demo.board import Board, percentile
from streams.demo.conservation import conserve
from streams.demo.ledger import Ledger
from streams.demo.sends import Door, Send

FATES = {
    ("resolve", "touchpoint"): 80,
    ("resolve", "outcome"): 10,
    ("resolve", "consent_dropped"): 4,
    ("resolve", "test"): 1,
    ("resolve", "quarantined"): 2,
    ("resolve", "dead_letter"): 3,
    ("resolve", "rekeyed"): 7,
    ("qualify", "applied"): 83,
    ("qualify", "deduplicated"): 6,
    ("qualify", "dead_letter"): 1,
    ("qualify", "forwarded"): 9,
    ("qualify", "linked"): 3,
    ("qualify", "merged"): 3,
    ("learn", "applied"): 99,
}
MINUTE = 30_000_000


def send(*ids: str) -> Send:
    return Send(0.0, Door.SEGMENT, "/v1/batch", b"", ids)


def audit(*tallies: Tally) -> Audit:
    return Audit(agent="resolve", topic="events.web", partition=0, first_offset=0, last_offset=9, tallies=list(tallies))


def test_books_close_when_every_event_ended_somewhere() -> None:
    books = conserve(100, FATES)
    assert (books.lost, books.missing()) == (0, "")


@pytest.mark.parametrize("accepted", [99, 101])
def test_too_few_and_too_many_are_both_faults(accepted: int) -> None:
    books = conserve(accepted, FATES)
    assert books.lost == accepted - 100
    assert f"accepted {accepted}" in books.missing()


@pytest.mark.parametrize("fate", ["applied", "deduplicated", "dead_letter"])
def test_what_gets_lost_between_the_agents_is_missed(fate: str) -> None:
    books = conserve(100, FATES | {("qualify", fate): FATES["qualify", fate] - 1})
    assert books.lost == 1
    assert "qualify accounts for 89" in books.missing()


@pytest.mark.parametrize(
    "move", [("resolve", "rekeyed"), ("qualify", "forwarded"), ("qualify", "linked"), ("qualify", "merged")]
)
def test_moves_are_no_ends(move: tuple[str, str]) -> None:
    assert conserve(100, FATES | {move: 1000}).lost == 0


def test_a_loss_in_resolve_is_not_hidden_by_a_surplus_in_qualify() -> None:
    assert conserve(101, FATES | {("qualify", "applied"): 84}).lost != 0


def test_each_event_of_a_request_is_counted_by_its_own_answer() -> None:
    ledger = Ledger()
    for request in (send("a", "b", "c"), send("a"), send("d")):
        ledger.post(request)
    ledger.answer(send("a", "b", "c"), {1: "no_user_anon_id"})
    ledger.answer(send("a"), {})
    ledger.give_up(send("d"), "HTTP 503")
    assert ledger.sent == ledger.taken + ledger.refused.total() + ledger.unanswered.total() == 5
    assert ledger.accepted == {"a": 2, "c": 1}
    assert ledger.refused == {"no_user_anon_id": 1}


def test_tallies_of_several_minutes_are_added_up() -> None:
    board = Board(since=MINUTE * 60.0)
    tallies = [Tally(minute=MINUTE + late, fate="touchpoint", count=2) for late in range(3)]
    board.see(audit(*tallies), 0.0)
    board.see(audit(*tallies), 0.0)
    assert board.fates == {("resolve", "touchpoint"): 12}


def test_what_came_before_the_demo_is_not_counted() -> None:
    board = Board(since=MINUTE * 60.0 + 30.0)
    board.see(audit(Tally(minute=MINUTE - 1, fate="touchpoint", count=5)), 0.0)
    letter = DeadLetter(
        id="d", topic="t", partition=0, offset=0, stage="resolve", reason="future", detail="", failed_at=MINUTE * 60.0
    )
    board.see(letter, 0.0)
    assert not board.fates
    assert not board.buried


def test_a_lead_is_known_until_another_absorbs_it() -> None:
    board = Board(since=0.0)
    for profile in (LeadProfile(lead_id="v-1"), LeadProfile(lead_id="u-1"), LeadProfile(lead_id="e-1")):
        board.see(profile, 0.0)
    assert board.leads == {"u-1", "e-1"}
    board.see(LeadProfile(lead_id="u-1", merged_into="e-1"), 0.0)
    assert board.leads == {"e-1"}


@pytest.mark.parametrize(("metrics", "auc"), [({"auc": 0.7}, 0.7), ({}, None)])
def test_the_auc_is_the_newest_models_own(metrics: dict[str, float], auc: float | None) -> None:
    board = Board(since=0.0)
    assert board.auc is None
    board.see(
        ModelSnapshot(version=3, kind="k", created_at=0.0, examples=9, intercept=0.0, terms=[], metrics=metrics), 0.0
    )
    assert board.auc == auc


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 1.0)])
def test_percentiles_are_values_that_were_measured(share: float, value: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == value
