"""A browser's lasting id: a first-party cookie that our server sets, which scripts can neither read nor lose.

Safari forgets what scripts store after seven days, and keeps what a server sets
(https://webkit.org/blog/10218/full-third-party-cookie-blocking-and-more/). So the snippet offers the id that it has,
and is told the one that the browser was given first.
"""

from http.cookies import CookieError, SimpleCookie
from uuid import UUID

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.sound import Unsound, parse
from schemas.records import Channel

NAME = "leadstream_id"
LONGEST_S = 400 * 86_400  # browsers keep no cookie longer (RFC 6265bis, 5.5)


class Offer(Struct):
    """What the snippet sends: its id, and whether the visitor has consented to storage in so many words."""

    writeKey: str = ""  # noqa: N815 - the sender's name
    anonymousId: str = ""  # noqa: N815
    consented: bool = False


_offer = msgspec.json.Decoder(Offer)


class Visitors:
    """Answers with the id that the browser has, and sets it again; stores nothing."""

    name = "visitor"
    channel = Channel.WEB
    paths: tuple[str, ...] = ("/v1/visitor",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b"{}"

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.write_keys

    def verify(self, request: Request) -> None:
        """Look for a write key in the body."""
        if not self._keys.owner(_read(request).writeKey, request.headers.get("origin", "")):
            raise Refused(401, "invalid_write_key", "the write key is missing or not one of LEADSTREAM_WRITE_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return nothing: an id is no event. Raises `Refused` for what is no UUID."""
        if not _uuid(_read(request).anonymousId):
            raise Refused(400, "invalid_anonymous_id", "anonymousId is a UUID")
        return []

    def thank(self, request: Request, _: list[Part]) -> Reply:
        """Return the browser's id. With Global Privacy Control on, nothing is set but on the visitor's own word."""
        offer = _read(request)
        if request.headers.get("sec-gpc") == "1" and not offer.consented:
            return Reply(200, self.thanks)
        found = _cookie(request) or _uuid(offer.anonymousId)
        cookie = f"{NAME}={found}; Max-Age={LONGEST_S}; Path=/; Secure; HttpOnly; SameSite=Lax"
        return Reply(200, msgspec.json.encode({"anonymousId": found}), cookie=cookie)


def _read(request: Request) -> Offer:
    try:
        return parse(_offer, request.body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None


def _cookie(request: Request) -> str:
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(NAME)
    except CookieError:
        return ""
    return _uuid(morsel.value) if morsel else ""


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""
