"""Write the dashboards' JSON: python infra/grafana/build.py [FOLDER]. The committed files are what this writes."""

import sys
from pathlib import Path

import doors
import overview
import panels
import pipeline
import scoring
import servers

HERE = Path(__file__).parent / "dashboards"
BOARDS = (overview.BOARD, pipeline.BOARD, doors.BOARD, scoring.BOARD, servers.BOARD)

folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
folder.mkdir(exist_ok=True)
for board in BOARDS:
    (folder / f"{board.uid}.json").write_text(panels.render(board))
