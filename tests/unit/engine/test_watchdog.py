"""The watchdog barks when input moves and commits do not, and only then."""

import threading

from confluent_kafka import KafkaError, KafkaException

from streams.engine.app import build
from streams.engine.config import Config
from streams.engine.watchdog import Sight, Watchdog
from tests.pipeline import CODEC
from tests.worker import pipeline

PLACE = ("events.web", 0)


def watchdog(read_to: int, committed_at: float) -> tuple[Watchdog, list[str]]:
    stalls: list[str] = []
    return Watchdog({}, lambda: Sight({PLACE: read_to}, committed_at), 30.0, lambda: None, stalls.append), stalls


def test_it_ends_a_worker_that_stays_behind_without_committing() -> None:
    dog, stalls = watchdog(read_to=5, committed_at=0.0)
    for now in (100.0, 110.0, 120.0, 129.0):
        dog.look({PLACE: 10}, now)
    assert stalls == []
    dog.look({PLACE: 10}, 130.0)
    assert len(stalls) == 1
    assert "events.web-0" in stalls[0]


def test_it_leaves_a_worker_alone_that_has_read_everything() -> None:
    dog, stalls = watchdog(read_to=10, committed_at=0.0)
    for now in range(100, 1000, 10):
        dog.look({PLACE: 10}, float(now))
    assert stalls == []


def test_it_leaves_a_worker_alone_that_commits() -> None:
    dog, stalls = watchdog(read_to=5, committed_at=995.0)
    for now in range(100, 1000, 10):
        dog.look({PLACE: 10}, float(now))
    assert stalls == []


def test_it_ends_a_busy_worker_as_soon_as_an_idle_one() -> None:
    # Behind all along, as under load: what counts is when it last went forward.
    progress, stalls = [100.0], list[str]()
    dog = Watchdog({}, lambda: Sight({PLACE: 5}, progress[0]), 30.0, lambda: None, stalls.append)
    for now in (100.0, 110.0, 120.0, 130.0, 140.0, 150.0):
        progress[0] = now
        dog.look({PLACE: 10}, now)
    dog.look({PLACE: 10}, 179.0)
    assert stalls == []
    dog.look({PLACE: 10}, 180.0)
    assert len(stalls) == 1


def test_it_begins_to_count_anew_when_the_worker_has_caught_up() -> None:
    at = {"read": 5}
    stalls: list[str] = []
    dog = Watchdog({}, lambda: Sight({PLACE: at["read"]}, 0.0), 30.0, lambda: None, stalls.append)
    dog.look({PLACE: 10}, 100.0)
    at["read"] = 10
    dog.look({PLACE: 10}, 120.0)
    at["read"] = 9
    dog.look({PLACE: 10}, 140.0)
    assert stalls == []


def test_it_ends_a_worker_whose_rebalance_does_not_end() -> None:
    stalls: list[str] = []
    dog = Watchdog({}, lambda: Sight({}, 0.0, rebalancing=True), 30.0, lambda: None, stalls.append)
    dog.look({}, 100.0)
    dog.look({}, 131.0)
    assert "rebalance" in stalls[0]


def test_it_ends_a_worker_that_its_group_never_takes_in_while_the_group_answers() -> None:
    made = build(pipeline(), Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), CODEC)
    answers, stalls = [False] * 3, list[str]()

    def hear() -> None:
        if answers and not answers.pop():
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        heard.set()

    def stalled(why: str) -> None:
        stalls.append(why)
        ended.set()

    heard, ended = threading.Event(), threading.Event()
    dog = Watchdog({}, made.sight, 0.06, hear, stalled)
    dog.start()
    try:
        assert heard.wait(60)
        assert ended.wait(60)
    finally:
        dog.stop()
    assert not answers, "while nobody answers, it is nobody's fault"
    assert "its first partitions" in stalls[0]
    made.engine.restored = True
    idle = Watchdog({}, made.sight, 30.0, lambda: None, stalls.append)
    stalls.clear()
    for now in range(100, 1_000, 10):
        idle.look({}, float(now))
    assert not stalls, "there may be more workers than partitions"


def test_a_look_that_fails_is_not_the_last() -> None:
    fails = [RuntimeError("changed while it was looked at")] * 3
    stalled = threading.Event()

    def see() -> Sight:
        if fails:
            raise fails.pop()
        return Sight({}, 0.0, rebalancing=True)

    dog = Watchdog({}, see, 0.06, lambda: None, lambda _: stalled.set())
    dog.start()
    try:
        assert stalled.wait(60)
    finally:
        dog.stop()
