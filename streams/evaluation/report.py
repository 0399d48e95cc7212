"""An evaluation as people and programs read it."""

from typing import Any

from streams.evaluation.evaluate import Evaluation, Judged
from streams.evaluation.figures import Figures

BARS = "▁▂▃▄▅▆▇█"
FIGURES = {
    "auc": "AUC, all rows judged",
    "windowed_auc": "AUC within 1,000 rows",
    "log_loss": "log-loss, nats",
    "ece": "calibration error (ECE)",
    "lift10": "lift at 10 %",
}


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return the figures, for programs; µs are medians."""
    return {
        "rows": found.rows,
        **_rounded(found.ours.figures),
        "predict_us": round(found.predict_us[0], 1),
        "learn_us": round(found.learn_us[0], 1),
        "reference": _rounded(found.reference.figures) if found.reference else None,
        "judged": found.judged,
        "positives": found.positives,
    }


def table(found: Evaluation) -> list[tuple[str, str, str]]:
    """Return a line for each figure: its name, ours, the reference's."""
    ours = found.ours.figures._asdict()
    against = found.reference.figures._asdict() if found.reference else {}
    lines = [(told, f"{ours[name]:.4f}", f"{against[name]:.4f}" if against else "-") for name, told in FIGURES.items()]
    for told, (half, nearly_all) in (("predict", found.predict_us), ("learn", found.learn_us)):
        lines.append((f"{told}, µs p50 / p99", f"{half:.1f} / {nearly_all:.1f}", ""))
    return lines


def notes(found: Evaluation) -> list[str]:
    """Return what was understood, and what to know of the figures."""
    by_kind: dict[str, list[str]] = {}
    for column in found.columns:
        by_kind.setdefault(column.kind, []).append(column.name)
    said = [f"{kind}: {', '.join(names)}" for kind, names in sorted(by_kind.items())]
    if found.lead:
        said.append(f"rows of one lead ({found.lead}) weigh 1/√n; the lead itself is no feature")
        if not found.horizon:
            said.append("is this a log of events? --within 7d asks of each whether its lead will convert that soon")
    if found.horizon:
        said.append(f"asked is whether a row converts within {found.horizon}: learned as hazards, bucket by bucket")
    if found.early:
        said.append(f"{found.early} rows left out: their label was known before they were to be scored")
    if found.reference is None:
        said.append(f"no reference: {found.without_reference}")
    return said


def curve(judged: Judged) -> str:
    """Return the learning curve as a line of bars, AUC 0.5 the lowest and 1.0 the highest."""
    levels = (min(max(int((auc - 0.5) * 2 * len(BARS)), 0), len(BARS) - 1) for _, auc in judged.curve)
    return "".join(BARS[level] for level in levels)


def _rounded(figures: Figures) -> dict[str, float]:
    return {name: round(value, 5) for name, value in figures._asdict().items()}
