"""What a log line may hold: every field by name, and what its value must look like.

A value that does not is left out, whatever it is. Names come from closed sets of ours, ids are pseudonymous.
"""

import re
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException

__all__ = ["FIELDS", "Unfit", "clean", "fault"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,119}")
ID = re.compile(r"[a-z]-[0-9a-f]{1,64}|[0-9a-f]{16,64}")
REMOVED = "[removed]"
PERSONAL = re.compile(
    r"""[\w.+%-]+@[\w-]+(?:\.[\w-]+)*          # an e-mail address, or a URL's user and password
    | \+\d[\d ()/-]{6,}\d | (?<![\w.-])\d{2,5}[ ()/-][\d ()/-]{4,}\d(?![\w.-])  # a telephone number
    | (?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*[:\d])  # an address without a port: a visitor's, never a broker's
    | (?<![\w:])(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{0,4}(?![\w:])
    """,
    re.VERBOSE,
)
LONGEST = 500
OURS = ("connectors.", "schemas.", "streams.")


class Unfit(ValueError):
    """The value does not look as its field's must."""


def clean(text: str) -> str:
    """Return a sentence of ours or of librdkafka's, on one line, without what looks like a person's.

    >>> clean("no answer from 127.0.0.1:9092")
    'no answer from 127.0.0.1:9092'
    >>> clean("jane@example.com, 192.0.2.7 and +44 20 7946 0018")
    '[removed], [removed] and [removed]'
    """
    return PERSONAL.sub(REMOVED, " ".join(text.split())[:LONGEST])


def fault(error: BaseException) -> str:
    """Return what an exception is: its type and code. What it says is kept where we, or librdkafka, have said it.

    >>> fault(ValueError("Jane")), fault(FileNotFoundError(2, "no such file"))
    ('ValueError', 'FileNotFoundError 2')
    >>> fault(ExceptionGroup("Jane", [ValueError("Jane"), TimeoutError()]))
    'ExceptionGroup of ValueError, TimeoutError'
    """
    kind = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        return f"{kind} of {', '.join(fault(one) for one in error.exceptions)}"
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return clean(f"{kind} {error.args[0].name()}: {error.args[0].str()}")
    if type(error).__module__.startswith(OURS):
        return clean(f"{kind}: {error}")
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind} {error.errno}"
    return kind


def _number(value: object) -> int | float | bool:
    if not isinstance(value, (int, float)):
        raise Unfit
    return round(value, 6) if isinstance(value, float) else value


def _matching(pattern: "re.Pattern[str]") -> Callable[[object], str]:
    def matched(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit
        return str(value)

    return matched


_name, _id = _matching(NAME), _matching(ID)


def _names(value: object) -> list[str]:
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        raise Unfit
    return [_name(one) for one in value]


def _sentence(value: object) -> str:
    if not isinstance(value, str):
        raise Unfit
    return clean(value)


def _fault(value: object) -> str:
    if not isinstance(value, BaseException):
        raise Unfit
    return fault(value)


FIELDS: Mapping[str, Callable[[object], object]] = {
    # whom and what it is about
    "lead": _id,
    "decision": _id,
    "letter": _id,  # a dead letter's
    "trace_id": _id,
    "agent": _name,
    "destination": _name,
    "destinations": _names,
    "source": _name,
    "topic": _name,
    "topics": _names,
    "partition": _number,
    "offset": _number,
    "child": _name,  # one that a supervisor keeps
    # what happened
    "state": _name,
    "reason": _name,  # of a closed set
    "why": _sentence,  # ours, never a sender's
    "error": _fault,
    # how much, and for how long
    "records": _number,
    "remaining": _number,
    "partitions": _number,
    "missing": _number,
    "minute": _number,
    "version": _number,
    "code": _number,
    "attempt": _number,
    "took_s": _number,
    "wait_s": _number,
}
