"""Whether what nobody can use lies among the dead letters: each once, with its reason."""

from collections import Counter, defaultdict

from schemas.records import DeadLetter, RawEvent, Touchpoint
from schemas.rejected import Reason
from schemas.topics import DEAD_LETTERS, EVENTS, TOUCHPOINTS
from streams.agents.resolve import digest_of
from tests.chaos.case import Checks
from tests.chaos.checks import readable
from tests.chaos.ledger import Books
from tests.chaos.world import Spot, World
from tests.reference import Log

SOURCE = "segment"  # of the events that are spoilt or collide


def burials(checks: Checks, world: World, log: Log, books: Books) -> list[str]:
    """What nobody can use is buried once, with its reason; a body that shows it at the door is refused."""
    if not checks.buried:
        return []
    expected, loose = dict(world.poison), 0
    for topic in EVENTS.values():
        for one, raw in readable(log, topic):
            assert isinstance(raw, RawEvent)
            if raw.event_id in world.smuggled:
                expected[topic.name, one.partition, one.offset] = world.smuggled[raw.event_id]
    refused = {id_ for id_, reason in world.smuggled.items() if not reason}
    loose = len(refused - set(books.refused))
    found = Counter(_letters(log))
    amiss = sum(found[spot, reason] != 1 for spot, reason in expected.items())
    failed = [f"{amiss} of {len(expected)} unusable records not buried once with their reason"] if amiss else []
    failed += [f"{loose} of {len(refused)} unusable bodies not refused"] if loose else []
    return failed if expected else ["nothing was poisoned"]


def conflicts(checks: Checks, world: World, log: Log) -> tuple[list[str], list[str]]:
    """Whoever gave an id to a second event finds that event buried as `id_conflict`. Returns what failed, and notes."""
    if not checks.conflicts:
        return [], []
    said: defaultdict[str, set[int]] = defaultdict(set)
    lies: dict[Spot, str] = {}
    for one, touch in readable(log, TOUCHPOINTS):
        if isinstance(touch, Touchpoint):
            said[touch.id].add(touch.digest)
            lies[TOUCHPOINTS.name, one.partition, one.offset] = touch.id
    twice = {id_ for id_ in (digest_of(SOURCE, id_) for id_ in world.collided) if len(said[id_]) > 1}
    buried = {lies[spot] for spot, reason in _letters(log) if reason == Reason.ID_CONFLICT and spot in lies}
    failed = [f"{len(twice - buried)} of {len(twice)} ids with two meanings not buried"] if twice - buried else []
    return failed if twice else ["no id had two meanings"], [f"{len(twice)} ids with two meanings"]


def _letters(log: Log) -> list[tuple[Spot, str]]:
    found = []
    for one in log[DEAD_LETTERS.name]:
        dead = one.record
        assert isinstance(dead, DeadLetter)
        found.append(((dead.topic, dead.partition, dead.offset), str(dead.reason)))
    return found
