"""Made-up series for each alert: just over its threshold, just under it, and none at all."""

from typing import NamedTuple

Series = dict[str, str]  # by name and labels, values as promtool has them, one a minute


class Case(NamedTuple):
    """`over` fires, `under` stays quiet; at minute `since` the alert is pending, and does not fire yet."""

    over: Series
    under: Series
    since: int = 1
    missing_fires: bool = False


def gauge(series: str, over: float, under: float) -> Case:
    """A gauge that stands at one value."""
    return Case({series: f"{over:g}x90"}, {series: f"{under:g}x90"}, since=0)


def counted(series: str, over: float, under: float) -> Case:
    """A counter that grows by so much a minute."""
    return Case({series: f"0+{over:g}x90"}, {series: f"0+{under:g}x90"})


def share(name: str, bad: str, good: str, over: float, under: float) -> Case:
    """Two series of a counter: of a thousand a minute, so many in a hundred are bad."""
    above, below = (
        {f"{name}{{{bad}}}": f"0+{percent * 10:g}x90", f"{name}{{{good}}}": f"0+{1000 - percent * 10:g}x90"}
        for percent in (over, under)
    )
    return Case(above, below)


def slow(within: str, over: str, under: str) -> Case:
    """A latency of which 985 in 1,000 lie in a bucket and all in the next."""
    name = "leadstream_event_to_routed_seconds_bucket"
    return Case(
        {
            f'{name}{{le="{within}"}}': "0+985x90",
            f'{name}{{le="{over}"}}': "0+1000x90",
            f'{name}{{le="+Inf"}}': "0+1000x90",
        },
        {
            f'{name}{{le="{under}"}}': "0+985x90",
            f'{name}{{le="{within}"}}': "0+1000x90",
            f'{name}{{le="+Inf"}}': "0+1000x90",
        },
    )


UP = {f'up{{job="{job}", instance="a"}}': "1x90" for job in ("collector", "worker", "relay", "view")}
LAG = 'leadstream_consumer_lag_seconds{group="leadstream", topic="touchpoints"}'
FATES = "leadstream_stage_events_total"
ACCEPTED = 'leadstream_events_accepted_total{source="segment"}'
CANARIES = "leadstream_canaries_total"
REBALANCES = 'leadstream_rebalances_total{job="worker", instance="w"}'
RESTORING = 'leadstream_restoring{job="worker", instance="w"}'
LOOKED = "leadstream_probe_last_look_timestamp_seconds"

