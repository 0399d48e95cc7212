"""learn: examples become lessons and models, and nothing depends on who made the last."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from schemas.codec import Codec
from schemas.learning import Lessons, ModelSnapshot
from schemas.registry import FileRegistry
from schemas.rejected import Rejected
from schemas.step import States
from schemas.topics import LESSONS, MODEL_VERSIONS, MODELS, TRAINING_EXAMPLES
from streams.agents.learn import MOST, STALE_S, due, make_learn
from streams.domain.learning import Learner
from streams.domain.snapshots import refusal
from tests.builders import NOON, example

KEY = b"key"
NONE: States = (None, None)
CODEC = Codec(FileRegistry())


def model_of(states: States) -> ModelSnapshot:
    model, _ = states
    assert isinstance(model, ModelSnapshot)
    return model


def test_each_example_is_one_signed_version() -> None:
    agent, versions = make_learn(KEY), []
    states: States = NONE
    for number in range(3):
        applied = agent.step(states, example(number))
        states = applied.states
        assert applied.fate == "learned"
        assert refusal(model_of(states), KEY, than=number) is None
        versions.append(model_of(states).version)
    assert versions == [1, 2, 3]


def test_a_repeated_example_changes_nothing() -> None:
    agent = make_learn(KEY)
    states = agent.step(NONE, example(1)).states
    again = agent.step(states, example(1))
    assert again.states is states
    assert again.fate == "deduplicated"


def test_a_new_worker_goes_on_bit_for_bit() -> None:
    one = make_learn(KEY)
    states: States = NONE
    restarted: States = NONE
    for number in range(30):
        states = one.step(states, example(number, label=number % 3 == 0)).states
        restarted = make_learn(KEY).step(restarted, example(number, label=number % 3 == 0)).states
    assert states == restarted


@pytest.mark.parametrize(
    ("known", "lessons"), [(0, 1), (99, 1), (100, 2), (250, 3), (3_199, 32), (3_200, 33), (10**6, MOST)]
)
def test_a_model_is_written_once_in_a_hundredth_of_what_it_knows_and_no_rarer_than_once_in_33_examples(
    known: int, lessons: int
) -> None:
    model = Learner.restore(None).snapshot(1, NOON)
    waiting = [example(0)] * (lessons - 1)
    assert not waiting or not due(replace(model, examples=known), waiting)
    assert due(replace(model, examples=known), [*waiting, example(0)])


def test_a_model_is_written_when_the_last_one_is_ten_minutes_old() -> None:
    model = replace(Learner.restore(None).snapshot(1, NOON), examples=5_000)
    assert not due(model, [example(0, labelled_at=NOON + STALE_S - 1.0)])
    assert due(model, [example(0, labelled_at=NOON + STALE_S)])


def test_killed_anywhere_and_restored_from_bytes_the_learner_makes_the_same_models() -> None:
    straight, states, restored = make_learn(KEY), NONE, NONE
    killed = random.Random(3)
    agent, lessons = make_learn(KEY), 0
    for number in range(170):
        told = example(number, label=number % 3 == 0, labelled_at=1.0)
        states = straight.step(states, told).states
        if number > 100 and killed.random() < 0.2:
            agent = make_learn(KEY)
            model, since = (None if it is None else CODEC.encode(it) for it in restored)
            restored = (
                None if model is None else CODEC.decode(model, MODELS.records),
                None if since is None else CODEC.decode(since, LESSONS.records),
            )
            lessons += since is not None
        restored = agent.step(restored, told).states
    assert states == restored
    assert lessons > 1


def test_lessons_after_another_model_are_not_learned() -> None:
    model, _ = make_learn(KEY).step(NONE, example(1)).states
    stray = Lessons(kind="conversion", version=99, examples=[example(5)])
    due = make_learn(KEY).step((model, None), example(2)).states
    assert make_learn(KEY).step((model, stray), example(2)).states == due


def test_each_version_takes_a_place_on_the_shelf() -> None:
    applied = make_learn(KEY).step(NONE, example(1, labelled_at=7_300.0))
    assert [(it.topic, it.key, it.record) for it in applied.emits] == [
        (MODEL_VERSIONS, f"conversion/{place}", applied.states[0]) for place in ("latest/1", "hour/2", "day/0")
    ]


def test_what_is_written_for_an_example_is_a_fraction_of_a_model() -> None:
    agent, states, written, last = make_learn(KEY), NONE, 0, 0
    for number in range(460):
        applied = agent.step(states, example(number, labelled_at=1.0))
        if number >= 400:
            rows = [row for old, row in zip(states, applied.states, strict=True) if row is not None and row is not old]
            written += sum(len(CODEC.encode(row)) for row in (*rows, *(emit.record for emit in applied.emits)))
            last += 1
        states = applied.states
    model = len(CODEC.encode(model_of(states)))
    assert written / last < model / 2
    assert len(CODEC.encode(example(1))) < model / 100
    assert TRAINING_EXAMPLES.partitions == 1


def test_a_round_that_is_taken_back_leaves_no_trace() -> None:
    agent = make_learn(KEY)
    states = agent.step(NONE, example(1)).states
    once = agent.step(states, example(2)).states
    agent.step(once, example(3))
    assert agent.step(states, example(2)).states == once


def test_an_impossible_example_is_refused_and_the_next_is_learned_as_if_it_had_never_been() -> None:
    agent = make_learn(KEY)
    states = agent.step(NONE, example(1)).states
    with pytest.raises(Rejected):
        agent.step(states, example(2, score=float("nan")))
    assert agent.step(states, example(3)).states == make_learn(KEY).step(states, example(3)).states


def test_a_model_is_as_old_as_its_last_label() -> None:
    told = example(7)
    assert model_of(make_learn(KEY).step(NONE, told).states).created_at == told.labelled_at


def test_what_takes_seconds_is_loaded_before_the_first_example(repository: Path) -> None:
    asked = "from streams.agents.learn import make_learn; import sys; agent = make_learn(b'k' * 16)"
    told = f"{asked}; before = 'river' in sys.modules; agent.prepare(); print(before, 'river' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_what_changes_no_score_waits_for_what_does() -> None:
    model = model_of(make_learn(KEY).step((None, None), example(1)).states)
    later = [example(number, bucket=1, buckets=4, labelled_at=model.created_at + 9_999.0) for number in range(2, 40)]
    assert not due(model, later[:5])
    assert due(model, [*later[:5], example(50, buckets=4)])
    assert due(model, later)
