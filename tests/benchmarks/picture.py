"""The picture in docs: a bar for each engine, the fold's share of it in grey, what the engine adds in colour."""

from collections.abc import Sequence

WIDTH, LEFT, RIGHT, STEP = 760, 190, 70, 34
TEXT, FOLD, ENGINE, OURS = "#6b7280", "#9ca3af", "#d97706", "#2563eb"  # legible on white and on black


def picture(bars: Sequence[tuple[str, float]], fold: float) -> str:
    """Return an SVG of `bars`, each a name and its CPU µs per event; `fold` = what the work itself costs."""
    longest = max(value for _, value in bars)
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = STEP * len(bars) + 44
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
            f'font-size="13" fill="{TEXT}" role="img" aria-label="CPU microseconds per event, by engine">'
        ),
        f'<text x="{LEFT}" y="18">CPU µs per event: the work itself (grey) and what the engine adds</text>',
    ]
    for number, (name, value) in enumerate(bars):
        top = 30 + STEP * number
        work, whole = min(fold, value) * scale, value * scale
        colour = OURS if name.startswith("leadstream") else ENGINE
        parts += [
            f'<text x="{LEFT - 8}" y="{top + 17}" text-anchor="end">{name}</text>',
            f'<rect x="{LEFT}" y="{top + 3}" width="{work:.1f}" height="20" fill="{FOLD}"/>',
            f'<rect x="{LEFT + work:.1f}" y="{top + 3}" width="{whole - work:.1f}" height="20" fill="{colour}"/>',
            f'<text x="{LEFT + whole + 6:.1f}" y="{top + 17}">{value:.0f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])
