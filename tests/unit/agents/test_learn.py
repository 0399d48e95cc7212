"""learn: every example one model, and nothing that depends on who made the last."""

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.records import ModelSnapshot
from schemas.rejected import Rejected
from schemas.step import States
from streams.agents.learn import make_learn
from streams.domain.snapshots import refusal
from tests.builders import example

KEY = b"key"


def model_of(states: States) -> ModelSnapshot:
    (model,) = states
    assert isinstance(model, ModelSnapshot)
    return model


def test_each_example_is_one_signed_version() -> None:
    agent, versions = make_learn(KEY), []
    states: States = (None,)
    for number in range(3):
        applied = agent.step(states, example(number))
        states = applied.states
        assert applied.fate == "learned"
        assert refusal(model_of(states), KEY, than=number) is None
        versions.append(model_of(states).version)
    assert versions == [1, 2, 3]


def test_a_repeated_example_changes_nothing() -> None:
    agent = make_learn(KEY)
    states = agent.step((None,), example(1)).states
    again = agent.step(states, example(1))
    assert again.states is states
    assert again.fate == "deduplicated"


def test_a_new_worker_goes_on_bit_for_bit() -> None:
    one = make_learn(KEY)
    states: States = (None,)
    restarted: States = (None,)
    for number in range(30):
        states = one.step(states, example(number, label=number % 3 == 0)).states
        restarted = make_learn(KEY).step(restarted, example(number, label=number % 3 == 0)).states
    assert states == restarted


def test_a_round_that_is_taken_back_leaves_no_trace() -> None:
    agent = make_learn(KEY)
    states = agent.step((None,), example(1)).states
    once = agent.step(states, example(2)).states
    agent.step(once, example(3))
    assert agent.step(states, example(2)).states == once


def test_an_impossible_example_is_refused_and_the_next_is_learned_as_if_it_had_never_been() -> None:
    agent = make_learn(KEY)
    states = agent.step((None,), example(1)).states
    with pytest.raises(Rejected):
        agent.step(states, example(2, score=float("nan")))
    assert agent.step(states, example(3)).states == make_learn(KEY).step(states, example(3)).states


def test_a_model_is_as_old_as_its_last_label() -> None:
    told = example(7)
    assert model_of(make_learn(KEY).step((None,), told).states).created_at == told.labelled_at


def test_what_takes_seconds_is_loaded_before_the_first_example(repository: Path) -> None:
    asked = "from streams.agents.learn import make_learn; import sys; agent = make_learn(b'k' * 16)"
    told = f"{asked}; before = 'river' in sys.modules; agent.prepare(); print(before, 'river' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
