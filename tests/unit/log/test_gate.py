"""Nothing personal gets into a log line, whoever writes it and however; what an operator needs does."""

import asyncio
import gc
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from connectors import log
from connectors.log.dropped import DROPPED
from connectors.log.fields import clean
from schemas.rejected import Reason, Rejected

CANARY = "Zoe-Canary-7f3a"
HOOKS = ("excepthook", "unraisablehook")
ours, theirs = logging.getLogger("connectors.something"), logging.getLogger("somelibrary.inside")


class Written(io.StringIO):
    """What was written, as events."""

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions, warnings.showwarning, threading.excepthook
    hooks = [getattr(sys, name) for name in HOOKS]
    stream = Written()
    log.install("test", {"LOG_LEVEL": "debug", "LEADSTREAM_LOG_FORMAT": "json"}, stream)
    yield stream
    root.handlers[:], root.level, logging.raiseExceptions, warnings.showwarning, threading.excepthook = before
    for name, hook in zip(HOOKS, hooks, strict=True):
        setattr(sys, name, hook)


def dropped(what: str) -> float:
    found: float = DROPPED.labels(what)._value.get()
    return found


def test_a_line_of_ours_is_a_sentence_and_listed_fields(written: Written) -> None:
    ids = {"lead": "e-bcbda8dd0cce7a754c78ab44", "decision": "ba1dd8b46ff434295207a28a1708492c"}
    ours.warning("it was not taken", extra=ids | {"destination": "sales", "wait_s": 1.23456789, "partition": 3})
    [event] = written.events
    at, pid = event.pop("at"), event.pop("pid")
    assert at.endswith("Z")
    assert pid > 1
    assert event == ids | {
        "level": "warning",
        "event": "it was not taken",
        "destination": "sales",
        "partition": 3,
        "wait_s": 1.234568,
        "logger": "connectors.something",
        "part": "test",
    }


@pytest.mark.parametrize(
    "extra",
    [
        {"email": CANARY},  # not listed
        {"lead": f"{CANARY}@example.com"},  # not as the field must be
        {"destination": f"{CANARY} & Sons"},
        {"offset": CANARY},
        {"error": CANARY},
        {"why": [CANARY]},
        {"topics": [f"+{CANARY}"]},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_what_is_not_listed_or_looks_wrong_is_left_out_and_counted(written: Written, extra: dict[str, object]) -> None:
    before = dropped("field")
    ours.info("something came", extra=extra)
    assert CANARY not in written.getvalue()
    assert dropped("field") == before + 1


@given(value=st.text(min_size=3), number=st.integers())
def test_a_library_that_puts_a_value_into_its_text_loses_the_value(value: str, number: int) -> None:
    stream = Written()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.lines.Lines(log.Shape.JSON, "test"))
    theirs.addHandler(handler)
    theirs.setLevel("DEBUG")
    try:
        theirs.info("seen %s and %d of %r", value, number, [value])
        theirs.info("seen " + value + " and more")
        theirs.error("%s", ValueError(value))
        theirs.info("%(one)s", {"one": value})
    finally:
        theirs.removeHandler(handler)
    assert [it["event"] for it in stream.events] == [
        f"seen … and {number} of …",
        "(its text is left out)",
        "ValueError",
        "…",
    ]


def test_a_crash_tells_where_and_never_what(written: Written) -> None:
    def inner() -> None:
        raise KeyError(CANARY)

    try:
        try:
            inner()
        except KeyError as error:
            raise ValueError(f"no {CANARY} here") from error
    except ValueError:
        ours.exception("a step crashed")
    [event] = written.events
    assert CANARY not in written.getvalue()
    assert event["error"] == "ValueError"
    places = [place.rpartition(" ")[2] for place in event["trace"]]
    assert places == [
        "test_a_crash_tells_where_and_never_what",
        "inner",
        "KeyError",
        "test_a_crash_tells_where_and_never_what",
        "ValueError",
    ]


def test_of_a_group_the_first_member_is_told(written: Written) -> None:
    def inner() -> None:
        raise KeyError(CANARY)

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(inner))

    try:
        asyncio.run(main())
    except ExceptionGroup:
        ours.exception("a step crashed")
    event = written.events[-1]
    assert CANARY not in written.getvalue()
    assert event["error"] == "ExceptionGroup of KeyError"
    assert "inner" in {place.rpartition(" ")[2] for place in event["trace"]}


