"""Every metric of the collector, the relay, the view and the probe. Labels come from closed sets, never from events."""

from math import nan

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest, start_http_server

from connectors.log.dropped import DROPPED as LOG_DROPPED  # noqa: F401 - every process has it
from connectors.settings import SettingsError

QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
AGE_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

INGEST_REQUESTS = Counter(
    "leadstream_ingest_requests", "Requests answered, by source and class of status.", ("source", "code_class")
)
INGEST_SECONDS = Histogram(
    "leadstream_ingest_request_duration_seconds", "From the request to our answer.", ("source",), buckets=QUICK_S
)
INGEST_INFLIGHT = Gauge("leadstream_ingest_inflight_requests", "Requests that wait for the broker to acknowledge.")
EVENTS_ACCEPTED = Counter("leadstream_events_accepted", "Events the broker has acknowledged.", ("source",))
EVENTS_REFUSED = Counter(
    "leadstream_events_refused", "Events turned away or not kept, by why: the code in our answer.", ("source", "code")
)
PRODUCER_QUEUE = Gauge("leadstream_producer_queue_messages", "Messages that wait in the Kafka client.")
BROKER_WRITABLE = Gauge("leadstream_broker_writable", "1 while the broker takes writes, as /readyz has it.")

FETCHES = Counter("leadstream_fetches", "Notices looked into, by source and what came of it.", ("source", "outcome"))

DELIVERIES = Counter(
    "leadstream_crm_deliveries", "Deliveries of routed leads, by sink and what came of them.", ("sink", "outcome")
)
DELIVERY_SECONDS = Histogram(
    "leadstream_crm_delivery_duration_seconds", "One attempt at delivery.", ("sink",), buckets=QUICK_S
)
DELIVERY_AGE_SECONDS = Histogram(
    "leadstream_crm_delivery_age_seconds", "From the event's arrival to the delivery.", ("sink",), buckets=AGE_S
)
DELIVERIES_WAITING = Gauge("leadstream_crm_deliveries_waiting", "Decisions that wait in the relay, by sink.", ("sink",))
DESTINATION_PAUSED = Gauge(
    "leadstream_crm_destination_paused", "1 while a destination is paused or has disabled itself.", ("sink",)
)
ERASURES = Counter(
    "leadstream_crm_erasures",
    "Erasures that destinations were told of, by sink and how that ended: delivered, or refused for good.",
    ("sink", "outcome"),
)

DEAD_LETTERS = Counter("leadstream_dlq_events", "Records buried by a door, by stage and reason.", ("stage", "reason"))

VIEW_WRITES = Counter("leadstream_view_writes", "Records for the serving view, by what came of them.", ("outcome",))
VIEW_UP = Gauge("leadstream_view_up", "1 while the serving view's Redis answers.")

LAG_RECORDS = Gauge(
    "leadstream_consumer_lag_records", "Offsets that a group has yet to commit, seen from outside.", ("group", "topic")
)
LAG_SECONDS = Gauge(
    "leadstream_consumer_lag_seconds",
    "Age of the first record that a group has not committed, seen from outside.",
    ("group", "topic"),
)
OFFSET_AGE = Gauge(
    "leadstream_committed_offset_age_seconds",
    "For how long a group's committed offset has stood still although records are due; 0 = it moves, or none are.",
    ("group", "topic"),
)
STALLED = Gauge(
    "leadstream_worker_stalled",
    "Partitions whose input moves while nothing is committed, for half a minute and more.",
    ("group", "topic"),
)
TOPIC_END = Gauge("leadstream_topic_end_offset", "Where a topic ends, its partitions summed up.", ("topic",))
PROBE_FAILURES = Counter("leadstream_probe_failures", "Times that the probe could not see a thing.", ("group",))
PROBE_LOOKED = Gauge("leadstream_probe_last_look_timestamp_seconds", "When the probe last saw all it looks at.")

CANARIES = Counter("leadstream_canaries", "Canary leads, by what came of them.", ("outcome",))
CANARY_SECONDS = Histogram(
    "leadstream_canary_roundtrip_seconds",
    "From a canary lead's request to its decision, as senders and subscribers have it.",
    buckets=AGE_S,
)

AUDIT_RECORDS = Counter("leadstream_audit_records", "Records in the books that are closed, by stage.", ("stage",))
AUDIT_OUTCOMES = Counter(
    "leadstream_audit_outcomes", "What became of the records in the books that are closed.", ("stage", "outcome")
)
AUDIT_UNACCOUNTED = Counter(
    "leadstream_audit_unaccounted", "Records that were committed and met no fate: lost.", ("stage",)
)
AUDIT_DOUBLED = Counter("leadstream_audit_doubled", "Fates that no record accounts for: doubled.", ("stage",))
AUDIT_OPEN = Gauge("leadstream_audit_open_windows", "Minutes of input partitions whose books are not closed yet.")

KAFKA_BROKERS = Gauge("leadstream_kafka_brokers", "Brokers in the cluster.")
KAFKA_PARTITIONS = Gauge(
    "leadstream_kafka_partitions", "Partitions of the cluster: all, leaderless, under_replicated.", ("state",)
)
CERTIFICATE_ENDS = Gauge(
    "leadstream_certificate_not_after_timestamp_seconds",
    "When the certificate ends that a kind of server shows the probe, the first of several; none without TLS.",
    ("server",),
)
REDIS_UP = Gauge("leadstream_redis_up", "1 while Redis answers the probe; NaN where it was not asked.")
REDIS_UP.set(nan)  # a probe that knows of no Redis has none that is down
REDIS_MEMORY = Gauge("leadstream_redis_memory_bytes", "Redis's memory: used, and its limit (0 = none).", ("kind",))
REDIS_CLIENTS = Gauge("leadstream_redis_clients", "Connections to Redis.")
REDIS_KEYS = Gauge("leadstream_redis_keys", "Keys in Redis.")
REDIS_EVICTED = Gauge("leadstream_redis_evicted_keys", "Keys that Redis has thrown away for want of memory.")

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition() -> bytes:
    """Return all metrics of this process in Prometheus's text format."""
    return generate_latest()


def serve(host: str, port: int) -> None:
    """Serve /metrics on its own thread; port 0 = do not. Raises `SettingsError` where nobody can listen."""
    if not port:
        return
    try:
        start_http_server(port, host)
    except OSError as error:
        where = f"LEADSTREAM_METRICS_HOST={host} LEADSTREAM_METRICS_PORT={port}"
        raise SettingsError(f"/metrics cannot be served at {where}: {error.strerror}") from error
