"""What people see while it runs: a table of routed leads as they come, or plain lines where there is no terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from schemas.records import RoutedLead
from streams.demo.board import Board, percentile
from streams.demo.conservation import total
from streams.demo.ledger import Ledger

REASONS = 3


def table(board: Board, ledger: Ledger) -> Group:
    """Return the table, newest lead first, and the counters under it."""
    shown = Table(expand=True, pad_edge=False)
    for name in ("lead", "account"):
        shown.add_column(name, no_wrap=True)
    shown.add_column("score", justify="right")
    for name in ("stage", "owner", "rule", "top reasons (log-odds)"):
        shown.add_column(name, no_wrap=True, overflow="ellipsis")
    shown.add_column("ms", justify="right")
    for row in reversed(board.rows):
        routed = row.routed
        to = routed.owner or routed.destination
        score = f"{routed.score:.2f}"
        lead = routed.lead_id[:10]
        shown.add_row(lead, routed.account, score, routed.stage, to, routed.rule, reasons(routed), f"{row.ms:.0f}")
    return Group(shown, Text(line(board, ledger)))


def reasons(routed: RoutedLead) -> str:
    """Return the largest reasons of a score, with their signs."""
    return ", ".join(f"{it.feature} {it.points:+.1f}" for it in routed.reasons[:REASONS])


def line(board: Board, ledger: Ledger) -> str:
    """Return the counters in one line."""
    buried = ", ".join(f"{reason} {count}" for reason, count in board.buried.most_common())
    auc = f", honest AUC {board.auc:.3f}" if board.auc is not None else ""
    version = board.model.version if board.model is not None else 0
    return (
        f"events in {ledger.taken}/{ledger.sent} · touchpoints {total(board.fates, 'touchpoint')}"
        f" · routed {board.routed} · p50 {percentile(board.waits_ms, 0.5):.0f} ms"
        f" · dead letters {board.buried.total()}{f' ({buried})' if buried else ''}"
        f" · model v{version}{auc} from {board.examples} labels"
    )
