"""Every Prometheus metric of the worker, with its help text. No label is an id or personal."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

FATES = Counter(
    "leadstream_stage_events_total",
    "Records that a worker has dealt with: by which agent, what became of them, and a dead letter's reason.",
    ["stage", "fate", "reason"],
)
QUARANTINED = Counter(
    "leadstream_quarantined_total",
    "Events held back, by each sign that speaks against a person: one event may have several.",
    ["sign"],
)
ROUNDS = Counter("leadstream_rounds_total", "Rounds (one Kafka transaction each), by how they ended.", ["outcome"])
ROUND_RECORDS = Histogram(
    "leadstream_round_records", "Records in a committed round.", buckets=(1, 10, 50, 100, 250, 500, 1000, 2500, 5000)
)
ROUND_ROWS = Histogram(
    "leadstream_round_rows",
    "Rows of state that a committed round has changed.",
    buckets=(1, 10, 50, 100, 250, 500, 1000, 2500, 5000),
)
FOLD_SECONDS = Histogram(
    "leadstream_fold_seconds", "From a round's first record to the last one folded.", buckets=SECONDS
)
COMMIT_SECONDS = Histogram("leadstream_commit_seconds", "What committing a round's transaction took.", buckets=SECONDS)
EXITS = Counter(
    "leadstream_worker_exits_total",
    "How often a worker of this name has ended otherwise than it was told to, in all its lives, by why.",
    ["reason"],
)
REBALANCES = Counter("leadstream_rebalances_total", "Assignments of partitions to this worker.")
RESTORE_SECONDS = Histogram(
    "leadstream_restore_seconds", "What restoring state after a rebalance took.", buckets=SECONDS
)
RESTORED = Counter("leadstream_restored_records_total", "Changelog records read to restore state.")
RESTORE_REMAINING = Gauge(
    "leadstream_restore_remaining_records", "Changelog offsets still to be read by the restore that is under way."
)
STAGE_SECONDS = Histogram(
    "leadstream_stage_duration_seconds", "What folding a round's records took an agent.", ["stage"], buckets=SECONDS
)
WAITING = Gauge("leadstream_waiting_records", "Records in the round that is under way: read and not committed.")
RESTORING = Gauge("leadstream_restoring", "1 while the worker restores state and processes nothing.")
STATE_BYTES = Gauge("leadstream_state_bytes", "Bytes of the rows in the state of this worker's partitions.")
STATE_DISK_FREE = Gauge(
    "leadstream_state_disk_free_ratio", "Free share of the disk that holds LEADSTREAM_STATE_DIR; 1 where none is set."
)
ROCKSDB_BYTES = Gauge(
    "leadstream_rocksdb_bytes",
    "Memory that RocksDB has for this worker's state: cache (blocks, and writes counted there), memtable (writes).",
    ["kind"],
)
for kind in ("cache", "memtable"):  # 0 where state is in memory
    ROCKSDB_BYTES.labels(kind)
STATE_ROWS = Gauge("leadstream_state_rows", "Rows in the state of this worker's partitions.")
OUTBOX_RECORDS = Gauge("leadstream_outbox_records", "Records and events that the worker's producer has not dealt with.")
LOOP_LAG = Histogram(
    "leadstream_event_loop_lag_seconds",
    "How late the worker's event loop was, looked at twice a second.",
    buckets=SECONDS,
)
EVENT_TO_ROUTED = Histogram(
    "leadstream_event_to_routed_seconds",
    "From the collector receiving an event to the commit of the routed lead it caused.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
ERASED = Histogram(
    "leadstream_erasure_seconds",
    "From an erasure being received to the commit that erases the lead, for each id that subscribers know it by.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 3_600),
)
ROUTED = Counter("leadstream_routed_total", "Routed leads, by destination.", ["destination"])
INPUT_DRIFT = Gauge(
    "leadstream_input_drift",
    "How far the leads scored lately are from those before: psi (stability index of score deciles), "
    "unseen (share of stated traits that the model in use has no weight for).",
    ["figure"],
)
EXPLORED = Counter("leadstream_explored_total", "Leads that sales was given by lot, to see what becomes of them.")
SCORES = Histogram(
    "leadstream_score",
    "Scores of routed leads, 0 to 1.",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
)
MODEL_VERSION = Gauge("leadstream_model_version", "Version of the model that this worker scores with.")
MODEL_NEWEST = Gauge("leadstream_model_newest_version", "Version of the newest model that this worker could take.")
MODEL_PINNED = Gauge("leadstream_model_pinned", "1 while people have said which model scores, 0 while the newest does.")
MODEL_SHARE = Gauge("leadstream_model_share", "The model's part in each score, 0 to 1; the rest is the scorecard's.")
MODEL_CREATED = Gauge("leadstream_model_created_timestamp_seconds", "When the model in use was made.")
MODEL_EXAMPLES = Gauge("leadstream_model_examples", "Labels that the model in use has learned from.")
MODEL_QUALITY = Gauge(
    "leadstream_model_quality",
    "How good old predictions were when their labels came, by the model in use: auc, log_loss, ece.",
    ["figure"],
)
LOSS_RISES = Gauge(
    "leadstream_loss_rises",
    "How often the losses of the model in use have risen, by the door that leads came through (all = in all of them): "
    "then it learned in longer steps for a while.",
    ["door"],
)
LOSS_RISES.labels("all")  # 0 until a model is in use
EXAMPLES = Counter(
    "leadstream_training_examples_total",
    "Training examples made: of which bucket of the horizon (verdict = the horizon is over), converted in it or not.",
    ["bucket", "label"],
)
MODELS_REFUSED = Counter(
    "leadstream_models_refused_total", "Model snapshots and pins that were not taken, by why.", ["why"]
)
