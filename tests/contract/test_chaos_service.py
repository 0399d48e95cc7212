"""What rows hold against a fault besides loss: waits of others, requests turned away, memory, ids with two meanings."""

import time
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.letters import letter
from schemas.records import Audit, Touchpoint
from schemas.rejected import Reason
from schemas.topics import AUDIT, DEAD_LETTERS, TOUCHPOINTS
from streams.agents.resolve import digest_of
from tests.builders import touchpoint
from tests.chaos.buried import burials, conflicts
from tests.chaos.case import Checks
from tests.chaos.keeper import Weight
from tests.chaos.latency import times
from tests.chaos.ledger import Answered, Books
from tests.chaos.service import growth, turned_away, waiting
from tests.chaos.world import Trouble
from tests.pipeline import CODEC, Landed

BEGAN = time.monotonic()
FAULT = Trouble("fault", BEGAN, BEGAN + 60.0, partition=1)
Log = dict[str, list[Landed]]


def log_of(*took: tuple[float, float, int, str]) -> Log:
    """A log of touchpoints: when each came (s after the fault began), what it took (s), its partition, its id."""
    wall = time.time() - time.monotonic() + BEGAN
    log: Log = defaultdict(list)
    for offset, (arrived, seconds, partition, id_) in enumerate(took):
        touch = touchpoint("e-1", id=id_, received_at=wall + arrived)
        log[TOUCHPOINTS.name].append(Landed(partition, offset, "e-1", CODEC.encode(touch), TOUCHPOINTS))
        audit = Audit(
            agent="qualify",
            topic=TOUCHPOINTS.name,
            partition=partition,
            first_offset=offset,
            last_offset=offset,
            tallies=[],
        )
        done = wall + arrived + seconds
        log[AUDIT.name].append(Landed(0, offset, "qualify", CODEC.encode(audit), AUDIT, done))
    return log


def world(**fields: Any) -> Any:
    """A world with one fault, as far as these checks look at it."""
    return SimpleNamespace(**{"troubles": [FAULT], "hot": set(), "poison": {}, "smuggled": {}, **fields})


QUIET = [(-15.0 + n / 10, 0.1, n % 4, f"quiet-{n}") for n in range(100)]
PATIENT = [(10.0 + n / 10, 0.15, 0, f"other-{n}") for n in range(100)]


def test_what_an_event_took_is_told_by_the_audit_of_its_round() -> None:
    [took] = times(log_of((0.0, 0.25, 3, "a")))
    assert (took.id, took.partition) == ("a", 3)
    assert took.seconds == pytest.approx(0.25)


def test_those_whom_a_fault_means_may_wait_and_others_may_not() -> None:
    checks = Checks(p99_ratio=2.0)
    meant = [(10.0 + n / 10, 9.0, 1, f"meant-{n}") for n in range(100)]
    hot = [(10.0 + n / 10, 9.0, 0, digest_of("segment", f"hot-{n}")) for n in range(100)]
    ours = world(hot={f"hot-{n}" for n in range(100)})
    assert waiting(checks, ours, log_of(*QUIET, *PATIENT, *meant, *hot))[0] == []
    slow = [(at, 0.25, partition, id_) for at, _, partition, id_ in PATIENT]
    assert waiting(checks, ours, log_of(*QUIET, *slow))[0], "twice and a half as long"
    assert waiting(Checks(p99_added_s=0.1), ours, log_of(*QUIET, *slow))[0], "0.15 s longer"
    assert waiting(Checks(p99_added_s=0.1), ours, log_of(*QUIET, *PATIENT))[0] == []
    assert waiting(checks, ours, log_of(*QUIET, *PATIENT[:10]))[0], "ten events say nothing"


def test_the_calm_is_as_long_as_the_fault_and_begins_when_all_is_warm() -> None:
    start = [(-60.0 + n / 10, 5.0, 0, f"start-{n}") for n in range(100)]
    calm = [(-38.0 + n / 10, 0.25, 0, f"calm-{n}") for n in range(100)]
    _, [note] = waiting(Checks(p99_ratio=2.0), world(), log_of(*start, *calm, *QUIET, *PATIENT))
    assert note.startswith("p99 0.25 s, ")


def test_requests_turned_away_in_a_fault_are_counted_and_refusals_with_a_reason_are_not() -> None:
    books = Books()
    books.answers = [Answered(BEGAN + n, BEGAN + n, 400 if n % 2 else 200, hold=False) for n in range(50)]
    assert turned_away(Checks(served=0.99), world(), books) == []
    books.answers.append(Answered(BEGAN + 1, BEGAN + 1, 503, hold=True))
    assert turned_away(Checks(served=0.99), world(), books) == ["1 of 51 requests were turned away"]
    assert turned_away(Checks(served=0.99), world(), Books()), "nobody asked, so nothing is shown"


def test_a_worker_that_grows_too_much_is_found() -> None:
    weights = [Weight(BEGAN - 1, "w0", 100.0), Weight(BEGAN + 9, "w0", 400.0), Weight(BEGAN + 9, "new", 900.0)]
    heavy = world(workers=SimpleNamespace(weights=weights))
    assert growth(Checks(rss_mib=256), heavy)[0] == ["a worker grew by 300 MiB"]
    assert growth(Checks(rss_mib=301), heavy)[0] == []


def with_letters(log: Log, *letters: tuple[str, int, int, Reason]) -> Log:
    """The log, with these buried: topic, partition, offset and reason."""
    for number, (topic, partition, offset, reason) in enumerate(letters):
        dead = letter((topic, partition, offset), b"", b"", stage="qualify", reason=reason, detail="", failed_at=0.0)
        log[DEAD_LETTERS.name].append(Landed(0, number, dead.id, CODEC.encode(dead), DEAD_LETTERS))
    return log


def collision(*digests: int) -> Log:
    """A log in which one id has said these."""
    log: Log = defaultdict(list)
    for offset, digest in enumerate(digests):
        touch: Touchpoint = touchpoint("e-1", id=digest_of("segment", "a"), digest=digest)
        log[TOUCHPOINTS.name].append(Landed(0, offset, "e-1", CODEC.encode(touch), TOUCHPOINTS))
    return log


@pytest.mark.parametrize(
    ("log", "passes"),
    [
        (with_letters(collision(1, 2), (TOUCHPOINTS.name, 0, 1, Reason.ID_CONFLICT)), True),
        (with_letters(collision(1, 2), (TOUCHPOINTS.name, 0, 1, Reason.CRASH)), False),
        (collision(1, 2), False),
        (collision(1, 1), False),
    ],
    ids=["buried", "for another reason", "dropped", "nothing collided"],
)
def test_an_id_with_two_meanings_must_be_buried(log: Log, passes: bool) -> None:
    failed, _ = conflicts(Checks(conflicts=True), world(collided={"a"}), log)
    assert (failed == []) is passes


def test_a_body_that_shows_at_the_door_that_it_is_useless_must_be_refused() -> None:
    books = Books()
    bad = world(smuggled={"noise": ""}, poison={("events.web", 0, 0): Reason.TOMBSTONE})
    log = with_letters(defaultdict(list), ("events.web", 0, 0, Reason.TOMBSTONE))
    assert burials(Checks(buried=True), bad, log, books)
    books.refused = Counter(["noise"])
    assert burials(Checks(buried=True), bad, log, books) == []
