"""Kafka and Redis: how far groups are behind, how the cluster is, what Redis holds."""

from panels import Board, Row, line, rate

BOARD = Board(
    "leadstream-servers",
    "Leadstream: Kafka and Redis",
    "How far each group is behind and whether it moves, how the cluster is, what Redis holds: all seen from outside.",
    (
        Row(
            "Groups",
            (
                line(
                    "Lag in records",
                    "Offsets that a group has yet to commit.",
                    "none",
                    ("max by (group, topic) (leadstream_consumer_lag_records)", "{{group}} {{topic}}"),
                ),
                line(
                    "Lag of each topic",
                    "Age of the first record that a group has not committed.",
                    "s",
                    ("max by (group, topic) (leadstream_consumer_lag_seconds)", "{{group}} {{topic}}"),
                ),
                line(
                    "Standing still",
                    "For how long a committed offset has not moved although records are due.",
                    "s",
                    ("max by (group, topic) (leadstream_committed_offset_age_seconds)", "{{group}} {{topic}}"),
                ),
                line(
                    "Stalled partitions",
                    "Whose input moves while nothing is committed.",
                    "none",
                    ("sum by (group) (leadstream_worker_stalled)", "{{group}}"),
                ),
            ),
        ),
        Row(
            "Kafka",
            (
                line("Brokers in the cluster", "As the cluster has it.", "none", ("max(leadstream_kafka_brokers)", "")),
                line(
                    "Partitions in trouble",
                    "Without a leader, or with fewer copies in sync than there should be.",
                    "none",
                    ('max by (state) (leadstream_kafka_partitions{state!="all"})', "{{state}}"),
                ),
                line(
                    "Writes",
                    "How fast each topic's end moves, transaction markers included.",
                    "rps",
                    ("sum by (topic) (deriv(leadstream_topic_end_offset[5m]))", "{{topic}}"),
                ),
            ),
        ),
        Row(
            "Redis",
            (
                line("Redis answers", "1 while it answers the probe.", "none", ("min(leadstream_redis_up)", "")),
                line(
                    "Redis memory",
                    "In use, and its limit; a limit of 0 is none.",
                    "bytes",
                    ("max by (kind) (leadstream_redis_memory_bytes)", "{{kind}}"),
                ),
                line(
                    "Keys",
                    "That Redis holds, and those it has thrown away.",
                    "none",
                    ("max(leadstream_redis_keys)", "held"),
                    ("max(leadstream_redis_evicted_keys)", "thrown away"),
                ),
                line("Clients", "Connections to Redis.", "none", ("max(leadstream_redis_clients)", "")),
            ),
        ),
        Row(
            "The probe itself",
            (
                line(
                    "Probe failures",
                    "Things that could not be seen, a minute.",
                    "none",
                    (f"60 * {rate('leadstream_probe_failures_total', 'group', or_zero=True)}", "{{group}}"),
                ),
                line(
                    "Last look",
                    "How long ago the probe saw all it looks at.",
                    "s",
                    ("time() - max(leadstream_probe_last_look_timestamp_seconds)", ""),
                ),
                line(
                    "Canaries",
                    "By what came of them, a minute.",
                    "none",
                    (f"60 * ({rate('leadstream_canaries_total', 'outcome')})", "{{outcome}}"),
                ),
                line(
                    "Open books",
                    "Minutes of input partitions that the audit has not closed yet.",
                    "none",
                    ("max(leadstream_audit_open_windows)", ""),
                ),
            ),
        ),
    ),
)
