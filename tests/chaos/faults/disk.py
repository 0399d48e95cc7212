"""Faults of the disk that workers keep their state on. Needs the right to mount (root)."""

import asyncio
import subprocess
from pathlib import Path

from tests.chaos.world import World

TICK_S = 0.2
FILL = "filler"


async def fill_disk(world: World, size_mib: int = 64, for_s: float = 30.0) -> None:
    """Every worker's state moves to a small disk, which is full for a while; then it has room again."""
    keeper = world.workers
    disk = keeper.disk
    await keeper.stop()
    disk.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "leadstream-chaos", str(disk))
    try:
        for worker in keeper.workers.values():
            worker.start()
        await world.at_work()
        filled = asyncio.create_task(_fill(disk / FILL))
        await asyncio.sleep(for_s)
        filled.cancel()
        _run("mount", "-o", f"remount,size={size_mib * 8}m", str(disk))
        await asyncio.sleep(for_s / 3)
    finally:
        await keeper.stop()
        _run("umount", "--lazy", str(disk))
        for worker in keeper.workers.values():
            worker.start()


async def _fill(file: Path) -> None:
    """Take whatever room there is, again and again, until cancelled."""
    while True:
        await asyncio.to_thread(_take, file)
        await asyncio.sleep(TICK_S)


def _take(file: Path) -> None:
    try:
        with file.open("ab", buffering=0) as rest:
            while rest.write(bytes(4096)):
                pass
    except OSError:
        return


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
