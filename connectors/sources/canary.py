"""Canary leads: the probe's own events, which take every step that a lead takes and end before the CRM.

{"canary": "24 hex digits", "sent_at": 1795166104.0}, under a Bearer key of LEADSTREAM_CANARY_KEYS.
"""

import re

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, open_raw
from connectors.sources.sound import Unsound, parse, parse_event
from schemas.keys import CANARY
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting

NAME = re.compile(r"[0-9a-f]{24}")


class Sent(Struct):
    """One canary: its name, unique, and when it was sent, seconds since the epoch."""

    canary: str
    sent_at: float


_sent = msgspec.json.Decoder(Sent)


class Canary:
    """One canary a request."""

    name = "canary"
    channel = Channel.WEB
    paths: tuple[str, ...] = ("/v1/canary",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.canary_keys

    def verify(self, request: Request) -> None:
        """Look for the Bearer key."""
        if not self._keys:
            raise Refused(401, "no_canary_keys", "set LEADSTREAM_CANARY_KEYS before sending canaries")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._keys.owner(key.strip()):
            raise Refused(401, "invalid_canary_key", "send `Authorization: Bearer KEY`, one of LEADSTREAM_CANARY_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return the one canary."""
        try:
            parse_event(request.body)
            name = _named(parse(_sent, request.body))
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        except Rejected as rejected:
            raise Refused(400, str(rejected.reason), rejected.detail) from None
        return [Part(name, "canary", CANARY + name, request.body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return the canary as a lead that asks for a demo."""
        body, _ = open_raw(raw)
        sent = decoded(_sent, body)
        name = _named(sent)
        return Sighting(
            id=name,
            kind=Kind.DEMO_REQUEST,
            channel=Channel.WEB,
            occurred_at=sent.sent_at,
            identifiers=Identifiers(lead=CANARY + name),
        )


def _named(sent: Sent) -> str:
    if not NAME.fullmatch(sent.canary):
        raise Rejected(Reason.INVALID_VALUE, "canary")
    return sent.canary
