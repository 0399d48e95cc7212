"""learn: an example becomes a better model, signed. Every worker scores from the table's changelog.

A model weighs up to nine tenths of a megabyte, an example half a kilobyte. So a model is written once in up to 33
examples, the rarer the more it knows, and at least once in ten minutes of their time; between, what was learned is
written as *lessons*. Model and lessons are all that the learner knows: it goes on from them bit for bit.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from schemas.learning import Lessons, ModelSnapshot, TrainingExample
from schemas.records import Record
from schemas.step import Agent, Applied, States
from schemas.topics import LESSONS, MODEL_VERSIONS, MODELS, TRAINING_EXAMPLES, Emit
from streams.domain.hazards import ENDS_S
from streams.domain.scoring import KIND
from streams.domain.shelf import places
from streams.domain.snapshots import sign

if TYPE_CHECKING:
    from streams.domain.learning import Learner

SHARE = 100  # of what a model knows: it is written anew when it has learned a hundredth more
MOST = 33  # lessons
STALE_S = 600.0  # of the examples' time, after which a model is written with the next of them


def make_learn(snapshot_key: bytes, ends: Sequence[float] = ENDS_S) -> Agent:
    """Return the agent. `snapshot_key` signs the models; `ends` are where buckets end, as `label` has them."""
    live: dict[tuple[bytes | str, ...], Learner] = {}  # the learner behind what was last made here; else: restored

    def step(states: States, record: Record) -> Applied:
        model, lessons = cast("ModelSnapshot | None", states[0]), cast("Lessons | None", states[1])
        from streams.domain.learning import Learner

        example = cast("TrainingExample", record)
        since = _since(model, lessons)
        at = _mark(model, since)
        learner = live.pop(at, None) or _restored(Learner.restore(model, ends), since)
        if not learner.learn(example):
            live[at] = learner
            return Applied(states, (), "deduplicated")
        since = [*since, example]
        live.clear()
        if not due(model, since):
            live[_mark(model, since)] = learner
            learned = Lessons(kind=KIND, version=model.version if model else 0, examples=since)
            return Applied((model, learned), (), "learned")
        version = (model.version if model else 0) + len(since)
        snapshot = sign(learner.snapshot(version, example.labelled_at), snapshot_key)
        live[_mark(snapshot, [])] = learner
        shelved = tuple(Emit(MODEL_VERSIONS, place, snapshot) for place in places(model, snapshot))
        return Applied((snapshot, None), shelved, "learned")

    def keys(_: Record) -> tuple[str, str]:
        return KIND, KIND

    inputs, tables = (TRAINING_EXAMPLES,), (MODELS, LESSONS)
    return Agent("learn", inputs, tables, keys, step, keyed=False, prepare=_prepare, background=True)


def due(model: ModelSnapshot | None, since: list[TrainingExample]) -> bool:
    """Tell whether a model is to be written, `since` having been learned after the last one."""
    if model is None:
        return True
    if len(since) >= MOST:
        return True
    taught = sum(it.bucket == 0 for it in since)  # later buckets and verdicts change no score by themselves
    stale = since[-1].labelled_at >= model.created_at + STALE_S
    return taught > 0 and (stale or taught >= min(1 + model.examples // SHARE, MOST))


def _since(model: ModelSnapshot | None, lessons: Lessons | None) -> list[TrainingExample]:
    """Return what was learned after the model."""
    return lessons.examples if lessons and model and lessons.version == model.version else []


def _restored(learner: "Learner", since: list[TrainingExample]) -> "Learner":
    for example in since:
        learner.learn(example)
    return learner


def _mark(model: ModelSnapshot | None, since: list[TrainingExample]) -> tuple[bytes | str, ...]:
    """Return what tells a learner's state from any other."""
    return (model.signature if model else b"", *(example.id for example in since))


def _prepare() -> None:
    """Load the learner's libraries: half of a worker's start, and one worker in all needs them."""
    import streams.domain.learning  # noqa: F401
