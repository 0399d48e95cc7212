"""Plays a case's faults in their order: each as often as it says, each after its pause."""

import asyncio

from tests.chaos.case import Case, Step
from tests.chaos.faults import FAULTS
from tests.chaos.world import World


async def play(case: Case, world: World) -> None:
    """Return when the last fault is over. Raises `KeyError` for a fault nobody knows."""
    for step in case.faults:
        for number in range(step.times):
            await asyncio.sleep(world.rng.uniform(*step.every_s))
            with world.trouble(step.do):
                await FAULTS[step.do](world, **step.options)
            _tell(world, step, number + 1)


def _tell(world: World, step: Step, number: int) -> None:
    if number == step.times or number % 10 == 0:
        world.say(f"{step.do} {number} of {step.times}")
