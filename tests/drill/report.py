"""What the drill came to: build/drill.json for machines, docs/drill.md for people."""

from pathlib import Path
from statistics import median

import msgspec

from tests.pipeline import ROOT

JSON = ROOT / "build" / "drill.json"
PAGE = ROOT / "docs" / "drill.md"
RECALL = 0.95
HEAD = """# Drill

Do the alerts tell of real trouble, in time, and of nothing else? `make drill` starts the whole pipeline on this machine
(three nodes of Apache Kafka, two workers, Redis, traffic), a real Prometheus with the committed
[rules](../infra/prometheus/rules.yml), a real Alertmanager with the committed
[routes](../infra/alertmanager/alertmanager.yml), and breaks one thing after the other. The faults and what they must
bring are data: `tests/drill/faults.yaml`.

Time in the rules runs ten times as fast: `for: 10m` becomes a minute, `[1h]` six, a lag of 60 s becomes six. What is
not a window stays as it is: Kafka's sessions (10 s), the probe's half minute until it calls a worker stalled. Limits of
latencies are five times as wide (2 s become 10 s), since brokers and all else share one machine. *Told after* is from
the fault to the webhook, in seconds of the drill; *Stands for* is ten times that.
Each fault begins with an empty Prometheus, once nothing has been firing for a while. Pages about latencies that come
while more than 1.5 processes want each core are the *machine*'s: it was busy with other things. A row is as it was last
run; some may be younger than others.

"""


class Fired(msgspec.Struct, frozen=True):
    """An alert that was expected: its urgency ("" = it never came), after how many seconds, and when it was due."""

    alert: str
    severity: str
    after_s: float | None
    within_s: float

    @property
    def in_time(self) -> bool:
        """Whether it came, and in time."""
        return self.after_s is not None and self.after_s <= self.within_s


class Row(msgspec.Struct, frozen=True):
    """One fault. `brought` are pages it may bring, `unrelated` those it may not; `restless` fired before it began.

    `machine` are pages about latencies that came while the machine was busy with other things.
    """

    name: str
    title: str
    expected: tuple[Fired, ...]
    brought: tuple[str, ...]
    unrelated: tuple[str, ...]
    tickets: tuple[str, ...]
    restless: tuple[str, ...]
    machine: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all that was expected came in time, and no page besides."""
        return all(it.in_time for it in self.expected) and not self.unrelated and not self.restless


def recall(rows: list[Row]) -> float:
    """Return the share of expected alerts that came in time."""
    expected = [it for row in rows for it in row.expected]
    return sum(it.in_time for it in expected) / len(expected) if expected else 1.0


def good(rows: list[Row]) -> bool:
    """Tell whether the drill as a whole is passed: recall of 95 %, and no unrelated page."""
    return recall(rows) >= RECALL and not any(row.unrelated or row.restless for row in rows)


class Report(msgspec.Struct, frozen=True):
    """All of build/drill.json. `scale` = seconds that one of the drill stands for."""

    scale: float
    recall: float
    passed: bool
    rows: list[Row]


def write(new: list[Row], scale: float, names: list[str], json: Path = JSON, page: Path = PAGE) -> list[Row]:
    """Write both reports, the new rows in the place of their forerunners, in the order of `names`; return all rows."""
    kept = msgspec.json.decode(json.read_bytes(), type=Report).rows if json.exists() else []
    found = {row.name: row for row in [*kept, *new]}
    rows = [found[name] for name in names if name in found]
    json.parent.mkdir(parents=True, exist_ok=True)
    said = Report(scale, recall(rows), good(rows), rows)
    json.write_bytes(msgspec.json.format(msgspec.json.encode(said)) + b"\n")
    page.write_text(HEAD + table(rows, scale))
    return rows


def table(rows: list[Row], scale: float) -> str:
    """Return the rows and their sum as Markdown."""
    lines = [
        "| Fault | What goes wrong | Alert | Told after | Limit | Stands for | Other pages | Tickets | |",
        "|---|---|---|---:|---:|---:|---|---|---|",
    ]
    for row in rows:
        pages = [*row.brought, *(f"{name} (machine)" for name in row.machine)]
        pages += [f"**unrelated: {name}**" for name in row.unrelated]
        rest = f"| {_few(pages)} | {_few(row.tickets)} | {'passed' if row.passed else '**failed**'} |"
        for place, it in enumerate(row.expected or (None,)):
            head = f"| {row.name} | {row.title}" if not place else "| |"
            lines.append(f"{head} {_alert(it, scale)} {rest if not place else '| | | |'}")
    times = [it.after_s for row in rows for it in row.expected if it.after_s is not None]
    unrelated = sum(len(row.unrelated) for row in rows)
    expected = sum(len(row.expected) for row in rows)
    middle = f"Half of them within {median(times):.0f} s of the drill. " if times else ""
    told = f"{recall(rows):.0%} of {expected} expected alerts came in time. {middle}Unrelated pages: {unrelated}."
    return "\n".join([*lines, "", told]) + "\n"


def _alert(it: Fired | None, scale: float) -> str:
    if it is None:
        return "| none | | |"
    if it.after_s is None:
        return f"| {it.alert} | **never** | {it.within_s:g} s |"
    return f"| {it.alert} ({it.severity}) | {it.after_s:.0f} s | {it.within_s:g} s | {it.after_s * scale / 60:.0f} min"


def _few(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(names)