def test_what_nobody_catches_comes_through_the_same_gate(written: Written) -> None:
    async def main() -> None:
        async def broken() -> None:
            raise ValueError(CANARY)

        task = asyncio.create_task(broken())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()

    asyncio.run(main())
    thread = threading.Thread(target=lambda: [].index(CANARY))  # type: ignore[arg-type]
    thread.start()
    thread.join()
    warnings.showwarning(f"{CANARY} is old", UserWarning, "file.py", 1)
    sys.excepthook(ValueError, ValueError(CANARY), None)
    ours.info("too few for %s %s", CANARY)
    assert CANARY not in written.getvalue()
    assert len(written.events) == 6  # asyncio's own first line is among them
    assert [it["error"] for it in written.events if "error" in it] == ["ValueError", "ValueError", "ValueError"]


def test_errors_we_know_keep_their_words(written: Written) -> None:
    ours.info("buried", extra={"error": Rejected(Reason.INVALID_VALUE, "userId")})
    ours.info("away", extra={"error": KafkaException(KafkaError(KafkaError._TRANSPORT))})
    ours.info("full", extra={"error": OSError(28, CANARY)})
    said = [event["error"] for event in written.events]
    assert said[0] == "Rejected: invalid_value: userId"
    assert said[1].startswith("KafkaException _TRANSPORT")
    assert said[2] == "OSError 28"


def test_librdkafka_is_heard(written: Written) -> None:
    text = "[thrd:x]: 127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused"
    logging.getLogger("librdkafka").error("%s [%s] %s", "FAIL", "leadstream#producer-1", text)
    [event] = written.events
    assert (event["event"], event["why"]) == ("Kafka client: FAIL", text)


@pytest.mark.parametrize(
    "personal",
    [
        "jane.doe@example.com",
        "+44 20 7946 0018",
        "020 7946 0018",
        "192.0.2.7",
        "2001:db8::1:2:3",
        "::1:2:3:4",
    ],
)
def test_a_sentence_loses_what_looks_like_a_persons(personal: str) -> None:
    assert clean(f"no answer to {personal}, at all") == "no answer to [removed], at all"


@pytest.mark.parametrize("fine", ["kafka-1:9092", "ipv4#10.0.0.1:9092 failed", "offset 1234567890123 of events.web-3"])
def test_a_sentence_keeps_what_an_operator_needs(fine: str) -> None:
    assert clean(fine) == fine


def test_a_library_that_repeats_itself_is_heard_now_and_then_and_others_in_between(written: Written) -> None:
    theirs, ours = logging.getLogger("librdkafka"), logging.getLogger("connectors.something")
    handler = logging.getLogger().handlers[0]
    for number in range(2_000):  # twenty seconds of trouble, a hundred lines a second
        for logger, args in ((theirs, ("FAIL", "x", "down")), (theirs, ("ERROR", "x", "all down"))):
            record = logger.makeRecord(logger.name, logging.ERROR, "x.py", 1, "%s [%s] %s", args, None)
            record.created = number / 100
            handler.handle(record)
        record = ours.makeRecord(ours.name, logging.ERROR, "y.py", 1, "it is down", (), None)
        handler.handle(record)
    told = [it for it in written.events if it["logger"] == "librdkafka"]
    assert [it.get("repeated", 0) for it in told if it["event"].endswith("FAIL")] == [0, 499, 499, 499]
    assert len(told) == 8
    assert len(written.events) == 2_008


def test_a_line_is_one_line_in_either_shape(written: Written) -> None:
    ours.warning("first\nsecond", extra={"why": "one\ntwo\r\nthree"})
    assert len(written.getvalue().splitlines()) == 1
    console = io.StringIO()
    log.install("test", {}, console)
    try:
        [].index(CANARY)  # type: ignore[arg-type]
    except ValueError:
        ours.exception("it crashed", extra={"why": "one\ntwo", "records": 3})
    assert len(console.getvalue().splitlines()) == 1
    assert 'ERROR    connectors.something: it crashed  why="one two" records=3 error=ValueError' in console.getvalue()


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "loud"), ("LEADSTREAM_LOG_FORMAT", "xml")])
def test_a_setting_that_is_not_known_is_named(written: Written, name: str, value: str) -> None:
    log.install("test", {"LEADSTREAM_LOG_FORMAT": "json", name: value}, written)
    assert name in written.getvalue()


def test_the_trace_under_way_is_on_the_line(written: Written) -> None:
    log.install("test", {"LEADSTREAM_LOG_FORMAT": "json"}, written, trace_id=lambda: "0af7651916cd43dd8448eb211c80319c")
    ours.info("something came")
    assert written.events[-1]["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
