"""What a demo comes to, in one record: the last line that `--json` prints, and the words above it."""

from collections.abc import Mapping

from msgspec import Struct

from streams.demo.board import percentile
from streams.demo.conservation import conserve
from streams.demo.crm import Crm
from streams.demo.show import Show


class Summary(Struct, frozen=True, kw_only=True):
    """Counts are events unless their name says otherwise; the keys of mappings are codes and reasons.

    `p50_ms`, `p99_ms`: from the collector's clock when the request arrived until a read_committed consumer outside the
    pipeline had the routed lead. `duration_s`: from the first request until nothing more came. `lost`: accepted, and
    not accounted for by the agents' own audit.
    """

    sent: int
    accepted: int
    refused: Mapping[str, int]
    unanswered: Mapping[str, int]
    applied: int
    deduplicated: int
    consent_dropped: int
    test: int
    quarantined: int
    dead_lettered: Mapping[str, int]
    leads: int
    routed: int
    delivered: int
    outcomes: int
    training_examples: int
    model_version: int
    auc: float | None
    p50_ms: float
    p99_ms: float
    events_per_s: float
    duration_s: float
    lost: int
    missing: str
    seed: int
    broker: str

    @property
    def good(self) -> bool:
        """Whether nothing was lost and something was routed."""
        return self.lost == 0 and self.routed > 0


def summarise(show: Show, crm: Crm, seed: int, broker: str) -> Summary:
    """Draw up the account of a show that is over."""
    ledger, board = show.ledger, show.board
    books, fates = conserve(ledger.taken, board.fates), board.fates
    return Summary(
        sent=ledger.sent,
        accepted=ledger.taken,
        refused=ledger.refused,
        unanswered=ledger.unanswered,
        applied=fates["qualify", "applied"],
        deduplicated=fates["qualify", "deduplicated"],
        consent_dropped=fates["resolve", "consent_dropped"],
        test=fates["resolve", "test"],
        quarantined=fates["resolve", "quarantined"],
        dead_lettered=board.buried,
        leads=len(board.leads),
        routed=board.routed,
        delivered=len(crm.received),
        outcomes=fates["resolve", "outcome"],
        training_examples=board.examples,
        model_version=board.model.version if board.model is not None else 0,
        auc=None if board.auc is None else round(board.auc, 4),
        p50_ms=round(percentile(board.waits_ms, 0.50), 1),
        p99_ms=round(percentile(board.waits_ms, 0.99), 1),
        events_per_s=round(ledger.taken / show.duration_s, 1) if show.duration_s else 0.0,
        duration_s=round(show.duration_s, 2),
        lost=books.lost,
        missing=books.missing(),
        seed=seed,
        broker=broker,
    )


def text(it: Summary) -> str:
    """Return the summary for people."""
    auc = "unknown yet" if it.auc is None else f"{it.auc:.3f}, each score given before its label was known"
    lines = {
        "sent": f"{it.sent}: accepted {it.accepted}, refused {_by(it.refused)}, unanswered {_by(it.unanswered)}",
        "became": f"applied {it.applied}, deduplicated {it.deduplicated}, without consent {it.consent_dropped}, "
        f"tests {it.test}, quarantined {it.quarantined}, dead letters {_by(it.dead_lettered)}",
        "leads": f"{it.leads} known, {it.routed} decisions, {it.delivered} delivered to the CRM",
        "learned": f"{it.outcomes} outcomes, {it.training_examples} training examples, model v{it.model_version}, "
        f"AUC {auc}",
        "event to lead": f"p50 {it.p50_ms:.0f} ms, p99 {it.p99_ms:.0f} ms, from the collector's clock until a "
        "read_committed consumer has the decision",
        "pace": f"{it.events_per_s:.0f} events/s over {it.duration_s:.1f} s on {it.broker}",
        "lost": str(it.lost) + (f": {it.missing}" if it.missing else ": all that was accepted is accounted for"),
    }
    return "\n".join(f"  {name:14} {said}" for name, said in lines.items())


def _by(counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())} ({listed})" if counts else "0"
