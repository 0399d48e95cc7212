"""What the adapters share: bytes of a raw event to typed values, instants, landing pages, click ids, addresses."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from math import isfinite
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors.sources.sound import Unsound, parse
from schemas.keys import pseudonym
from schemas.person import Fields, unseal
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

T = TypeVar("T")

CLICK_IDS = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "li_fat_id",
    "fbclid",
    "ttclid",
    "twclid",
    "rdt_cid",
    "epik",
    "ScCid",
    "yclid",
    "mc_eid",
)
LONGEST = 1_024
LONGEST_TRAIT = 64


def open_raw(raw: RawEvent) -> tuple[bytes, Fields]:
    """Return the sender's bytes, and the other personal fields of the raw event. Raises `Rejected`."""
    fields = unseal(raw.person, raw.person_key)
    body = fields.pop("body", None)
    if not isinstance(body, bytes):
        raise Rejected(Reason.UNDECODABLE, "person has no body")
    return body, fields


def decoded(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Return the body as the decoder's type. Raises `Rejected`: UNPARSEABLE, or INVALID_VALUE for a field."""
    try:
        return parse(decoder, body)
    except Unsound as error:
        reason = Reason.INVALID_VALUE if error.code == "invalid_value" else Reason.UNPARSEABLE
        raise Rejected(reason, str(error)) from None


def instant(text: str, name: str) -> float:
    """Return an ISO 8601 instant in epoch seconds; without an offset it is UTC. Raises `Rejected(INVALID_VALUE)`.

    >>> instant("1970-01-01T01:00:00.5+01:00", "at")
    0.5
    """
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Rejected(Reason.INVALID_VALUE, f"{name} is not an ISO 8601 instant") from None


def number(value: object, name: str) -> float:
    """Return a finite number, also from its text; 0.0 for nothing. Raises `Rejected(INVALID_VALUE)`."""
    if value is None or value == "":
        return 0.0
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            found = float("nan")
        if isfinite(found):
            return found
    raise Rejected(Reason.INVALID_VALUE, f"{name} is not a number")


def text(value: object) -> str:
    """Return a short text of a string or an integer, "" of anything else."""
    if type(value) is str:
        return value.strip()[:LONGEST]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def scalar(value: object) -> str:
    """Return a trait's value as text, "" of what is too long, nested or not finite.

    >>> scalar(True), scalar(0.25), scalar(" Trial "), scalar(["a"]), scalar("x" * 65)
    ('true', '0.25', 'Trial', '', '')
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return stripped if len(stripped := value.strip()) <= LONGEST_TRAIT else ""
        case int() if abs(value) < 10**LONGEST_TRAIT:
            return str(value)
        case float() if isfinite(value):
            return repr(value)
    return ""


def first(places: tuple[Mapping[str, object], ...], *names: str) -> str:
    """Return the first text that one of the mappings has under one of the names, "" when there is none."""
    for place in places:
        if place:
            for name in names:
                if name in place and (found := text(place[name])):
                    return found
    return ""


def filled(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value}


def click_in(named: object) -> str:
    """Return the first click id among the values by name, as `name:value`.

    >>> click_in({"fbclid": "f", "gclid": "g"}), click_in({"ref": "x"}), click_in(None)
    ('gclid:g', '', '')
    """
    if not isinstance(named, Mapping):
        return ""
    return next((f"{name}:{value}"[:LONGEST] for name in CLICK_IDS if (value := text(named.get(name)))), "")


@lru_cache(maxsize=4_096)
def landing(url: str) -> tuple[str, Campaign]:
    """Return a URL's path, and the campaign in its query; ("", Campaign()) of what is no URL.

    >>> landing("https://shop.example/pricing/?utm_source=google&gclid=Cj0K")
    ('/pricing', Campaign(source='google', medium='', name='', click_id='gclid:Cj0K'))
    """
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, max_num_fields=200))
    except ValueError:
        return "", Campaign()
    campaign = Campaign(
        source=query.get("utm_source", "")[:LONGEST],
        medium=query.get("utm_medium", "")[:LONGEST],
        name=query.get("utm_campaign", "")[:LONGEST],
        click_id=click_in(query),
    )
    return clean_path(parts.path), campaign


@lru_cache(maxsize=4_096)
def clean_path(path: str) -> str:
    """Return a path without query, fragment and last slash ("/" stays)."""
    bare = path.partition("?")[0].partition("#")[0][:LONGEST]
    return bare.rstrip("/") or ("/" if bare else "")


@lru_cache(maxsize=4_096)
def page_kind(path: str) -> Kind:
    """Return what looking at a page means.

    >>> page_kind("/pricing/teams"), page_kind("/docs"), page_kind("/blog/pricing")
    (<Kind.PRICING: 'pricing'>, <Kind.DOCS: 'docs'>, <Kind.PAGE: 'page'>)
    """
    head = path.strip("/").partition("/")[0].lower()
    return {"pricing": Kind.PRICING, "plans": Kind.PRICING, "docs": Kind.DOCS, "documentation": Kind.DOCS}.get(
        head, Kind.PAGE
    )


@lru_cache(maxsize=65_536)
def truncated(address: str) -> str:
    """Return the network of an IP address, /24 or /48: enough for a country, too little for a person. "" of no address.

    >>> truncated("203.0.113.9"), truncated("2001:db8:1:2::3"), truncated("me")
    ('203.0.113.0', '2001:db8:1::', '')
    """
    try:
        return str(IPv4Address(int(IPv4Address(address)) & 0xFFFFFF00))
    except AddressValueError:
        pass  # then it is IPv6, or nothing
    try:
        return str(IPv6Address(int(IPv6Address(address.partition("%")[0])) >> 80 << 80))
    except AddressValueError:
        return ""


def erasure(raw: RawEvent, channel: Channel, who: Identifiers, at: float) -> Sighting:
    """Return the wish that somebody be forgotten: from now on nothing may be done with them."""
    return Sighting(
        id=raw.event_id,
        kind=Kind.ERASURE,
        channel=channel,
        occurred_at=at,
        identifiers=who,
        weight=0.0,
        weight_reason="erasure",
        consent=dict.fromkeys(("contact", "ads", "analytics", "store"), False),
    )


def hashed(body: bytes) -> str:
    """Return an event id for an event that came without one: equal bytes are one event."""
    return f"h-{blake2b(body, digest_size=16).hexdigest()}"


def key_of(
    pepper: bytes, *, visitor: str = "", user: str = "", email: str = "", phone: str = "", otherwise: str
) -> str:
    """Return the partition key of an event: its visitor first, since whom it is about is resolved by visitor.

    Only a key: who a lead is, `streams.domain.identity` decides, and a record under another key is moved.
    """
    if visitor:
        return pseudonym("v", visitor.strip(), pepper)
    if user:
        return pseudonym("u", user.strip(), pepper)
    if email:
        return pseudonym("e", email.strip().lower(), pepper)
    if phone:
        digits = "".join(c for c in phone if c.isdigit() or c == "+")
        return pseudonym("p", f"+{digits[2:]}" if digits.startswith("00") else digits, pepper)
    return pseudonym("v", otherwise, pepper)
