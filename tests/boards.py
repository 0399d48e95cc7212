"""Pictures of dashboards where no Grafana is to be had: a board's JSON and a Prometheus' answers, drawn as SVG.

The layout, titles, units and queries are the board's own; only the drawing is ours, and plainer than Grafana's.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

from tests.prometheus import Prometheus

COLUMN, LINE, GAP, EDGE = 50, 32, 4, 10  # pixels: of Grafana's grid, between panels, inside them
TITLE, LEGEND, AXIS = 26, 16, 52
SHOWN = 6  # names in a legend; the rest is counted
COLORS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#c0d8ff", "#ffa6b0", "#96d98d")
PER_SECOND = {"rps", "eps", "ops", "reqps"}
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


class Line(NamedTuple):
    """One line of a panel: its name, and its points (time, value), seconds."""

    name: str
    points: list[tuple[float, float]]


def draw(board: Mapping[str, Any], prometheus: Prometheus, span: tuple[float, float], window: str, told: str) -> str:
    """Return the board as SVG over `span` (from, to, s); `window` stands for `$__rate_interval`, `told` is under it."""
    body, bottom = [], 0.0
    for panel in board["panels"]:
        grid = panel["gridPos"]
        left, top = grid["x"] * COLUMN, grid["y"] * LINE + 2 * TITLE
        width, height = grid["w"] * COLUMN - GAP, grid["h"] * LINE - GAP
        bottom = max(bottom, top + height)
        inside = (
            _heading(panel)
            if panel["type"] == "row"
            else _panel(panel, list(_lines(panel, prometheus, span, window)), (width, height), span)
        )
        body.append(f'<g transform="translate({left},{top})">{inside}</g>')
    width = 24 * COLUMN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + EDGE:.0f}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="#111217"/>'
        f'<text x="{EDGE}" y="24" fill="#fff" font-size="18">{escape(board["title"])}</text>'
        f'<text x="{EDGE}" y="43" fill="#9fa7b3" font-size="12">{escape(told)}</text>{"".join(body)}</svg>\n'
    )


def _lines(panel: Mapping[str, Any], prometheus: Prometheus, span: tuple[float, float], window: str) -> Iterator[Line]:
    start, end = span
    step_s = max((end - start) / 60, 1.0)
    for target in panel["targets"]:
        expr = str(target["expr"]).replace("$__rate_interval", window)
        for series in prometheus.query_range(expr, start, end, step_s):
            points = [(float(at), float(value)) for at, value in series["values"]]
            yield Line(_name(target.get("legendFormat", ""), series["metric"]), [it for it in points if _drawn(it[1])])


def _name(legend: str, labels: Mapping[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace("{{" + label + "}}", value)
    return re.sub(r"\{\{\w+\}\}", "", legend).strip() or "value"  # a label that this series does not have


def _drawn(value: float) -> bool:
    return not (math.isnan(value) or math.isinf(value))


def _heading(panel: Mapping[str, Any]) -> str:
    return f'<text x="{EDGE}" y="22" fill="#ccccdc" font-size="14" font-weight="bold">{escape(panel["title"])}</text>'


def _panel(panel: Mapping[str, Any], lines: list[Line], size: tuple[float, float], span: tuple[float, float]) -> str:
    width, height = size
    unit = panel["fieldConfig"]["defaults"].get("unit", "none")
    inside = _numbers(lines, unit, size) if panel["type"] == "stat" else _chart(lines, unit, size, span)
    return (
        f'<rect width="{width}" height="{height}" rx="3" fill="#181b1f" stroke="#2c3235"/>'
        f'<text x="{EDGE}" y="18" fill="#ccccdc" font-size="13">{escape(panel["title"])}</text>{inside}'
    )


def _numbers(lines: list[Line], unit: str, size: tuple[float, float]) -> str:
    """The last value of each line, side by side."""
    width, height = size
    found = [(it.name, it.points[-1][1]) for it in lines if it.points]
    if not found:
        return _nothing(size)
    room = width / len(found)
    return "".join(
        f'<text x="{room * (place + 0.5):.0f}" y="{height * 0.68:.0f}" fill="{COLORS[0]}" text-anchor="middle" '
        f'font-size="{min(30, room / 3):.0f}">{value_of(value, unit)}</text>'
        + ("" if name == "value" else _small(room * (place + 0.5), height - 8, name, "middle"))
        for place, (name, value) in enumerate(found)
    )


def _chart(lines: list[Line], unit: str, size: tuple[float, float], span: tuple[float, float]) -> str:
    width, height = size
    drawn = [it for it in lines if it.points]
    if not drawn:
        return _nothing(size)
    most = max(value for it in drawn for _, value in it.points)
    least = min(0.0, *(value for it in drawn for _, value in it.points))
    top = most if most > least else least + 1.0
    legend = min(len(drawn), SHOWN + 1) * LEGEND
    bottom = height - legend - EDGE
    start, end = span

    def x(at: float) -> float:
        return AXIS + (at - start) / (end - start) * (width - AXIS - EDGE)

    def y(value: float) -> float:
        return bottom - (value - least) / (top - least) * (bottom - TITLE - 4)

    marks = [least + (top - least) * share for share in (0.0, 0.5, 1.0)]
    grid = "".join(
        f'<path d="M{AXIS} {y(mark):.1f}H{width - EDGE}" stroke="#2c3235"/>'
        + _small(AXIS - 5, y(mark) + 4, value_of(mark, unit), "end")
        for mark in marks
    )
    curves = "".join(
        f'<polyline fill="none" stroke="{color}" stroke-width="1.5" points="'
        + " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in it.points)
        + '"/>'
        for it, color in _colored(drawn)
    )
    return grid + curves + _legend(drawn, unit, bottom + EDGE)


def _legend(drawn: list[Line], unit: str, top: float) -> str:
    rows = [
        f'<rect x="{EDGE}" y="{top + place * LEGEND + 6:.0f}" width="12" height="3" fill="{color}"/>'
        + _small(EDGE + 18, top + place * LEGEND + 11, f"{it.name}  {value_of(it.points[-1][1], unit)}", "start")
        for place, (it, color) in enumerate(_colored(drawn[:SHOWN]))
    ]
    if len(drawn) > SHOWN:
        rows.append(_small(EDGE + 18, top + SHOWN * LEGEND + 11, f"and {len(drawn) - SHOWN} more", "start"))
    return "".join(rows)


def _colored(lines: list[Line]) -> Iterable[tuple[Line, str]]:
    return [(it, COLORS[place % len(COLORS)]) for place, it in enumerate(lines)]


def _small(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="#9fa7b3" font-size="11" text-anchor="{anchor}">{escape(text)}</text>'


def _nothing(size: tuple[float, float]) -> str:
    return _small(size[0] / 2, size[1] / 2 + 8, "No data", "middle")


def value_of(value: float, unit: str) -> str:
    """Return a value as people read it.

    >>> value_of(0.25, "percentunit"), value_of(0.0123, "s"), value_of(1536.0, "bytes"), value_of(1234.0, "rps")
    ('25%', '12.3 ms', '1.5 KiB', '1.23k/s')
    """
    match unit:
        case "percentunit":
            return f"{value * 100:.3g}%"
        case "s":
            return _seconds(value)
        case "bytes":
            return _scaled(value, ((2.0**30, " GiB"), (2.0**20, " MiB"), (2.0**10, " KiB")))
        case _:
            return _scaled(value, SCALES) + ("/s" if unit in PER_SECOND else "")


def _seconds(value: float) -> str:
    if 0 < abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 600 else f"{value / 60:.0f} min"


def _scaled(value: float, scales: Iterable[tuple[float, str]]) -> str:
    return next((f"{value / size:.3g}{name}" for size, name in scales if abs(value) >= size), f"{value:.3g}")
