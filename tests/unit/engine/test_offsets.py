"""Questions that no broker answers: asked again while somebody wants to know, and no longer."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.engine import offsets
from streams.engine.offsets import Interrupted, Kafka, Wanted

NOBODY: Kafka = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
PLACES = [("visitors", 0)]
QUESTIONS: dict[str, Callable[[Wanted], Any]] = {
    "committed": lambda wanted: offsets.committed(NOBODY, "g", PLACES, wanted),
    "ends": lambda wanted: offsets.ends(NOBODY, PLACES, stable=True, wanted=wanted),
    "starts": lambda wanted: offsets.starts(NOBODY, PLACES, wanted),
    "ids": lambda wanted: offsets.ids(NOBODY, ["visitors"], wanted),
}


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "TRY_S", 0.05)


@pytest.mark.parametrize("question", QUESTIONS)
def test_who_does_not_want_to_know_any_more_is_not_kept_waiting(question: str) -> None:
    looks = iter([True, True, False])
    with pytest.raises(Interrupted):
        QUESTIONS[question](lambda: next(looks))
    assert list(looks) == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_nobody_s_answer_is_not_waited_for_for_ever(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "ASK_S", 0.2)
    looks = count()
    with pytest.raises((KafkaException, TimeoutError)):
        QUESTIONS[question](lambda: next(looks) >= 0)
    assert next(looks) > 1


def test_what_waiting_does_not_help_is_told_at_once() -> None:
    asked: list[float] = []

    def refuse(within_s: float) -> Any:
        asked.append(within_s)
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    with pytest.raises(KafkaException):
        offsets._insist(refuse, 30.0, offsets.always)
    assert len(asked) == 1
