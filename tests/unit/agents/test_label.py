"""label: scores wait for what becomes of them, by event time alone, and turn into examples."""

import pytest

from schemas.keys import partition_of
from schemas.learning import Clock, Pending, Snapshot, TrainingExample, Withdrawal
from schemas.records import OutcomeKind, Record
from schemas.topics import PENDING, QUESTIONS, TRAINING_EXAMPLES
from streams.agents.label import CLOCK, make_label
from streams.domain import joiner
from streams.domain.hazards import DAY_S
from streams.engine.fold import Fold
from tests.builders import NOON, outcome

E, U = (f"{kind}-{'0' * 24}" for kind in "eu")
LATE_S = DAY_S
ENDS = (3 * DAY_S, 7 * DAY_S)


def asked(day: float, lead_id: str = E, **features: float) -> Pending:
    snapshot = Snapshot(
        features=features or {"pages_7d": 1.0},
        score=0.3,
        model_version=2,
        asked_at=NOON + day * DAY_S,
        scores={"pipeline": 0.3, "classifier": 0.4},
    )
    return Pending(lead_id=lead_id, snapshots=[snapshot])


def won(day: float, lead_id: str = E) -> Record:
    return outcome(OutcomeKind.WON, lead_id, occurred_at=NOON + day * DAY_S)


def time(day: float, key: str = "t-0") -> Clock:
    return Clock(key=key, at=NOON + day * DAY_S)


class World(Fold):
    """The agent over its topic: what it sends there comes back."""

    def __init__(self, partitions: int = 1) -> None:
        super().__init__(make_label(ENDS, LATE_S, partitions))
        self.partitions = partitions

    def tell(self, *records: Record) -> "World":
        waiting = list(records)
        while waiting:
            record = waiting.pop(0)
            here = partition_of(self.agent.keys(record)[0].encode(), self.partitions)
            waiting = [emit.record for emit in self.apply(here, record) if emit.topic is QUESTIONS] + waiting
        return self

    @property
    def examples(self) -> list[TrainingExample]:
        return [it.record for it in self.emitted if it.topic is TRAINING_EXAMPLES]  # type: ignore[misc]

    @property
    def taught(self) -> list[tuple[int, int]]:
        return [(it.bucket, it.label) for it in self.examples]

    def pending(self, lead_id: str = E) -> Pending | None:
        here = partition_of(lead_id.encode(), self.partitions)
        return self.rows.get((PENDING.name, here, lead_id))  # type: ignore[return-value]


def test_each_bucket_teaches_when_time_has_passed_its_end_and_what_outcomes_may_be_late_by() -> None:
    world = World().tell(asked(0), time(3.9))
    assert world.taught == []
    assert world.tell(time(4)).taught == [(0, 0)]
    assert world.tell(won(6), time(7.9)).taught == [(0, 0)]
    assert world.tell(time(8)).taught == [(0, 0), (1, 1), (2, 1)]
    first, *_, verdict = world.examples
    assert (first.features, first.score, first.scored_at, first.buckets) == ({"pages_7d": 1.0}, 0.3, NOON, 2)
    assert (verdict.features, verdict.scores) == ({}, {"pipeline": 0.3, "classifier": 0.4})
    assert len({it.id for it in world.examples}) == 3


def test_who_converts_early_is_judged_at_the_horizon_with_those_who_do_not() -> None:
    world = World().tell(asked(0), won(1), time(4))
    assert world.taught == [(0, 1)]
    assert world.tell(time(8)).taught == [(0, 1), (2, 1)]


def test_the_nth_snapshot_of_a_lead_weighs_one_by_the_root_of_n() -> None:
    world = World().tell(asked(0), asked(1), asked(2), asked(3), time(60))
    assert [it.weight for it in world.examples if it.bucket == 0] == [n**-0.5 for n in (1, 2, 3, 4)]


def test_an_outcome_after_the_horizon_is_counted_and_not_learned() -> None:
    world = World().tell(asked(0), asked(0, U), time(8.5), won(8.2), won(7.5, U))
    assert world.fates["late"] == 2
    assert {label for _, label in world.taught} == {0}


def test_an_outcome_of_a_lead_of_whom_nothing_was_asked_is_late_too() -> None:
    assert World().tell(won(1)).fates["late"] == 1


def test_a_question_whose_first_bucket_is_over_is_not_asked() -> None:
    world = World().tell(time(10), asked(0))
    assert world.fates["not_asked"] == 1
    assert world.pending() is None
    assert world.tell(time(60)).taught == []


def test_what_waits_moves_with_a_lead_that_is_absorbed_and_is_taught_once() -> None:
    world = World(4).tell(asked(0, U), asked(1), Withdrawal(lead_id=U, into=E, at=NOON + DAY_S))
    assert world.pending(U) is None
    moved = world.pending()
    assert moved is not None
    assert [it.number for it in moved.snapshots] == [1, 2]
    world.tell(won(2), asked(20), time(60, "t-1"), time(61, "t-0"))
    taught = [(it.lead_id, it.bucket, it.label) for it in world.examples]
    assert taught.count((E, 0, 1)) == 2


def test_of_who_asks_to_be_forgotten_nothing_is_left_and_nothing_learned() -> None:
    world = World().tell(asked(0), Withdrawal(lead_id=E, into="", at=NOON), time(60))
    assert (world.pending(), world.taught) == (None, [])


def test_a_partition_that_hears_nothing_closes_by_the_others_time() -> None:
    world = World(4).tell(asked(0))
    home = partition_of(E.encode(), 4)
    other = next(lead for n in range(99) if partition_of((lead := f"e-{n}").encode(), 4) != home)
    world.tell(*(asked(day, other) for day in range(1, 9)))
    assert [(it.bucket, it.label) for it in world.examples if it.lead_id == E] == [(0, 0)]
    clocks = [row for (_, _, key), row in world.rows.items() if key == CLOCK]
    assert len(clocks) == 4


def test_others_are_told_the_time_so_often_and_not_with_each_record() -> None:
    world = World(4).tell(*(asked(hour / 24, f"e-{hour}") for hour in range(240)))
    ticks = [it for it in world.emitted if isinstance(it.record, Clock)]
    assert len(ticks) <= 3 * 240 / 3 + 3


def test_a_lead_that_asks_without_end_takes_a_bounded_row() -> None:
    traits = {f"trait_{number}={'x' * 50}": 1.0 for number in range(200)}
    world = World().tell(*(asked(number / 100, E, **traits) for number in range(50)))
    row = world.pending()
    assert row is not None
    assert sum(map(joiner.size, row.snapshots)) <= joiner.MOST_BYTES
    assert 0 < len(row.snapshots) < 50


def test_a_lead_is_forgotten_two_horizons_after_its_last_question() -> None:
    world = World().tell(asked(0), time(14.9))
    assert world.pending() is not None
    assert world.tell(time(15)).pending() is None


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_fold_that_starts_again_from_its_rows_goes_on_as_if_it_had_not(cut: int) -> None:
    log = [asked(0), asked(0.5, U), asked(2), won(2.5), asked(3, "e-3"), time(4.2), won(5, "e-3"), time(9), asked(9, U)]
    log += [time(12), time(14), time(40)]
    straight, broken = World().tell(*log), World().tell(*log[:cut])
    again = World()
    again.rows = dict(broken.rows)
    again.tell(*log[cut:])
    assert again.rows == straight.rows
    assert broken.examples + again.examples == straight.examples
