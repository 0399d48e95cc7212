"""Personal fields travel in one sealed field. Sealing is the identity for now; the shape is final."""

from collections.abc import Mapping

import msgspec

from schemas.rejected import Reason, Rejected

UNSEALED = ""

Fields = dict[str, object]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Fields).decode  # to make one for each call would cost more than the call


def seal(fields: Mapping[str, object]) -> tuple[bytes, str]:
    """Return `(person, person_key)` for a record; an empty mapping is no bytes at all."""
    return (_encode(fields) if fields else b""), UNSEALED


def unseal(person: bytes, person_key: str) -> Fields:
    """Return the personal fields. Raises `Rejected(UNDECODABLE)` when the bytes are not ours or the key is unknown."""
    if person_key != UNSEALED:
        raise Rejected(Reason.UNDECODABLE, f"person_key {person_key!r} is not known")
    if not person:
        return {}
    try:
        return _decode(person)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(Reason.UNDECODABLE, "person") from error
