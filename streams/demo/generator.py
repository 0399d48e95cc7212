"""A month of made-up traffic from a seed: people, what they do, what goes wrong, in the order in which it is sent."""

import random
from collections.abc import Iterator

from streams.demo.faults import BROKEN, EXTRA, broken, disturb
from streams.demo.journeys import PERIOD, journey
from streams.demo.people import Role, person
from streams.demo.sends import Event, Send, pack


def generate(seed: int, events: int, ends: float) -> Iterator[Send]:
    """Yield about `events` events, packed into requests in time order, over the thirty days before `ends` (s, UTC).

    The same arguments give the same bytes. Ids carry `seed` and `ends`, so that one run's leads are not the next one's.
    """
    rng = random.Random(seed)
    yield from pack(timeline(seed, events, ends), rng)


def timeline(seed: int, events: int, ends: float) -> list[Event]:
    """Return the single events of `generate`, in the order in which they are sent."""
    name = f"{seed}-{int(ends):x}"
    rng = random.Random(f"{name}/timeline")
    wanted, number = events / (1.0 + EXTRA), 0
    lived: list[Event] = []
    while len(lived) < wanted:
        lived += _life(number, name, ends)
        number += 1
    sent = disturb(lived, rng)
    for index in range(round(BROKEN * len(lived))):
        who = person(rng.randrange(number), name)
        sent.append(broken(who, ends - rng.uniform(0.0, PERIOD), index, rng))
    return sorted((event for event in sent if event.at <= ends), key=lambda event: event.at)


def _life(number: int, name: str, ends: float) -> list[Event]:
    """Return one person's events. Whoever becomes a lead begins early enough for the CRM to have spoken by `ends`."""
    who = person(number, name)
    begins = ends - PERIOD
    share = random.Random(f"{name}/begin/{number}").random()
    lived = journey(who, random.Random(f"{name}/journey/{number}"), begins)
    room = PERIOD if who.role in (Role.STRANGER, Role.BOT) else max(0.0, ends - lived[-1].at)
    return journey(who, random.Random(f"{name}/journey/{number}"), begins + share * room)
