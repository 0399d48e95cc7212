"""As whom we are known to the group is read while another thread changes it: never half of one and half of another."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from streams.engine.rounds import Membership
from streams.engine.transport import BatchConsumerThread


class Now(NamedTuple):
    """What the coordinator holds at a moment."""

    generation: int
    member: str


class Moving:
    """A coordinator whose fields change between any two looks at them; in the end they stay as they are."""

    def __init__(self, *moments: Now) -> None:
        self._moments: Iterator[Now] = iter(moments)
        self._now = moments[0]

    def _look(self) -> Now:
        now, self._now = self._now, next(self._moments, self._now)
        return now

    generation = property(lambda self: self._look().generation)
    member_id = property(lambda self: self._look().member)


OLD, GONE, NEW = Now(3, "old"), Now(-1, ""), Now(4, "new")


@pytest.mark.parametrize(
    "moments",
    [
        (OLD, OLD),
        (OLD, OLD, GONE),
        (OLD, OLD, Now(-1, "old"), GONE),
        (GONE, GONE, Now(-1, "new"), NEW),
        (OLD, GONE, NEW),
    ],
)
def test_a_membership_that_holds_is_one_that_there_was(moments: tuple[Now, ...]) -> None:
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: SimpleNamespace(_coordinator=Moving(*moments)))
    found = BatchConsumerThread.membership(thread)
    assert found in {Membership(*moment) for moment in moments}
    assert found.generation < 0 or found.member


def test_a_generation_without_a_member_is_none() -> None:
    halfway = Now(3, "")  # aiokafka puts the number back first, and then the name, when it has synced
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: SimpleNamespace(_coordinator=Moving(halfway)))
    assert BatchConsumerThread.membership(thread).generation < 0
