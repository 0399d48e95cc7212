"""What a poll takes into a round: all that has come since the last one, in order, and no more than a round holds."""

import asyncio
from collections.abc import Iterable
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.transport import AT_ONCE_S, ENOUGH, BatchConsumer

ONE, OTHER = TP("t", 0), TP("t", 1)
BEHIND = TP("labels", 0)  # nobody waits for these
Brought = dict[TP, list[int]]


class Polled(BatchConsumer):
    """A consumer whose fetches are scripted: what each brings, and whether it was waiting to be taken."""

    def __init__(self, script: Iterable[tuple[Brought, bool]], most: int = 100, active: set[TP] | None = None) -> None:
        self._script, self._most, self._active = list(script), most, active
        self.moves_at, self._asked = -1, 0  # the fetch during which partitions move
        self.bounds: list[int] = []
        self._taken = self._moves = 0
        self._left, self._enough = {}, set()
        self.due = True

    @property
    def host(self) -> Any:
        pace = SimpleNamespace(limit=self._most, background=lambda _now, alone: 2 if alone or self.due else 0)
        return SimpleNamespace(pace=pace, waits=lambda topic: topic != BEHIND.topic)

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109, ARG002 - Faust's
        if not self._script:
            return {}, self._active
        brought, waiting = self._script.pop(0)
        if self._asked == self.moves_at:
            self._void()
        self._asked += 1
        self.bounds.append(max(self._most - self._taken, 1))
        if not waiting:
            await asyncio.sleep(2 * AT_ONCE_S)
        return brought, self._active

    def poll(self) -> dict[TP, list[int]]:
        slices = asyncio.run(self._gather())
        return {TP(it.topic, it.partition): cast("list[int]", it.records) for it in slices}


def test_what_was_waiting_is_old_so_what_follows_it_is_asked_for() -> None:
    assert Polled([({ONE: [1, 2]}, True), ({ONE: [3], OTHER: [7]}, False)]).poll() == {ONE: [1, 2, 3], OTHER: [7]}


def test_what_was_waited_for_is_fresh_and_goes_at_once() -> None:
    consumer = Polled([({ONE: [1]}, False), ({ONE: [2]}, True)])
    assert consumer.poll() == {ONE: [1]}
    assert consumer.poll() == {ONE: [2]}


def test_what_was_taken_before_a_restore_is_dropped_since_it_comes_again() -> None:
    consumer = Polled([({ONE: [1, 2], OTHER: [7]}, True), ({ONE: [1, 2, 3]}, False), ({OTHER: [7]}, False)])
    consumer.moves_at = 1
    assert consumer.poll() == {ONE: [1, 2, 3]}
    assert consumer.poll() == {OTHER: [7]}


def test_partitions_that_are_not_ours_any_more_bring_nothing() -> None:
    assert Polled([({ONE: [1], OTHER: [7]}, True), ({}, False)], active={ONE}).poll() == {ONE: [1]}


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 20))
def test_nothing_is_lost_or_out_of_order_and_a_full_round_asks_for_no_more(sizes: list[int], most: int) -> None:
    numbers = iter(range(100))
    script = [({ONE: list(islice(numbers, size))}, True) for size in sizes]
    consumer, taken = Polled(script, most), list[int]()
    while round_ := consumer.poll():
        taken += round_[ONE]
        assert len(round_[ONE]) < most + max(sizes)
    assert taken == list(range(sum(sizes)))
    assert all(1 <= bound <= most for bound in consumer.bounds)


class Buffered(Polled):
    """A consumer whose fetches bring, in this order, what lies there: as much as it asks for, of where it asks."""

    def __init__(self, there: Brought, most: int = 100) -> None:
        super().__init__((), most)
        self.there = {tp: list(records) for tp, records in there.items()}

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109, ARG002 - Faust's
        room, brought = max(self._most - self._taken, 1), Brought()
        for tp in [tp for tp, records in self.there.items() if records and tp not in self._enough]:
            brought[tp], self.there[tp] = self.there[tp][:room], self.there[tp][room:]
            room -= len(brought[tp])
            if room <= 0:
                break
        return brought, None


def test_of_what_nobody_waits_for_a_few_go_along_and_the_others_later_in_order() -> None:
    consumer = Buffered({BEHIND: [1, 2, 3, 4, 5], ONE: [7, 8]})
    assert consumer.poll() == {BEHIND: [1, 2], ONE: [7, 8]}
    assert consumer.poll() == {BEHIND: [3, 4]}
    assert consumer.poll() == {BEHIND: [5]}
    assert consumer.poll() == {}


def test_of_what_nobody_waits_for_nothing_goes_along_before_it_is_time_unless_there_is_nothing_else() -> None:
    consumer = Buffered({BEHIND: [1, 2, 3], ONE: [7]})
    consumer.due = False
    assert consumer.poll() == {ONE: [7]}
    assert consumer.poll() == {BEHIND: [1, 2]}


@given(st.integers(1, 300))
def test_what_nobody_waits_for_fills_no_poll_however_small_and_however_much_there_is(most: int) -> None:
    leads = list(range(50))
    consumer, taken = Buffered({BEHIND: list(range(2_000)), ONE: leads}, most), list[int]()
    for _ in range(-(-len(leads) // most)):
        taken += consumer.poll()[ONE]
        assert len(consumer._left.get(BEHIND, ())) <= ENOUGH + most
    assert taken == leads


@given(st.dictionaries(st.sampled_from([BEHIND, ONE, OTHER]), st.integers(0, 300)), st.integers(1, 150), st.booleans())
def test_all_is_taken_once_and_in_order(sizes: dict[TP, int], most: int, due: bool) -> None:
    consumer, taken = Buffered({tp: list(range(size)) for tp, size in sizes.items()}, most), dict[TP, list[int]]()
    consumer.due = due
    while round_ := consumer.poll():
        for tp, records in round_.items():
            taken.setdefault(tp, []).extend(records)
    assert taken == {tp: list(range(size)) for tp, size in sizes.items() if size}


def test_a_few_that_are_kept_do_not_keep_their_partition_from_being_asked() -> None:
    consumer = Buffered({BEHIND: [1, 2, 3]})
    assert consumer.poll() == {BEHIND: [1, 2]}
    consumer.there[BEHIND] = [4]
    assert consumer.poll() == {BEHIND: [3, 4]}


def test_what_was_left_for_later_is_dropped_when_partitions_move_since_it_comes_again() -> None:
    consumer = Polled([({BEHIND: [1, 2, 3]}, False), ({}, True), ({BEHIND: [1, 2, 3]}, False), ({}, True)])
    assert consumer.poll() == {BEHIND: [1, 2]}
    consumer._void()
    assert consumer.poll() == {BEHIND: [1, 2]}
