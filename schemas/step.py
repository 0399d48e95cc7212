"""What a step is: `step(states, record) -> Applied`, pure; the same in production, tests and replay."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.records import Record
from schemas.topics import Emit, Topic

States = tuple[Record | None, ...]


class Applied(NamedTuple):
    """The new states (one for each table of the agent), what is to be sent, and the record's fate, for the audit."""

    states: States
    emits: tuple[Emit, ...]
    fate: str


class Alarm(NamedTuple):
    """What wakes rows of an agent's first table when event time has come that far, whoever's record brought it.

    `due(row)` = when a row is to be woken, None = not at all; `now(states)` = the time, by the states after a step;
    `ring(states)`: the pure step of a row that is due, which then is due later, or is gone. After each record at most
    `most` rows are woken, the earliest first, in the partition that the record lies in.
    """

    due: Callable[[Record], float | None]
    now: Callable[[States], float]
    ring: Callable[[States], Applied]
    most: int = 100


class Arrival(NamedTuple):
    """A record as Kafka has it. `at` = when the broker took it, seconds since the epoch."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    at: float


class Foreign(NamedTuple):
    """How an agent takes records that others write to its inputs. Both functions are pure, and raise `Rejected`.

    `own` is the record its step knows. `envelope` reads one whose headers say what it is (None = they do not), `adopt`
    one that is another record of ours.
    """

    own: type[Record]
    envelope: Callable[[Arrival], Record | None]
    adopt: Callable[[Record, Arrival], Record]


def _nothing() -> None:
    """Make nothing ready."""


def _on_nothing() -> int:
    """Lean on nothing."""
    return -1


class Agent(NamedTuple):
    """An agent, declared: what it reads, what it keeps, and the pure step between them.

    `tables` are compacted topics; `keys(record)` gives a key into each. Where `keyed`, the first of them must also be
    the record's Kafka key: a record under another key is re-keyed, not trusted. `step` raises `Rejected` for the
    event's fault. `prepare` is called once, before the worker joins its group: the place for what takes seconds, since
    a step holds a transaction open, and partitions that come wait for it. `lean` is called before each slice of
    records: it fixes what the step leans on beside states and record (a model), and returns its version, which the
    slice's audit keeps: with that, a replay can lean on the same. -1 = on nothing. `foreign` says how it takes what
    others write to its inputs. Nobody waits for what a `background` agent makes: it gets a moment now and then.
    """

    name: str
    inputs: tuple[Topic, ...]
    tables: tuple[Topic, ...]
    keys: Callable[[Record], tuple[str, ...]]
    step: Callable[[States, Record], Applied]
    keyed: bool = True
    prepare: Callable[[], None] = _nothing
    lean: Callable[[], int] = _on_nothing
    alarm: Alarm | None = None
    foreign: Foreign | None = None
    background: bool = False
