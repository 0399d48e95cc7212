"""Dead letters: how a door writes one, how they are read, and how the records in them are sent again after repair."""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from confluent_kafka import Message

from connectors.reading import everything
from connectors.sending import NotTakenError, Sending
from connectors.settings import Connection
from schemas import letters
from schemas.codec import Codec
from schemas.letters import REPLAYED_FROM
from schemas.person import unseal
from schemas.records import DeadLetter
from schemas.registry import open_registry
from schemas.rejected import Reason, Rejected
from schemas.topics import DEAD_LETTERS, TOPICS

__all__ = ["REPLAYED_FROM", "NotTakenError", "Replayed", "Wanted", "letter", "original", "read", "replay"]


class Wanted(NamedTuple):
    """Which dead letters are meant; an empty field asks for nothing. `since` is in seconds since the epoch."""

    reason: str = ""
    id: str = ""
    since: float = 0.0

    def includes(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is meant."""
        return (
            self.reason in ("", letter.reason)
            and letter.id.startswith(self.id)  # people type as much of an id as they need
            and letter.failed_at >= self.since
        )


class Replayed(NamedTuple):
    """What a replay did: records sent by topic, and those left out by why."""

    sent: Counter[str]
    left: Counter[str]


def letter(message: Message, stage: str, reason: str, detail: str, failed_at: float) -> DeadLetter:
    """Return the dead letter of a record that a consumer has read."""
    place = message.topic() or "", message.partition() or 0, message.offset() or 0
    key, value = message.key() or b"", message.value() or b""
    found = message.headers() or []
    headers = [*(found.items() if isinstance(found, dict) else found)]
    return letters.letter(
        place, key, value, headers=headers, stage=stage, reason=reason, detail=detail, failed_at=failed_at
    )


def original(letter: DeadLetter) -> tuple[bytes, bytes]:
    """Return the key and the value as they were. Raises `Rejected` when they are not to be had."""
    fields = unseal(letter.person, letter.person_key)
    key, value = fields.get("key"), fields.get("value")
    if not isinstance(key, bytes) or not isinstance(value, bytes):
        raise Rejected(Reason.UNDECODABLE, "the dead letter holds no key and value")
    return key, value


def read(settings: Connection, wanted: Wanted) -> Iterator[DeadLetter]:
    """Return the dead letters there are now, oldest first within a partition. One that cannot be read is passed over.

    Raises `BrokerUnreachable`.
    """
    codec = Codec(open_registry(settings.schema_registry_url or None), ["DeadLetter"])
    for message in everything(settings, [DEAD_LETTERS]):
        try:
            found = codec.decode(message.value(), (DeadLetter,))
        except Rejected:
            continue
        if isinstance(found, DeadLetter) and wanted.includes(found):
            yield found


def replay(settings: Connection, wanted: Wanted, dry_run: bool = False) -> Replayed:
    """Send the records in the letters again, as they were, to where they came from; `dry_run` only counts.

    Each record is sent once, however many letters hold it: one that fails again would double with every replay.
    Sending a record that has been dealt with meanwhile is harmless, since the pipeline knows it by its id.
    Raises `BrokerUnreachable`, `NotTakenError`.
    """
    sent: Counter[str] = Counter()
    left: Counter[str] = Counter()
    met: set[bytes] = set()
    with Sending(settings) as sending:
        for found in read(settings, wanted):
            try:
                key, value = original(found)
            except Rejected:
                left["unreadable"] += 1
                continue
            headers = _headers(found)
            whole = found.topic.encode(), key, value, repr(headers).encode()
            mark = blake2b(b"\0".join(whole), digest_size=16).digest()
            why = _unfit(found, value) or ("repeated" if mark in met else "")
            if why:
                left[why] += 1
                continue
            met.add(mark)
            sent[found.topic] += 1
            if not dry_run:
                sending.send(found.topic, key or None, value, [*headers, (REPLAYED_FROM, found.id.encode())])
    return Replayed(sent, left)


def _headers(letter: DeadLetter) -> list[tuple[str, str | bytes | None]]:
    """Return the headers that the record came with."""
    found = unseal(letter.person, letter.person_key).get("headers")
    return [(str(it[0]), it[1]) for it in found if isinstance(it, list)] if isinstance(found, list) else []


def _unfit(letter: DeadLetter, value: bytes) -> str:
    """Return why a record cannot be sent again, "" when it can."""
    if letter.topic not in {topic.name for topic in TOPICS}:
        return "unknown_topic"
    if letters.NOTE in letter.detail:
        return "cut"
    return "" if value else "empty"
