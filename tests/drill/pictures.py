"""Draws every dashboard as it looks at a moment of the drill, into docs/pictures."""

import json
import time

from tests.boards import draw
from tests.drill.case import Case
from tests.pipeline import ROOT
from tests.prometheus import Prometheus

BOARDS = ROOT / "infra" / "grafana" / "dashboards"
PICTURES = ROOT / "docs" / "pictures"
BEFORE_S = 12.0  # of the calm before it
WINDOW = "10s"  # what Grafana would make of $__rate_interval at this pace


def picture(prometheus: Prometheus, case: Case, lasted_s: float) -> None:
    """Draw all boards from shortly before the fault until now."""
    PICTURES.mkdir(exist_ok=True)
    end = time.time()
    for path in sorted(BOARDS.glob("*.json")):
        board = json.loads(path.read_text())
        told = f"{case.title}, for {lasted_s:.0f} s; from a run of the drill, drawn without Grafana"
        made = draw(board, prometheus, (end - lasted_s - BEFORE_S, end), WINDOW, told)
        (PICTURES / f"{path.stem.removeprefix('leadstream-')}-{case.pictured}.svg").write_text(made)
