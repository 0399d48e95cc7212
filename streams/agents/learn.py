"""learn: an example becomes a better model, signed. Every worker scores from the table's changelog."""

from typing import TYPE_CHECKING, cast

from schemas.records import ModelSnapshot, Record, TrainingExample
from schemas.step import Agent, Applied, States
from schemas.topics import MODELS, TRAINING_EXAMPLES
from streams.domain.scoring import KIND
from streams.domain.snapshots import sign

if TYPE_CHECKING:
    from streams.domain.learning import Learner


def make_learn(snapshot_key: bytes) -> Agent:
    """Return the agent. `snapshot_key` signs the models."""
    live: dict[bytes, Learner] = {}  # the learner behind the last snapshot made here; any other state is restored

    def step(states: States, record: Record) -> Applied:
        model = cast("ModelSnapshot | None", states[0])
        from streams.domain.learning import Learner

        example = cast("TrainingExample", record)
        at = model.signature if model else b""
        learner = live.pop(at, None) or Learner.restore(model)
        if not learner.learn(example):
            live[at] = learner
            return Applied(states, (), "deduplicated")
        version = model.version + 1 if model else 1
        snapshot = sign(learner.snapshot(version, example.labelled_at), snapshot_key)
        live.clear()
        live[snapshot.signature] = learner
        return Applied((snapshot,), (), "learned")

    return Agent("learn", (TRAINING_EXAMPLES,), (MODELS,), lambda _: (KIND,), step, keyed=False, prepare=_prepare)


def _prepare() -> None:
    """Load the learner's libraries: half of a worker's start, and one worker in all needs them."""
    import streams.domain.learning  # noqa: F401