CASES: dict[str, Case] = {
    "LeadstreamEventsLost": counted('leadstream_audit_unaccounted_total{stage="resolve"}', 1, 0),
    "LeadstreamEventsDoubled": counted('leadstream_audit_doubled_total{stage="qualify"}', 1, 0),
    "LeadstreamLagHigh": gauge(LAG, 90, 45),
    "LeadstreamLagCritical": gauge(LAG, 450, 225),
    "LeadstreamLagGrows": Case({LAG: "0+0.75x90"}, {LAG: "0+0.45x90"}),
    "LeadstreamWorkerStalled": gauge('leadstream_worker_stalled{group="leadstream", topic="events.web"}', 1, 0),
    "LeadstreamProbeBlind": Case({LOOKED: "-180+60x90"}, {LOOKED: "-90+60x90"}, since=0, missing_fires=True),
    "LeadstreamCanariesLost": Case(
        {f'{CANARIES}{{outcome="lost"}}': "0+30x90", f'{CANARIES}{{outcome="sent"}}': "0+100x90"},
        {f'{CANARIES}{{outcome="lost"}}': "0+15x90", f'{CANARIES}{{outcome="sent"}}': "0+100x90"},
    ),
    "LeadstreamPartitionsLeaderless": gauge('leadstream_kafka_partitions{state="leaderless"}', 1, 0),
    "LeadstreamPartitionsUnderReplicated": gauge('leadstream_kafka_partitions{state="under_replicated"}', 1, 0),
    "LeadstreamCertificateEnds": gauge(
        'leadstream_certificate_not_after_timestamp_seconds{server="kafka"}', 0.75 * 14 * 86_400, 1.5 * 14 * 86_400
    ),
    "LeadstreamRedisDown": gauge('leadstream_redis_up{job="probe"}', 0, 1),
    "LeadstreamProcessDown": Case(UP | {'up{job="worker", instance="a"}': "0x90"}, UP, since=0, missing_fires=True),
    "LeadstreamInstanceDown": gauge('up{job="fetcher", instance="a"}', 0, 1),
    "LeadstreamWorkerRestarts": Case(
        {'process_start_time_seconds{job="worker", instance="a"}': "1x57 2 3 4 4x30"},
        {'process_start_time_seconds{job="worker", instance="a"}': "1x57 2 3 3 3x30"},
        since=60,
    ),
    "LeadstreamRestoring": gauge(RESTORING, 1, 0),
    "LeadstreamRebalances": Case(
        {REBALANCES: "0+0.9x90", RESTORING: "0x90"}, {REBALANCES: "0+0.45x90", RESTORING: "0x90"}, since=11
    ),
    "LeadstreamStateDiskFull": gauge('leadstream_state_disk_free_ratio{job="worker", instance="w"}', 0.1125, 0.225),
    "LeadstreamCollectorNotReady": gauge('leadstream_broker_writable{job="collector"}', 0, 1),
    "LeadstreamCollectorErrors": share(
        "leadstream_ingest_requests_total",
        'source="crm", code_class="5xx"',
        'source="crm", code_class="2xx"',
        1.5,
        0.75,
    ),
    "LeadstreamPipelineStalled": Case(
        {ACCEPTED: "0+60x90", "leadstream_round_records_count": "5x90"},
        {ACCEPTED: "0+60x90", "leadstream_round_records_count": "0+1x90"},
    ),
    "LeadstreamRoundsAborted": share("leadstream_rounds_total", 'outcome="aborted"', 'outcome="committed"', 15, 7.5),
    "LeadstreamEventsUnaccounted": Case(
        {ACCEPTED: "0+1000x90", f'{FATES}{{stage="resolve", fate="touchpoint"}}': "0+675x90"},
        {ACCEPTED: "0+1000x90", f'{FATES}{{stage="resolve", fate="touchpoint"}}': "0+1000x90"},
    ),
    "LeadstreamDeadLetters": share(
        FATES, 'stage="resolve", fate="dead_letter"', 'stage="resolve", fate="test"', 7.5, 3.75
    ),
    "LeadstreamDeadLettersNew": Case(
        {f'{FATES}{{stage="resolve", fate="dead_letter", reason="schema"}}': "_x50 1x40"},
        {f'{FATES}{{stage="resolve", fate="dead_letter", reason="schema"}}': "1x90"},
    ),
    "LeadstreamEventToRoutedSlow": slow("2.0", "5.0", "1.0"),
    "LeadstreamRestoreSlow": Case(
        {"leadstream_restore_seconds_count": "0x40 1x50", 'leadstream_restore_seconds_bucket{le="30.0"}': "0x90"},
        {"leadstream_restore_seconds_count": "0x40 1x50", 'leadstream_restore_seconds_bucket{le="30.0"}': "0x40 1x50"},
    ),
    "LeadstreamModelRefused": counted('leadstream_models_refused_total{why="unsigned"}', 1, 0),
    "LeadstreamInputsChanged": gauge('leadstream_input_drift{figure="psi"}', 0.375, 0.1875),
    "LeadstreamDeliveriesFailing": share(
        "leadstream_crm_deliveries_total",
        'sink="webhook", outcome="retry"',
        'sink="webhook", outcome="delivered"',
        30,
        15,
    ),
    "LeadstreamErasureRefused": counted('leadstream_crm_erasures_total{sink="crm", outcome="refused"}', 1, 0),
    "LeadstreamViewBehind": Case(
        {
            'leadstream_view_up{job="view", instance="v"}': "0x90",
            'leadstream_view_writes_total{job="view", instance="v", outcome="retry"}': "0+12x90",
        },
        {
            'leadstream_view_up{job="view", instance="v"}': "1x90",
            'leadstream_view_writes_total{job="view", instance="v", outcome="retry"}': "0+12x90",
        },
    ),
}


def budget(good: str, total: str, threshold: float) -> Case:
    """Two counters of which the share that is not good lies a quarter over, or under, the threshold."""
    over, under = ({good: f"0+{1000 * (1 - at * threshold):g}x90", total: "0+1000x90"} for at in (1.25, 0.75))
    return Case(over, under)


OBJECTIVES = {  # what is good, of which, and the share that may fail
    "Ingest": (
        'leadstream_ingest_requests_total{code_class="2xx"}',
        'leadstream_ingest_requests_total{code_class="5xx"}',
        0.0005,
    ),
    "Latency": (
        'leadstream_event_to_routed_seconds_bucket{le="2.0"}',
        "leadstream_event_to_routed_seconds_count",
        0.01,
    ),
    "Tail": (
        'leadstream_event_to_routed_seconds_bucket{le="10.0"}',
        "leadstream_event_to_routed_seconds_count",
        0.001,
    ),
    "Burial": (
        'leadstream_stage_events_total{fate="routed"}',
        'leadstream_stage_events_total{fate="dead_letter"}',
        0.001,
    ),
    "Freshness": (
        'leadstream_canary_roundtrip_seconds_bucket{le="5.0"}',
        'leadstream_canaries_total{outcome="sent"}',
        0.001,
    ),
    "Erasure": (
        'leadstream_erasure_seconds_bucket{le="60.0"}',
        "leadstream_erasure_seconds_count",
        0.001,
    ),
    "Delivery": (
        'leadstream_crm_delivery_age_seconds_bucket{le="60.0"}',
        "leadstream_crm_delivery_age_seconds_count",
        0.001,
    ),
}
SUMS = {  # objectives whose total is the sum of good and bad
    "Ingest": ("leadstream_ingest_requests_total", 'code_class="5xx"', 'code_class="2xx"'),
    "Burial": (FATES, 'fate="dead_letter"', 'fate="scored"'),
}
PACES = {"BurnsFastest": 14.4, "BurnsFast": 6.0, "BurnsSlowly": 3.0, "BurnsSteadily": 1.0}

for objective, (good, total, allowed) in OBJECTIVES.items():
    for pace, factor in PACES.items():
        at = factor * allowed
        case = budget(good, total, at)
        if objective in SUMS:
            name, bad, well = SUMS[objective]
            case = share(name, bad, well, over=125 * at, under=75 * at)
        CASES[f"Leadstream{objective}{pace}"] = case
