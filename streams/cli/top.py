"""`leadstream top`: the pipeline at a glance, looked at again and again, straight from Kafka."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.cli.output import Json, console, explained, show_json, when

if TYPE_CHECKING:
    from connectors.pulse import Beat, Pulse

__all__ = ["glance", "top"]

LATE_S, OLD_S = 60.0, 10.0  # red, yellow
GROUPS = {"leadstream": "workers", "leadstream-fetcher": "fetchers", "leadstream-view": "views"}
RELAY = "leadstream-relay"
FIGURES = {"auc", "ece"}
Glance = dict[str, dict[str, dict[str, object]]]


def top(
    once: Annotated[bool, typer.Option("--once", help="Print one look and end: for pipes and scripts.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.5, help="Seconds between looks.")] = 2.0,
    workers: Annotated[
        list[str] | None,
        typer.Option("--worker", help="A worker's /metrics, to see its rounds; may be given several times."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Watch the pipeline live: rates, lag, dead letters, destinations, model, and rounds with --worker.

    Needs Kafka alone and joins no group, so it works when nothing else does. Rates are between two looks.
    """
    from connectors.kafka import BrokerUnreachable
    from streams.cli.rounds import rounds

    urls = tuple(workers or ())
    with explained(), _pulse() as pulse:
        before, then = pulse.look(time.time()), rounds(urls)
        if once or as_json or not console.is_terminal:
            time.sleep(every)
            beat, now = pulse.look(time.time()), rounds(urls)
            found = glance(before, beat, then, now)
            show_json(found) if as_json else console.print(_screen(found, beat.at))
            return
        with Live(Text("looking"), console=console, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    time.sleep(every)
                    try:
                        beat, now = pulse.look(time.time()), rounds(urls)
                    except BrokerUnreachable as error:
                        live.update(Text(str(error), style="red"), refresh=True)
                        continue
                    live.update(_screen(glance(before, beat, then, now), beat.at), refresh=True)
                    before, then = beat, now
            except KeyboardInterrupt:
                return


@contextmanager
def _pulse() -> "Iterator[Pulse]":
    from connectors.destinations import groups
    from connectors.pulse import Pulse
    from connectors.settings import ProbeSettings

    settings = ProbeSettings.read(os.environ)
    pulse = Pulse(settings, groups(settings.destinations_file))
    try:
        yield pulse
    finally:
        pulse.close()


def glance(before: "Beat", beat: "Beat", then: Mapping[str, float], now: Mapping[str, float]) -> Glance:
    """Return what two looks tell, by table, row and column. `then` and `now` are workers' counters, if any."""
    took_s = max(beat.at - before.at, 1e-6)

    def pace(topic: str) -> dict[str, object]:
        return {"per second": round((beat.ends[topic] - before.ends[topic]) / took_s, 1), "in all": beat.ends[topic]}

    found: Glance = {"topics": {topic: pace(topic) for topic in beat.ends}, "lag": {}, "destinations": {}, "model": {}}
    for group in beat.lags:
        lag = beat.lag(group)
        row: dict[str, object] = {
            "records": lag.records,
            "seconds": round(lag.seconds, 1),
            "still for": round(lag.still_s, 1),
        }
        if group.startswith(RELAY):
            name = group.removeprefix(RELAY).lstrip("-") or "the only one"
            found["destinations"][name] = {"state": str(beat.destinations.get(name, "running")), **row}
        else:
            found["lag"][GROUPS.get(group, group)] = row
    if (model := beat.model) is not None:
        made: dict[str, object] = {"version": model.version, "labels": model.examples, "made": when(model.created_at)}
        made.update({it: round(model.metrics[it], 3) for it in FIGURES & {*model.metrics}})
        found["model"][model.champion] = made
    if now:
        found["rounds"] = {
            name: {"per second": round((value - then.get(name, 0.0)) / took_s, 2), "in all": int(value)}
            for name, value in now.items()
        }
    return found


def _screen(found: Glance, at: float) -> Group:
    tables: list[Table | Text] = [Text(f"leadstream  {when(at)}", style="bold")]
    for title, rows in found.items():
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        table = Table(title, *columns, box=None, header_style="bold", padding=(0, 2, 0, 0))
        for column in table.columns[1:]:
            column.justify = "right"
        for name, row in rows.items():
            table.add_row(name, *(str(row.get(column, "")) for column in columns), style=_style(row))
        if rows:
            tables += [Text(""), table]
    return Group(*tables)


def _style(row: Mapping[str, object]) -> str:
    """Red is late, or wants no more; yellow is on its way there, or paused."""
    late_s = row.get("seconds", 0.0)
    if row.get("state") == "disabled" or (isinstance(late_s, float) and late_s >= LATE_S):
        return "red"
    if row.get("state") == "paused" or (isinstance(late_s, float) and late_s >= OLD_S):
        return "yellow"
    return ""
