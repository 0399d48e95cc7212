"""From a log record to the event that is written: nothing passes that is not known to be free of people.

Ours: a constant sentence and listed fields. A library's: its text if that is a constant of its code, in which numbers
and the names of our topics are filled in, and nothing else. Of an exception: types and places in the code, no words.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType

from confluent_kafka import KafkaError

from connectors.advice import advice
from connectors.log.dropped import DROPPED
from connectors.log.fields import FIELDS, LONGEST, Unfit, clean, fault
from schemas.topics import TOPICS

__all__ = ["Event", "event", "ours"]

Event = dict[str, object]
OURS = ("connectors", "schemas", "streams", "leadstream")
LIBRDKAFKA = "librdkafka"
BLANK = set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
SLOT = re.compile(r"%(?:\(\w+\))?[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?[a-zA-Z]")
SERVICE = re.compile(r"^\[\^[^\]]*\]: ")  # which of Faust's services speaks, put before its text
LEFT_OUT = "…"
NO_TEXT = "(its text is left out)"
KNOWN = {topic.name for topic in TOPICS}
DEEP = 14  # frames between a library's call and us
_constants: set[str] = set()


def event(record: logging.LogRecord, trace_id: Callable[[], str]) -> Event:
    """Return what is written of a record, field by field, in the order in which people want them."""
    told: Event = {
        "at": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "level": record.levelname.lower(),
    }
    if record.name == LIBRDKAFKA:
        told |= _of_librdkafka(record)
    elif ours(record):
        told |= {"event": _text(record), **_listed(record)}
    else:
        told |= {"event": _text(record), "where": f"{record.module}:{record.lineno}"}
    if repeated := getattr(record, "repeated", 0):
        told["repeated"] = repeated
    told["logger"] = record.name
    if "trace_id" not in told and (found := trace_id()):
        told["trace_id"] = found
    if record.exc_info and record.exc_info[1] is not None:
        told.setdefault("error", fault(record.exc_info[1]))
        told["trace"] = list(_places(record.exc_info[1]))
    return told


def ours(record: logging.LogRecord) -> bool:
    """Tell whether a line is of our own code."""
    return record.name.partition(".")[0] in OURS


def _listed(record: logging.LogRecord) -> Event:
    found: Event = {}
    for name, value in vars(record).items():
        if name in BLANK or value is None:
            continue
        try:
            found[name] = FIELDS[name](value)
        except (KeyError, Unfit):
            DROPPED.labels("field").inc()
    return {name: found[name] for name in FIELDS if name in found}


def _of_librdkafka(record: logging.LogRecord) -> Event:
    """The Kafka client speaks of brokers, topics and groups: it never looks into records."""
    kind, _, text = record.args if isinstance(record.args, tuple) and len(record.args) == 3 else ("", "", "")
    told: Event = {"event": f"Kafka client: {kind}", "why": clean(str(text))}
    return told | ({"advice": found} if (found := advice(str(text))) else {})


def _text(record: logging.LogRecord) -> str:
    """Return the sentence, as far as it is one. Ours is looked at, too: Faust speaks in our classes' names."""
    text = SERVICE.sub("", record.msg) if isinstance(record.msg, str) else None
    if text is None or not (text in _constants or _constant(text, sys._getframe(1))):  # noqa: SLF001
        DROPPED.labels("text").inc()
        return NO_TEXT
    if not record.args:
        return " ".join(text.split())
    values = iter(record.args.values() if isinstance(record.args, dict) else record.args)
    filled = SLOT.sub(lambda _: _value(next(values, None)), text.replace("%%", "%"))
    return " ".join(filled.split())[:LONGEST]


def _constant(text: str, frame: FrameType | None) -> bool:
    """Tell whether the text stands in the code that is logging: then nothing that came from outside is in it."""
    for _ in range(DEEP):
        if frame is None:
            return False
        if text in _texts(frame.f_code):
            _constants.add(text)
            return True
        frame = frame.f_back
    return False


def _texts(code: CodeType) -> set[object]:
    return {one for one in code.co_consts if isinstance(one, str)}


def _value(value: object) -> str:
    """Return what may be shown of something that a library put into its text."""
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, BaseException):
        return fault(value)
    if isinstance(value, KafkaError):
        return str(value.name())
    if isinstance(value, str) and value in KNOWN:
        return value
    topic, partition = getattr(value, "topic", None), getattr(value, "partition", None)
    if topic in KNOWN and isinstance(partition, int):
        return f"{topic}-{partition}"
    DROPPED.labels("value").inc()
    return LEFT_OUT


def _places(error: BaseException | None) -> Iterator[str]:
    """Yield where an exception came from, the latest call last, and before it what it was caused by.

    A group's cause is the first of its members.
    """
    seen: set[int] = set()
    chain: list[BaseException] = []
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        chain.append(error)
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for one in reversed(chain):
        at = one.__traceback__
        while at is not None:
            code = at.tb_frame.f_code
            yield f"{'/'.join(Path(code.co_filename).parts[-2:])}:{at.tb_lineno} {code.co_name}"
            at = at.tb_next
        yield fault(one)
