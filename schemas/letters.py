"""How a record is buried: its dead letter, the same for the same record, whoever writes it."""

from collections.abc import Sequence
from hashlib import blake2b

from schemas.person import Fields, seal
from schemas.records import DeadLetter

LARGEST = 950_000  # of the 1,048,588 bytes that a topic takes by default, with room for what a letter adds
CUT = 65_536
REPLAYED_FROM = "replayed-from"  # the header of a record that was sent again: the id of its dead letter
NOTE = "(key and value are cut"  # what the detail of a letter says when its record is not whole in it


def letter(
    place: tuple[str, int, int],
    key: bytes,
    value: bytes,
    *,
    headers: Sequence[tuple[str, bytes | str | None]] = (),
    stage: str,
    reason: str,
    detail: str,
    failed_at: float,
) -> DeadLetter:
    """Return the dead letter of the record at `place` (topic, partition, offset); key, value and headers as they were.

    Those that would make a letter too large for its topic are cut, and `detail` says so.
    """
    size = len(key) + len(value) + sum([len(name) + len(said or b"") for name, said in headers])
    if size > LARGEST:
        detail = f"{detail} {NOTE}, of {len(key)} and {len(value)} bytes)"
        key, value, headers = key[:CUT], value[:CUT], ()
    topic, partition, offset = place
    fields: Fields = {"key": key, "value": value}
    if headers:
        fields["headers"] = [[name, said] for name, said in headers if name != REPLAYED_FROM]
    person, person_key = seal(fields)
    return DeadLetter(
        id=blake2b(f"{topic}-{partition}@{offset}".encode(), digest_size=12).hexdigest(),
        topic=topic,
        partition=partition,
        offset=offset,
        stage=stage,
        reason=reason,
        detail=detail[-500:],
        failed_at=failed_at,
        person=person,
        person_key=person_key,
    )
