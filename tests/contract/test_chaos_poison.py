"""What the poison rows and the control rest on: every kind is refused with a reason, what is not buried is found."""

import random
from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.letters import letter
from schemas.rejected import Reason
from schemas.topics import DEAD_LETTERS, LEADS_PROFILES, LEADS_ROUTED, Topic
from streams.engine.exits import Exit
from tests.chaos import conduct, naive
from tests.chaos.buried import burials
from tests.chaos.case import Checks
from tests.chaos.faults.records import TOPICS, poisons, reason_of
from tests.chaos.ledger import Books
from tests.pipeline import CODEC, Landed

POISON: dict[tuple[str, int, int], str] = {
    ("events.web", 0, 4): Reason.UNDECODABLE,
    ("touchpoints", 1, 2): Reason.TOMBSTONE,
}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_kind_of_poison_is_refused_with_a_reason(topic: Topic) -> None:
    for seed in range(50):
        for value in poisons(random.Random(seed)):
            assert reason_of(topic, value) in {Reason.UNDECODABLE, Reason.UNKNOWN_SCHEMA, Reason.TOMBSTONE}


def buried(*letters: tuple[tuple[str, int, int], str]) -> dict[str, list[Landed]]:
    """A log in which these are buried."""
    dead = [
        letter(place, b"", b"", stage="resolve", reason=reason, detail="", failed_at=0.0) for place, reason in letters
    ]
    return {DEAD_LETTERS.name: [Landed(0, n, it.id, CODEC.encode(it), DEAD_LETTERS) for n, it in enumerate(dead)]}


def failures(log: dict[str, list[Landed]], poison: dict[tuple[str, int, int], str]) -> list[str]:
    """What the check of burials says."""
    world: Any = SimpleNamespace(poison=poison, smuggled={})
    return burials(Checks(buried=True), world, defaultdict(list, log), Books())


def test_poison_that_is_buried_once_with_its_reason_is_as_it_should_be() -> None:
    assert failures(buried(*POISON.items()), POISON) == []


@pytest.mark.parametrize("spoil", ["missing", "twice", "another reason", "no poison"])
def test_poison_that_is_not_buried_once_with_its_reason_is_found(spoil: str) -> None:
    [first, *rest] = POISON.items()
    letters = {"missing": rest, "twice": [first, first, *rest], "another reason": [(first[0], Reason.CRASH), *rest]}
    assert failures(buried(*letters.get(spoil, [])), {} if spoil == "no poison" else POISON)


def test_workers_that_end_where_they_should_not_or_do_not_where_they_should_are_found() -> None:
    assert conduct.exits(Checks(steady=True), Counter({0: 2})) == []
    assert conduct.exits(Checks(steady=True), Counter({0: 2, 1: 1}))
    assert conduct.exits(Checks(exit_code=Exit.STATE), Counter({0: 2, 74: 1})) == []
    assert conduct.exits(Checks(exit_code=Exit.STATE), Counter({0: 2}))


def test_the_controls_state_rows_are_read_without_the_partition_in_their_keys() -> None:
    row, out = Landed(3, 0, "3/e-1", b"", LEADS_PROFILES), Landed(3, 0, "e/1", b"", LEADS_ROUTED)
    read = naive.told({LEADS_PROFILES.name: [row], LEADS_ROUTED.name: [out]})
    assert (read[LEADS_PROFILES.name][0].key, read[LEADS_ROUTED.name][0].key) == ("e-1", "e/1")
