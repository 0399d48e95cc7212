"""Write slo.yml: objectives over 30 days, and alerts on how fast their budgets are used up.

Windows and factors are those of "Alerting on SLOs" in Google's Site Reliability Workbook (chapter 5): an alert fires
when a long window and a short one both burn the error budget faster than its factor.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import yaml


class Slo(NamedTuple):
    """An objective: which rate is good, of which; what share may fail; and whether it `wakes` when it burns fast."""

    name: str
    told: str
    good: str
    total: str
    budget: float
    owner: str = "platform"
    wakes: bool = True


class Burn(NamedTuple):
    """How fast is too fast: `factor` times the even pace, over both windows."""

    name: str
    factor: float
    windows: tuple[str, str]
    severity: str
    wait: str


DELIVERED = "leadstream_crm_delivery_age_seconds"
FATES = "leadstream_stage_events_total"
SLOS = (
    Slo(
        "Ingest",
        "Requests get another answer than 5xx",
        'leadstream_ingest_requests_total{code_class!="5xx"}',
        "leadstream_ingest_requests_total",
        0.0005,
    ),
    Slo(
        "Latency",
        "Leads are routed within 2 seconds of their event",
        'leadstream_event_to_routed_seconds_bucket{le="2.0"}',
        "leadstream_event_to_routed_seconds_count",
        0.01,
    ),
    Slo(
        "Tail",
        "Leads are routed within 10 seconds of their event",
        'leadstream_event_to_routed_seconds_bucket{le="10.0"}',
        "leadstream_event_to_routed_seconds_count",
        0.001,
    ),
    Slo(
        "Freshness",
        "Canary leads come back within 5 seconds",
        'leadstream_canary_roundtrip_seconds_bucket{le="5.0"}',
        'leadstream_canaries_total{outcome="sent"}',
        0.001,
    ),
    Slo(
        "Delivery",
        "Leads are delivered within a minute of their event",
        f'{DELIVERED}_bucket{{le="60.0"}}',
        f"{DELIVERED}_count",
        0.001,
        owner="integrations",
    ),
    Slo(
        "Erasure",
        "Who asks to be forgotten is erased within a minute",
        'leadstream_erasure_seconds_bucket{le="60.0"}',
        "leadstream_erasure_seconds_count",
        0.001,
    ),
    Slo(  # a sender's change more often than ours, and what is buried is kept: it can wait for the morning
        "Burial",
        "Records stay out of the dead letters",
        f'{FATES}{{fate!="dead_letter"}}',
        FATES,
        0.001,
        owner="integrations",
        wakes=False,
    ),
)
BURNS = (
    Burn("BurnsFastest", 14.4, ("1h", "5m"), "page", "2m"),
    Burn("BurnsFast", 6.0, ("6h", "30m"), "page", "5m"),
    Burn("BurnsSlowly", 3.0, ("1d", "2h"), "ticket", "15m"),
    Burn("BurnsSteadily", 1.0, ("3d", "6h"), "ticket", "30m"),
)
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
RATIO = "leadstream:slo_errors:ratio"


def recorded(slo: Slo, window: str) -> dict[str, object]:
    """Return the rule that records what share has failed in a window."""
    expr = f"clamp_min(1 - sum(rate({slo.good}[{window}])) / sum(rate({slo.total}[{window}])), 0)"
    return {"record": RATIO, "expr": expr, "labels": {"slo": slo.name.lower(), "window": window}}


def alert(slo: Slo, burn: Burn) -> dict[str, object]:
    """Return the alert for one pace; the lesser of the two windows decides, so both must be over.

    While nothing comes, the short window is no number, which `min` passes over; compared with 0, it ends the alert.
    """
    both = f'{RATIO}{{slo="{slo.name.lower()}", window=~"{"|".join(burn.windows)}"}}'
    short = f'{RATIO}{{slo="{slo.name.lower()}", window="{burn.windows[1]}"}}'
    return {
        "alert": f"Leadstream{slo.name}{burn.name}",
        "expr": f"min by (slo) ({both}) > {round(burn.factor * slo.budget, 6):g} and on (slo) {short} > 0",
        "for": burn.wait,
        "labels": {"severity": burn.severity if slo.wakes else "ticket", "owner": slo.owner},
        "annotations": {
            "summary": f"{slo.told}: {{{{ $value | humanizePercentage }}}} do not, {burn.factor:g} times the pace.",
            "runbook": f"docs/runbook/leadstream{slo.name.lower()}budget.md",
        },
    }


groups = [
    {
        "name": f"leadstream-slo-{slo.name.lower()}",
        "rules": [recorded(slo, window) for window in WINDOWS] + [alert(slo, burn) for burn in BURNS],
    }
    for slo in SLOS
]
target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("slo.yml")
target.write_text(
    "# Written by slo.py, which says what it means: do not edit.\n" + yaml.safe_dump({"groups": groups}, width=120)
)
