"""Scoring: which model scores, how good its old predictions were, and how its scores lie."""

from panels import Board, Row, line, quantile, rate

BOARD = Board(
    "leadstream-scoring",
    "Leadstream: Scoring",
    "Which model scores, how good its predictions were when the labels came, and how scores lie.",
    (
        Row(
            "Models",
            (
                line(
                    "Version in use",
                    "One line for all workers; 0 is the scorecard. Below the newest: somebody has pinned it.",
                    "none",
                    ('leadstream_model_version{job="worker"}', "{{instance}}"),
                    ("max(leadstream_model_newest_version)", "newest"),
                    ("max(leadstream_model_pinned)", "pinned: 1"),
                ),
                line(
                    "The model's share",
                    "Of each score; the rest is the scorecard's, until enough outcomes are known.",
                    "percentunit",
                    ('leadstream_model_share{job="worker"}', "{{instance}}"),
                ),
                line(
                    "Age of the model",
                    "Since it was made; nothing while the scorecard scores.",
                    "s",
                    ("time() - max(leadstream_model_created_timestamp_seconds > 0) or vector(0)", ""),
                ),
                line(
                    "Refused",
                    "Model snapshots and pins that were not taken, by why.",
                    "none",
                    ("sum by (why) (leadstream_models_refused_total) or vector(0)", "{{why}}"),
                ),
            ),
        ),
        Row(
            "How good it is",
            (
                line(
                    "Quality",
                    "AUC of the latest 1,000 verdicts, and log-loss of all, each on the score given a horizon before.",
                    "none",
                    ("max by (figure) (leadstream_model_quality) or vector(0)", "{{figure}}"),
                ),
                line(
                    "Labels",
                    "Scored leads whose first bucket has closed: what the model in use has learned from.",
                    "none",
                    ("max(leadstream_model_examples)", ""),
                ),
            ),
        ),
        Row(
            "Labels",
            (
                line(
                    "Buckets closed",
                    "Training examples by bucket of the horizon, converted in it or not; verdict: the horizon is over.",
                    "ops",
                    (
                        rate("leadstream_training_examples_total", by="bucket, label", or_zero=True),
                        "{{bucket}}: {{label}}",
                    ),
                ),
                line(
                    "Questions and answers",
                    "Scores that wait for an outcome, and outcomes. Late: after the horizon, or of nobody asked about; "
                    "counted, not learned.",
                    "ops",
                    (
                        rate("leadstream_stage_events_total", by="fate", where='{stage="label"}', or_zero=True),
                        "{{fate}}",
                    ),
                ),
            ),
        ),
        Row(
            "Scores",
            (
                line(
                    "Scores of routed leads",
                    "A tenth, half and nine tenths lie below.",
                    "none",
                    (quantile(0.1, "leadstream_score"), "a tenth"),
                    (quantile(0.5, "leadstream_score"), "half"),
                    (quantile(0.9, "leadstream_score"), "nine tenths"),
                ),
                line(
                    "Change of what comes in",
                    "psi: scores of the latest 500 leads against the 500 before; unseen: stated traits that the model "
                    "has no weight for. Above 0.25 these are other leads.",
                    "none",
                    ("max by (figure) (leadstream_input_drift)", "{{figure}}"),
                ),
                line(
                    "Rises of losses",
                    "How often the model in use has found the world changed, in all or by the door that leads come "
                    "through; it then learns in longer steps for 300 labels.",
                    "none",
                    ("max by (door) (leadstream_loss_rises)", "{{door}}"),
                ),
                line(
                    "Share that goes to sales",
                    "Of all decisions; explored: by lot, to see what becomes of them (`explore` in the routing file).",
                    "percentunit",
                    (
                        rate("leadstream_routed_total", where='{destination="sales"}', or_zero=True)
                        + " / "
                        + rate("leadstream_routed_total"),
                        "",
                    ),
                    (
                        rate("leadstream_explored_total", or_zero=True) + " / " + rate("leadstream_routed_total"),
                        "explored",
                    ),
                ),
            ),
        ),
    ),
)
