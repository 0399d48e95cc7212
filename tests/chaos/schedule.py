"""Plays a case's faults in their order, each as often as it says; or, for a time, any of several, several at once."""

import asyncio
import time

from tests.chaos.case import Case, Step
from tests.chaos.faults import FAULTS
from tests.chaos.world import World


async def play(case: Case, world: World) -> None:
    """Return when the last fault is over. Raises `KeyError` for a fault nobody knows."""
    for step in case.faults:
        if step.among:
            until = time.monotonic() + step.for_s
            await asyncio.gather(*(_any(step, world, until) for _ in range(step.at_once)))
            continue
        for number in range(1, step.times + 1):
            await _one(step, world)
            if number == step.times or number % 10 == 0:
                world.say(f"{step.do} {number} of {step.times}")


async def _any(step: Step, world: World, until: float) -> None:
    while time.monotonic() < until:
        chosen = world.rng.choice(step.among)
        world.say(f"{chosen.do} {chosen.options or ''}")
        await _one(chosen, world)


async def _one(step: Step, world: World) -> None:
    await asyncio.sleep(world.rng.uniform(*step.every_s))
    with world.trouble(step.do, step.options.get("partition", -1)):
        await FAULTS[step.do](world, **step.options)
