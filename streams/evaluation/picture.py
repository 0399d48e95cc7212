"""The picture of an evaluation, as SVG: how the AUC grew with the rows, and whether what was said is what came."""

from collections.abc import Iterable, Sequence
from html import escape

from streams.evaluation.evaluate import Evaluation, Judged

SIDE, GAP, EDGE, TOP = 320, 90, 56, 48
TEXT, GRID, OURS, REFERENCE = "#6b7280", "#9ca3af", "#2563eb", "#d97706"  # legible on white and on black
Point = tuple[float, float]  # both 0..1, from the lower left


def picture(found: Evaluation, title: str) -> str:
    """Return the learning curve and the reliability diagram, side by side."""
    scorers = [("leadstream", found.ours, OURS)]
    if found.reference:
        scorers.append(("LightGBM retrained", found.reference, REFERENCE))
    second = EDGE + SIDE + GAP
    most = max((it.predicted for _, judged, _ in scorers for it in judged.reliability), default=1.0)
    seen = max((it.observed for _, judged, _ in scorers for it in judged.reliability), default=1.0)
    largest = max(most, seen, 0.05)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {second + SIDE + 30} {TOP + SIDE + 60}" '
            f'font-family="sans-serif" font-size="12" fill="{TEXT}" role="img" '
            f'aria-label="Learning curve and reliability of {escape(title, quote=True)}">'
        ),
        f'<text x="{EDGE}" y="18" font-size="14">{escape(title)}</text>',
        *_frame(EDGE, "AUC of each stretch of rows", (0.5, 1.0), (0.0, float(found.rows)), "rows"),
        *_frame(second, "share that converted", (0.0, largest), (0.0, largest), "score"),
        _line(second, [(0.0, 0.0), (1.0, 1.0)], GRID, dashed=True),
    ]
    for number, (name, judged, colour) in enumerate(scorers):
        parts.append(_line(EDGE, _curve(judged, found.rows), colour))
        points = [(it.predicted / largest, it.observed / largest) for it in judged.reliability]
        parts.append(_line(second, points, colour))
        parts += [_dot(second, point, colour) for point in points]
        parts.append(f'<text x="{second + 10}" y="{TOP + 18 + 16 * number}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _curve(judged: Judged, rows: int) -> list[Point]:
    before = rows - judged.curve[-1][0] if judged.curve else 0
    return [((stop + before) / rows, min(max(auc * 2 - 1, 0.0), 1.0)) for stop, auc in judged.curve]


def _frame(left: int, title: str, up: tuple[float, float], along: tuple[float, float], unit: str) -> Iterable[str]:
    yield f'<text x="{left}" y="{TOP - 8}">{title}</text>'
    yield f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{GRID}"/>'
    for share in (0.0, 0.5, 1.0):
        y, x = TOP + SIDE * (1 - share), left + SIDE * share
        value, place = up[0] + share * (up[1] - up[0]), along[0] + share * (along[1] - along[0])
        yield f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{value:.2f}</text>'
        told = f"{place:,.0f}" if along[1] > 1 else f"{place:.2f}"
        yield f'<text x="{x:.0f}" y="{TOP + SIDE + 18}" text-anchor="middle">{told}</text>'
    yield f'<text x="{left + SIDE / 2:.0f}" y="{TOP + SIDE + 38}" text-anchor="middle">{unit}</text>'


def _line(left: int, points: Sequence[Point], colour: str, *, dashed: bool = False) -> str:
    path = " ".join(f"{left + x * SIDE:.1f},{TOP + SIDE - y * SIDE:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _dot(left: int, point: Point, colour: str) -> str:
    return f'<circle cx="{left + point[0] * SIDE:.1f}" cy="{TOP + SIDE - point[1] * SIDE:.1f}" r="3" fill="{colour}"/>'
