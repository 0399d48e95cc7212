"""How senders prove who they are: signatures over raw bytes, keys in headers; always in constant time."""

import base64
import binascii
from collections.abc import Iterable
from hmac import compare_digest, digest

from connectors.sources.contract import Refused, Request

REFUSED = 401


def needed(configured: object, setting: str, what: str) -> None:
    """Refuse everybody while a secret is not set. Raises `Refused`, which names the setting and what belongs there."""
    if not configured:
        raise Refused(REFUSED, "not_configured", f"set {setting} to {what}")


def fits(secrets: Iterable[bytes], message: bytes, given: bytes, algorithm: str = "sha256") -> bool:
    """Tell whether `given` is the message's HMAC under one of the secrets. Takes as long whichever it is."""
    found = False
    for secret in secrets:
        found |= compare_digest(digest(secret, message, algorithm), given)
    return found


def signed(header: str, secrets: Iterable[bytes], message: bytes, given: bytes) -> None:
    """Raise `Refused` unless `given`, from the header, is the message's HMAC-SHA256 under one of the secrets."""
    if not fits(secrets, message, given):
        raise unsigned(header)


def unsigned(header: str) -> Refused:
    """Return the refusal of what is not signed, or not by whom we know."""
    return Refused(REFUSED, "invalid_signature", f"{header} is missing or does not fit the body")


def fresh(name: str, at: float, request: Request, skew_s: float) -> None:
    """Raise `Refused` for a signed instant (epoch seconds) further than `skew_s` from our clock: an old recording."""
    if not abs(request.received_at - at) <= skew_s:  # NaN is never near
        raise Refused(REFUSED, "stale_signature", f"{name} is further than {skew_s:g} s from our clock")


def seconds(text: str) -> float:
    """Return an instant that is written in digits, NaN of anything else.

    >>> seconds("1700000000"), seconds("soon")
    (1700000000.0, nan)
    """
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 16 else float("nan")


def from_hex(text: str) -> bytes:
    """Return the bytes that a hex signature stands for, none of what is not hex."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""


def from_base64(text: str) -> bytes:
    """Return the bytes that a base64 signature stands for, none of what is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def presented(request: Request) -> str:
    """Return the key in the Authorization header: a Bearer token or a Basic password, "" when there is none.

    >>> presented(Request("POST", "/", {"authorization": "Basic dTpw"}, b"", 0.0))
    'p'
    """
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    return from_base64(credentials.strip()).decode(errors="replace").partition(":")[2]
