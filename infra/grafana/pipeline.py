"""Pipeline: what each stage does, and what its rounds cost."""

from panels import RATE, Board, Row, line, quantile, rate, spread

DEALT_WITH = 'sum(increase(leadstream_stage_events_total{stage="resolve",fate!="rekeyed"}[30m]))'
ACCEPTED = "sum(increase(leadstream_events_accepted_total[30m]))"

BOARD = Board(
    "leadstream-pipeline",
    "Leadstream: Pipeline",
    "What each stage does with its records, what a round costs, what state weighs.",
    (
        Row(
            "Stages",
            (
                line(
                    "Fates",
                    "What became of records, by agent.",
                    "rps",
                    (rate("leadstream_stage_events_total", "stage, fate, reason"), "{{stage}} {{fate}} {{reason}}"),
                ),
                line(
                    "Time in a stage",
                    "99 in 100 rounds spend no more in an agent's fold.",
                    "s",
                    (quantile(0.99, "leadstream_stage_duration_seconds", "stage"), "{{stage}}"),
                ),
                line(
                    "Accounted for",
                    "Of the events accepted in half an hour, the share that resolve has dealt with.",
                    "percentunit",
                    (f"{DEALT_WITH} / {ACCEPTED}", ""),
                ),
            ),
        ),
        Row(
            "Rounds: one Kafka transaction each",
            (
                line(
                    "Rounds",
                    "By how they ended; an aborted one is done again.",
                    "ops",
                    (rate("leadstream_rounds_total", "outcome"), "{{outcome}}"),
                ),
                line("Fold", "What is ours of a round's time.", "s", *spread("leadstream_fold_seconds")),
                line("Commit", "What is the broker's of a round's time.", "s", *spread("leadstream_commit_seconds")),
            ),
        ),
        Row(
            "Size of rounds",
            (
                line("Records in a round", "Many: workers are behind.", "none", *spread("leadstream_round_records")),
                line("Rows in a round", "Rows that a round changes.", "none", *spread("leadstream_round_rows")),
                line(
                    "Waiting records",
                    "Read and not committed, and on their way out of the worker.",
                    "none",
                    ("sum(leadstream_waiting_records)", "in a round"),
                    ('sum(leadstream_outbox_records{job="worker"})', "on their way out"),
                ),
            ),
        ),
        Row(
            "State",
            (
                line("Rows", "In all workers.", "none", ("sum(leadstream_state_rows)", "")),
                line(
                    "Bytes of state",
                    "Of the rows in each worker; and the memory of RocksDB, where it holds them.",
                    "bytes",
                    ('leadstream_state_bytes{job="worker"}', "{{instance}}"),
                    ("sum by (kind) (leadstream_rocksdb_bytes)", "RocksDB {{kind}}"),
                ),
                line(
                    "Free disk",
                    "Share of the disk that holds a worker's state; 1 where state is in memory.",
                    "percentunit",
                    ('leadstream_state_disk_free_ratio{job="worker"}', "{{instance}}"),
                ),
            ),
        ),
        Row(
            "Workers come and go",
            (
                line(
                    "Age of each worker",
                    "A line that falls to nought: the worker was started again.",
                    "s",
                    ('time() - process_start_time_seconds{job="worker"}', "{{instance}}"),
                ),
                line(
                    "Exits",
                    "Workers that ended otherwise than they were told to, within an hour, by why.",
                    "none",
                    ("sum by (reason) (increase(leadstream_worker_exits_total[1h])) or vector(0)", "{{reason}}"),
                ),
                line(
                    "Assignments",
                    "Of partitions to workers, within an hour.",
                    "none",
                    ("sum(increase(leadstream_rebalances_total[1h]))", ""),
                ),
                line(
                    "Restoring",
                    "Workers that restore state, the records they read for it, and those still to be read.",
                    "none",
                    ('sum(leadstream_restoring{job="worker"})', "workers"),
                    ("sum(leadstream_restore_remaining_records)", "records to come"),
                    (rate("leadstream_restored_records_total"), "records a second"),
                ),
                line(
                    "Restore",
                    "99 in 100 restores since the workers started took no longer.",
                    "s",
                    (
                        "histogram_quantile(0.99, sum by (le) (leadstream_restore_seconds_bucket))",
                        "",
                    ),
                ),
            ),
        ),
        Row(
            "Inside the process",
            (
                line(
                    "Event loop lag",
                    "99 in 100 looks found the loop no later than this.",
                    "s",
                    (quantile(0.99, "leadstream_event_loop_lag_seconds", "instance"), "{{instance}}"),
                ),
                line(
                    "Processor",
                    "Cores in use, by kind of process.",
                    "none",
                    (f"sum by (job) (rate(process_cpu_seconds_total{RATE}))", "{{job}}"),
                ),
                line(
                    "Memory",
                    "Resident, by process.",
                    "bytes",
                    ("process_resident_memory_bytes", "{{job}} {{instance}}"),
                ),
            ),
        ),
    ),
)
