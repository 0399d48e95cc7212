"""Overview: is it healthy, is it losing, is it late."""

from panels import Board, Row, line, number, quantile, rate, spread

PROCESSES = 'job=~"collector|worker|fetcher|relay|view|probe"'

BOARD = Board(
    "leadstream-overview",
    "Leadstream: Overview",
    "Is it healthy, is it losing, is it late.",
    (
        Row(
            "Is it healthy",
            (
                number("Alerts", "Alerts that fire now.", "none", 'count(ALERTS{alertstate="firing"}) or vector(0)'),
                number("Processes", "That answer Prometheus.", "none", f"sum by (job) (up{{{PROCESSES}}})", "{{job}}"),
                number(
                    "Broker takes writes",
                    "1 while the collector can store events.",
                    "none",
                    'min(leadstream_broker_writable{job="collector"})',
                ),
                number("Brokers", "That are in the cluster.", "none", "max(leadstream_kafka_brokers)"),
                number(
                    "Available",
                    "Share of requests of the last hour that were not answered with 5xx.",
                    "percentunit",
                    "1 - (sum(increase(leadstream_ingest_requests_total"
                    '{code_class="5xx"}[1h])) or vector(0)) / sum(increase(leadstream_ingest_requests_total[1h]))',
                ),
            ),
        ),
        Row(
            "Is it losing",
            (
                number(
                    "Lost",
                    "Records that were committed and met no fate, by the audit. Never anything but 0.",
                    "none",
                    "sum(leadstream_audit_unaccounted_total)",
                ),
                number(
                    "Doubled",
                    "Fates that no record accounts for, by the audit. Never anything but 0.",
                    "none",
                    "sum(leadstream_audit_doubled_total)",
                ),
                line(
                    "Audited",
                    "Records whose books are closed, by stage and by what became of them.",
                    "rps",
                    (rate("leadstream_audit_records_total", "stage"), "{{stage}}"),
                    (rate("leadstream_audit_outcomes_total", "stage, outcome"), "{{stage}} {{outcome}}"),
                ),
                line(
                    "Share of dead letters",
                    "Of all records that agents have dealt with.",
                    "percentunit",
                    (
                        rate("leadstream_stage_events_total", where='{fate="dead_letter"}', or_zero=True)
                        + " / "
                        + rate("leadstream_stage_events_total"),
                        "",
                    ),
                ),
            ),
        ),
        Row(
            "Is it late",
            (
                line(
                    "Canary",
                    "A lead of the probe's own: from its request to its decision.",
                    "s",
                    *spread("leadstream_canary_roundtrip_seconds"),
                ),
                line(
                    "From event to routed lead",
                    "From the collector receiving an event to the commit of the decision it caused.",
                    "s",
                    *spread("leadstream_event_to_routed_seconds"),
                ),
                line(
                    "Erased",
                    "From an erasure being received to the commit that erases the lead; nothing while nobody asks.",
                    "s",
                    *spread("leadstream_erasure_seconds"),
                ),
                line(
                    "Lag in seconds",
                    "Age of the first record that a group has not committed.",
                    "s",
                    ("max by (group) (leadstream_consumer_lag_seconds)", "{{group}}"),
                ),
            ),
        ),
        Row(
            "What goes through",
            (
                line(
                    "Accepted events",
                    "Stored by the broker, by source.",
                    "eps",
                    (rate("leadstream_events_accepted_total", "source"), "{{source}}"),
                ),
                line(
                    "Routed leads",
                    "Decisions, by destination.",
                    "eps",
                    (rate("leadstream_routed_total", "destination"), "{{destination}}"),
                ),
                line(
                    "Delivered",
                    "99 in 100 are with the CRM this long after their event, by sink.",
                    "s",
                    (quantile(0.99, "leadstream_crm_delivery_age_seconds", "sink"), "{{sink}}"),
                ),
                line(
                    "Cut from log lines",
                    "Parts left out because they might be personal; a field of ours is to be listed, or taken back.",
                    "ops",
                    (rate("leadstream_log_dropped_total", "what"), "{{what}}"),
                ),
            ),
        ),
    ),
)
