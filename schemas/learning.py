"""The records of learning: questions that wait for what becomes of a lead, examples, and the models they make.

As `schemas.records`: immutable values, one per Avro schema in `schemas/avro`; times are seconds since the epoch, UTC.
"""

from schemas.records import Record


class Snapshot(Record, frozen=True, kw_only=True):
    """The features a lead was scored on when its state changed, waiting for what becomes of it.

    `number` counts the lead's snapshots from 1; `closed` = how many buckets have closed without a conversion, or all of
    them once it has converted: then only the verdict at the horizon is waited for. `scores` = what each scorer said.
    """

    features: dict[str, float]
    score: float
    model_version: int
    asked_at: float
    number: int = 0
    closed: int = 0
    scores: dict[str, float] = {}


class Pending(Record, frozen=True, kw_only=True):
    """A lead's snapshots that wait: the state of `label`, and on `questions` those that are to wait from now on.

    `asked` counts all there ever were, the latest at `asked_last`; `converted_at` 0 = not converted.
    """

    lead_id: str
    asked: int = 0
    snapshots: list[Snapshot] = []
    converted_at: float = 0.0
    asked_last: float = 0.0


class Withdrawal(Record, frozen=True, kw_only=True):
    """What waits for a lead is to go: to the lead that has absorbed it (`into`), or for good (""), being forgotten."""

    lead_id: str
    into: str
    at: float


class Clock(Record, frozen=True, kw_only=True):
    """How far event time has come in a partition (`at`), and up to when the others have been told of it (`told`).

    As a record on `questions` it tells one partition of another's time, so that who hears nothing does not stand still.
    """

    key: str
    at: float = 0.0
    told: float = 0.0


class TrainingExample(Record, frozen=True, kw_only=True):
    """A lead as it was scored before sales had it, and what came of it (`label` 1 = converted).

    `bucket` says when: in which of the `buckets` that the horizon is cut into, of those who had not converted before.
    `bucket` = `buckets` is the verdict at the horizon, by which `score` and each scorer's `scores` are judged.
    One bucket of one is an outcome whose time did not count.
    """

    id: str
    lead_id: str
    features: dict[str, float]
    label: int
    score: float
    model_version: int
    scored_at: float
    labelled_at: float
    weight: float = 1.0
    bucket: int = 0
    buckets: int = 1
    scores: dict[str, float] = {}


class Term(Record, frozen=True, kw_only=True):
    """One feature in a linear model: its log-odds are `weight * (x - mean) / scale`."""

    feature: str
    mean: float
    scale: float
    weight: float


class ModelSnapshot(Record, frozen=True, kw_only=True):
    """Two scorers, ready to score and to go on learning: the pipeline (`terms`, `intercept`) and the `classifier`.

    `champion` names the one that routes. `slope` and `shift` are the classifier's calibration, 1 and 0 while it has
    none. `learner` is the rest of what learning needs, as JSON, `heads` the hazard heads, one for each bucket;
    `signature` is HMAC-SHA256 over all other fields.
    """

    version: int
    kind: str
    created_at: float
    examples: int
    intercept: float
    terms: list[Term]
    metrics: dict[str, float]
    learner: bytes = b""
    signature: bytes = b""
    classifier: bytes = b""
    champion: str = "pipeline"
    slope: float = 1.0
    shift: float = 0.0
    heads: list[bytes] = []


class Lessons(Record, frozen=True, kw_only=True):
    """What the learner has learned since the model of `version` (0 = none yet): with that, all that it knows."""

    kind: str
    version: int
    examples: list[TrainingExample]


class ModelPin(Record, frozen=True, kw_only=True):
    """Which model is to score from now on: `version`, as `snapshot` has it; -1 = the newest, whichever that is.

    Pins are numbered from 1, the highest holds; `signature` is HMAC-SHA256 over all other fields.
    """

    number: int
    kind: str
    version: int
    at: float
    why: str = ""
    snapshot: ModelSnapshot | None = None
    signature: bytes = b""
