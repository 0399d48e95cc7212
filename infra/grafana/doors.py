"""Sources and destinations: what comes in, what goes out, and what is turned away."""

from panels import Board, Row, line, quantile, rate, spread

BOARD = Board(
    "leadstream-doors",
    "Leadstream: Sources and Destinations",
    "What comes in from each source, what goes out to each destination, and what is turned away on either side.",
    (
        Row(
            "Sources",
            (
                line(
                    "Requests",
                    "By source and class of answer.",
                    "reqps",
                    (rate("leadstream_ingest_requests_total", "source, code_class"), "{{source}} {{code_class}}"),
                ),
                line(
                    "Time to answer",
                    "99 in 100 are answered within this, the broker's acknowledgement included.",
                    "s",
                    (quantile(0.99, "leadstream_ingest_request_duration_seconds", "source"), "{{source}}"),
                ),
                line(
                    "Turned away",
                    "Events and requests that were refused, by the code in our answer.",
                    "eps",
                    (rate("leadstream_events_refused_total", "source, code", or_zero=True), "{{source}} {{code}}"),
                ),
                line(
                    "Fetched",
                    "What came of notices that only tell of something to be fetched, by source.",
                    "eps",
                    (rate("leadstream_fetches_total", "source, outcome", or_zero=True), "{{source}} {{outcome}}"),
                ),
                line(
                    "Held back",
                    "Events in quarantine, by sign: one event may have several.",
                    "eps",
                    (rate("leadstream_quarantined_total", "sign", or_zero=True), "{{sign}}"),
                ),
            ),
        ),
        Row(
            "Between us and the broker",
            (
                line(
                    "Waiting for the broker",
                    "Requests that wait for an acknowledgement, and messages in the client's queue.",
                    "none",
                    ('sum(leadstream_ingest_inflight_requests{job="collector"})', "requests"),
                    ('sum(leadstream_producer_queue_messages{job="collector"})', "messages"),
                ),
                line(
                    "Dead letters",
                    "Records that agents have buried, by reason.",
                    "eps",
                    (
                        rate("leadstream_stage_events_total", "stage, reason", '{fate="dead_letter"}', or_zero=True),
                        "{{stage}} {{reason}}",
                    ),
                ),
            ),
        ),
        Row(
            "Destinations",
            (
                line(
                    "Deliveries",
                    "By sink and what came of them.",
                    "eps",
                    (rate("leadstream_crm_deliveries_total", "sink, outcome"), "{{sink}} {{outcome}}"),
                ),
                line(
                    "Erasures told",
                    "To destinations within an hour, by sink and how it ended; one that is refused needs a person.",
                    "none",
                    (
                        "sum by (sink, outcome) (increase(leadstream_crm_erasures_total[1h]))",
                        "{{sink}} {{outcome}}",
                    ),
                ),
                line(
                    "Waiting decisions",
                    "In the relay, by sink; and whether a destination is paused or has disabled itself.",
                    "none",
                    ("sum by (sink) (leadstream_crm_deliveries_waiting)", "{{sink}} waiting"),
                    ("max by (sink) (leadstream_crm_destination_paused)", "{{sink}} paused"),
                ),
                line(
                    "Attempt",
                    "99 in 100 attempts take no longer.",
                    "s",
                    (quantile(0.99, "leadstream_crm_delivery_duration_seconds", "sink"), "{{sink}}"),
                ),
                line(
                    "Age when delivered",
                    "From the event's arrival to its delivery.",
                    "s",
                    *spread("leadstream_crm_delivery_age_seconds"),
                ),
                line(
                    "Buried by the doors",
                    "Leads that a destination refuses for good.",
                    "eps",
                    (rate("leadstream_dlq_events_total", "stage, reason", or_zero=True), "{{stage}} {{reason}}"),
                ),
            ),
        ),
        Row(
            "Serving view",
            (
                line(
                    "Redis takes writes",
                    "1 after a write that went through, 0 after one that did not.",
                    "none",
                    ('leadstream_view_up{job="view"}', "{{instance}}"),
                ),
                line(
                    "Records for the view",
                    "By what came of them.",
                    "rps",
                    (rate("leadstream_view_writes_total", "outcome"), "{{outcome}}"),
                ),
            ),
        ),
    ),
)
