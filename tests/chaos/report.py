"""What the rows came to: build/chaos.json for machines, docs/chaos.md for people. A run updates its own rows only."""

import re
import subprocess
from pathlib import Path

import msgspec

from tests.pipeline import ROOT

JSON = ROOT / "build" / "chaos.json"
PAGE = ROOT / "docs" / "chaos.md"
OURS = "ours"
ROW = re.compile(r"^\| ((?:[^|]*\| ){11}(?:passed|\*\*failed\*\*)) \|$", re.MULTILINE)
NOTED = re.compile(r"^- \*\*(\S+), (\S+)\*\*: (.+)\.$", re.MULTILINE)
FIELDS = (
    "row",
    "subject",
    "events",
    "faults",
    "lost",
    "doubled",
    "regressions",
    "recovery_s",
    "bound",
    "passed",
)
HEAD = """# Chaos

What `make chaos` found on real Apache Kafka, three nodes, every accepted event followed to its end. The cases are in
`tests/chaos/cases`. `ours` is the engine; `naive` is the same fold in stock Faust, which must fail where it is known
to: a harness that has never caught anything proves nothing.

*Lost* and *doubled* count outputs and state rows against the pure fold over the log, and *lost* also accepted events
that are not in it; *regressions* are versions of a lead that went back. An accepted event that lies in the log twice is
noted and counts as doubled where it changes anything that comes after. None bad in n bounds the rate of bad ones by 3/n
(95 %): *bound*. *Recovery* is the time from the last fault's end until input waits no longer than usual. *Run* says
when, and of which commit (+ = and what was not committed); the older rows' dates only. Not shown here: power loss of
all nodes at once (SIGKILL spares the page cache).

"""


class Row(msgspec.Struct, frozen=True):
    """One row's outcome for one subject. `recovery_s` None = it did not recover; `bound` = 3 / events.

    `run` = when, and of which commit.
    """

    row: str
    subject: str
    events: int
    faults: int
    lost: int
    doubled: int
    regressions: int
    recovery_s: float | None
    bound: float
    passed: bool
    title: str = ""
    notes: tuple[str, ...] = ()
    run: str = ""


def write(new: list[Row], json: Path = JSON, page: Path = PAGE) -> None:
    """Merge these rows into the reports, in the place of their forerunners: the page says what those came to."""
    found = {(row.row, row.subject): row for row in [*read(page), *new]}
    rows = [found[place] for place in sorted(found)]
    json.parent.mkdir(parents=True, exist_ok=True)
    slim = [{name: getattr(row, name) for name in FIELDS} for row in rows]
    json.write_bytes(msgspec.json.format(msgspec.json.encode(slim)) + b"\n")
    page.write_text(HEAD + table(rows) + control(rows))


def version() -> str:
    """Return the commit that is checked out, + where something is not committed; "" where there is no git."""
    try:
        at, changed = (
            subprocess.run(("git", *asked), cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for asked in (
                ("rev-parse", "--short", "HEAD"),
                ("status", "--porcelain", "--", "streams", "schemas", "tests"),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{at}{'+' * bool(changed)}"


def table(rows: list[Row]) -> str:
    """Return a Markdown table, the subjects of a row one under the other."""
    named = "Row | What goes wrong | Subject | Events | Faults | Lost | Doubled | Regressions | Recovery | Bound | Run"
    lines = [
        f"| {named} | |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    for row in rows:
        recovery = "never" if row.recovery_s is None else f"{row.recovery_s:.1f} s"
        bound = f"{row.bound:.1e}" if not (row.lost or row.doubled) else ""
        lines.append(
            f"| {row.row} | {row.title} | {row.subject} | {row.events:,} | {row.faults} | {row.lost} | {row.doubled} "
            f"| {row.regressions} | {recovery} | {bound} | {row.run} | {'passed' if row.passed else '**failed**'} |"
        )
    noted = [f"- **{row.row}, {row.subject}**: {'; '.join(row.notes)}." for row in rows if row.notes]
    return "\n".join([*lines, "", *noted]) + "\n"


def control(rows: list[Row]) -> str:
    """Return the rows that more than one subject has run, side by side, as Markdown; "" when there are none."""
    found = {(row.row, row.subject): row for row in rows}
    subjects = sorted({row.subject for row in rows}, key=lambda name: (name != OURS, name))
    names = [name for name in dict.fromkeys(row.row for row in rows) if sum((name, it) in found for it in subjects) > 1]
    if not names:
        return ""
    head = ["## The control", "", f"| Row | {' | '.join(subjects)} |", f"|---|{'---|' * len(subjects)}"]
    lines = [f"| {name} | {' | '.join(_said(found.get((name, it))) for it in subjects)} |" for name in names]
    return "\n".join(["", *head, *lines]) + "\n"


def _said(row: Row | None) -> str:
    if row is None:
        return "not run"
    found = {"lost": row.lost, "doubled": row.doubled, "put back": row.regressions}
    words = ", ".join(f"{count} {name}" for name, count in found.items() if count)
    return "passed" if row.passed else f"**failed**: {words or row.notes[0]}"


def read(page: Path) -> list[Row]:
    """Return the rows that a page shows; none when there is no page."""
    if not page.exists():
        return []
    text = page.read_text()
    notes = {(row, subject): said.split("; ") for row, subject, said in NOTED.findall(text)}
    return [_row([cell.strip() for cell in line.split("|")], notes) for line in ROW.findall(text)]


def _row(cells: list[str], notes: dict[tuple[str, str], list[str]]) -> Row:
    name, title, subject, events, faults, lost, doubled, regressions, recovery, _, run, passed = cells
    seen = int(events.replace(",", ""))
    return Row(
        row=name,
        subject=subject,
        events=seen,
        faults=int(faults),
        lost=int(lost),
        doubled=int(doubled),
        regressions=int(regressions),
        recovery_s=None if recovery == "never" else float(recovery.removesuffix(" s")),
        bound=3 / seen,
        passed=passed == "passed",
        title=title,
        notes=tuple(notes.get((name, subject), ())),
        run=run,
    )
