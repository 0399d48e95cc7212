"""One row: a calm start with an empty Prometheus, the fault, and who was told of what, and when."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from tests.drill.case import Case
from tests.drill.desk import Desk, Told
from tests.drill.faults import FAULTS
from tests.drill.machine import excused
from tests.drill.pictures import picture
from tests.drill.report import Fired, Row
from tests.drill.scaling import routes, rules
from tests.drill.site import Site
from tests.prometheus import Alertmanager, Prometheus

SCALE = 10.0
CALM_S = 15.0  # so long nothing fires, nor is about to, before a fault begins
SETTLES_S, TRIES = 40.0, 4
STAYS_S = 4.0  # after the last alert that was expected
TICK_S = 0.25


async def run(case: Case, site: Site, desk: Desk, folder: Path, say: Callable[[str], None]) -> Row:
    """Return what the fault came to. Windows begin empty, so nothing of an earlier fault fires in this one."""
    watch, restless = await _calm(case, site, desk, folder)
    if restless:
        say(f"not calm before it begins: {', '.join(sorted(restless))}")
    began = time.monotonic()
    try:
        async with FAULTS[case.do](site, **case.options):
            say(case.title)
            await _told(case, desk, began)
            if case.pictured:
                await asyncio.to_thread(picture, watch.prometheus, case, time.monotonic() - began)
    finally:
        watch.stop()
    return _row(case, desk.since(began), began, restless)


async def _told(case: Case, desk: Desk, began: float) -> None:
    """Return when everything expected was told and the fault has lasted, or when the last is overdue."""
    until = began + max(case.lasts_s, *case.expects.values(), 0.0)
    while time.monotonic() < until:
        found = desk.since(began)
        if case.expects and case.expects.keys() <= found.keys():
            until = min(until, max(began + case.lasts_s, max(it.at for it in found.values()) + STAYS_S))
        await asyncio.sleep(TICK_S)


async def _calm(case: Case, site: Site, desk: Desk, folder: Path) -> tuple["Watch", set[str]]:
    """Return a fresh watch, and what would not be quiet in it: nothing, once the pipeline is well."""
    for left in reversed(range(TRIES)):
        watch = Watch(site, desk, folder / f"watch-{TRIES - left}")
        watch.start()
        restless = await _quiet(watch, case)
        if not restless or not left:
            return watch, restless
        watch.stop()
    raise AssertionError("the last try returns")


async def _quiet(watch: "Watch", case: Case) -> set[str]:
    """Return what fires or is about to after a while, or nothing as soon as nothing has for long enough.

    Of tickets only those count that the fault is to bring: the traffic has its own share of events nobody can use.
    """
    restless: set[str] = set()
    began = quiet_since = time.monotonic()
    while time.monotonic() - began < SETTLES_S:
        found = await asyncio.to_thread(watch.prometheus.alerts)
        restless = {name for name, severity in found.items() if severity == "page" or name in case.expects} - excused()
        quiet_since = time.monotonic() if restless else quiet_since
        if time.monotonic() - quiet_since > CALM_S:
            return set()
        await asyncio.sleep(TICK_S)
    return restless or {"alerts come and go"}


class Watch:
    """Prometheus and Alertmanager, with our rules at the drill's pace, telling the desk."""

    def __init__(self, site: Site, desk: Desk, folder: Path) -> None:
        config = routes(SCALE, desk.url("page"), desk.url("ticket"))
        self.alertmanager = Alertmanager(folder / "alertmanager", config)
        self.prometheus = Prometheus(folder / "prometheus", site.targets(), rules(SCALE), self.alertmanager.address)

    def start(self) -> None:
        """Start both."""
        self.alertmanager.start()
        self.prometheus.start()

    def stop(self) -> None:
        """End both."""
        self.prometheus.stop()
        self.alertmanager.stop()


def _row(case: Case, found: dict[str, Told], began: float, restless: set[str]) -> Row:
    expected = tuple(
        Fired(
            name,
            found[name].severity if name in found else "",
            found[name].at - began if name in found else None,
            limit,
        )
        for name, limit in case.expects.items()
    )
    others = {name: it for name, it in found.items() if name not in case.expects}
    pages = {name for name, it in others.items() if it.severity == "page"}
    machine = (pages & excused()) - set(case.brings)
    return Row(
        name=case.name,
        title=case.title,
        expected=expected,
        brought=tuple(sorted(pages & set(case.brings))),
        unrelated=tuple(sorted(pages - set(case.brings) - machine)),
        tickets=tuple(sorted(others.keys() - pages)),
        restless=tuple(sorted(restless)),
        machine=tuple(sorted(machine)),
    )
