"""Dead letters: how a door writes one, how they are read, and how the records in them are sent again after repair."""

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from confluent_kafka import Message

from connectors import kafka
from connectors.reading import everything
from connectors.sending import NotTakenError, Sending
from connectors.settings import Connection
from connectors.standing import erased_since, returned_since, standing
from schemas import letters
from schemas.choice import Choice
from schemas.codec import Codec
from schemas.letters import REPLAYED_FROM
from schemas.person import unseal
from schemas.records import DeadLetter, LeadProfile, RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Reason, Rejected
from schemas.topics import DEAD_LETTERS, LEADS_CONVERSIONS, LEADS_ROUTED, TOPICS, retried

__all__ = ["REPLAYED_FROM", "Left", "NotTakenError", "Replayed", "Wanted", "letter", "original", "read", "replay"]

DECISIONS = (LEADS_ROUTED.name, LEADS_CONVERSIONS.name)


class Left(Choice):
    """Why a record was not sent again."""

    REPEATED = "repeated"  # another letter holds the same one
    UNREADABLE = "unreadable"  # sealed under a key that is not known, or damaged
    UNKNOWN_TOPIC = "unknown_topic"  # from a topic that is none of ours, or of a destination that is gone
    CUT = "cut"  # too large to have been kept whole
    EMPTY = "empty"  # without a value
    ERASED = "erased"  # a decision of somebody who has been erased since
    RETURNED = "returned"  # the erasure of somebody who has come back since


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
    """What a replay did: records sent by topic, and those left out by why (`Left`)."""

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
    Sending a record that has been dealt with meanwhile is harmless, since the pipeline knows it by its id. What
    destinations know nobody by any more stays where it is: decisions of who has been erased since.
    Raises `BrokerUnreachable`, `NotTakenError`.
    """
    sent: Counter[str] = Counter()
    left: Counter[str] = Counter()
    met: set[bytes] = set()
    unfit = _Unfit(settings, wanted)
    with Sending(settings) as sending:
        for found in read(settings, wanted):
            try:
                key, value = original(found)
            except Rejected:
                left[Left.UNREADABLE] += 1
                continue
            headers = _headers(found)
            whole = found.topic.encode(), key, value, repr(headers).encode()
            mark = blake2b(b"\0".join(whole), digest_size=16).digest()
            why = unfit(found, value) or (Left.REPEATED if mark in met else None)
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


class _Unfit:
    """Why a record cannot be sent again, if so. What was on its way to destinations is looked up first."""

    def __init__(self, settings: Connection, wanted: Wanted) -> None:
        self._codec = Codec(open_registry(settings.schema_registry_url or None), ["RoutedLead"])
        self._topics = {topic.name for topic in TOPICS} | {name for name in kafka.names(settings) if retried(name)}
        leads = {routed.lead_id for found in read(settings, wanted) if (routed := self._decision(found))}
        self._rows: Mapping[str, LeadProfile] = standing(settings, leads)

    def __call__(self, letter: DeadLetter, value: bytes) -> Left | None:
        if letter.topic not in self._topics:
            return Left.UNKNOWN_TOPIC
        if letters.NOTE in letter.detail:
            return Left.CUT
        if not value:
            return Left.EMPTY
        routed = self._decision(letter)
        row = self._rows.get(routed.lead_id) if routed else None
        if routed and routed.erased_at:
            return Left.RETURNED if returned_since(routed, row) else None
        return Left.ERASED if routed and erased_since(routed, row) else None

    def _decision(self, letter: DeadLetter) -> RoutedLead | None:
        """Return the decision that a letter holds, if it holds one that can be read."""
        if (retried(letter.topic) or letter.topic) not in DECISIONS:
            return None
        try:
            found = self._codec.decode(original(letter)[1], (RoutedLead,))
        except Rejected:
            return None
        return found if isinstance(found, RoutedLead) else None
