"""What producers of the customer's own write to `events.*` themselves: CloudEvents 1.0, or plain Avro (`PlainEvent`).

Both become raw events as the collector makes them, sealed and under their right key, before anything is done with them.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from connectors.sources.contract import Part
from connectors.sources.reading import decoded, filled, first, hashed, instant, key_of, landing, number, open_raw, text
from connectors.sources.sound import Unsound, parse_event
from connectors.sources.words import SPOKEN, consented, happened, person_in, said_in, stated_in
from connectors.wrapping import wrapped
from schemas.records import Channel, Kind, PlainEvent, RawEvent, Record
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting
from schemas.step import Arrival, Foreign
from schemas.topics import EVENTS

NAME = "direct"
CHANNELS = {topic.name: channel for channel, topic in EVENTS.items()}
STRUCTURED, JSON = "application/cloudevents", re.compile(r"(?i)(application|text)/([\w.-]+\+)?json\s*(;|$)")
KINDS = frozenset(Kind)
Properties = dict[str, object]


class Said(Struct):
    """The data of an event; a producer's other fields are kept, and not read."""

    visitor: str | int = ""
    user: str | int = ""
    email: str = ""
    phone: str = ""
    url: str = ""
    value: float | None = None
    properties: Properties = {}
    consent: Properties = {}


class Envelope(Struct):
    """What stands around the data: the event's type, and when it was ("" = when the broker took it)."""

    type: str
    time: str | float = ""


_said = msgspec.json.Decoder(Said)
_envelope = msgspec.json.Decoder(Envelope)


def foreign(pepper: bytes) -> Foreign:
    """Return how records that no collector wrote become raw events."""
    return Foreign(RawEvent, lambda arrival: cloudevent(arrival, pepper), lambda made, at: plain(made, at, pepper))


def cloudevent(arrival: Arrival, pepper: bytes) -> RawEvent | None:
    """Return the raw event of a CloudEvent; None when the headers are not one's. Raises `Rejected`."""
    headers = {name.lower(): value.decode("utf-8", "replace") for name, value in arrival.headers if value is not None}
    content = headers.get("content-type", "")
    structured = content.lower().startswith(STRUCTURED)
    if not structured and "ce_specversion" not in headers:
        return None
    if arrival.value is None:
        raise Rejected(Reason.TOMBSTONE, "a CloudEvent without data")
    attributes, data = _structured(content, arrival.value) if structured else _binary(headers, arrival.value)
    if attributes.get("specversion") != "1.0":
        raise Rejected(Reason.UNKNOWN_SCHEMA, "specversion is not 1.0")
    id_, source, kind = (text(attributes.get(name)) for name in ("id", "source", "type"))
    if not (id_ and source):
        raise Rejected(Reason.MISSING_ID, "a CloudEvent needs id and source")
    if not kind:
        raise Rejected(Reason.UNKNOWN_TYPE, "a CloudEvent needs a type")
    envelope = Envelope(kind, text(attributes.get("time")))
    return _raw(arrival, data, envelope, hashed(msgspec.json.encode([source, id_])), pepper)


def plain(record: Record, arrival: Arrival, pepper: bytes) -> RawEvent:
    """Return the raw event of a plain one. Raises `Rejected`."""
    event = cast("PlainEvent", record)
    if not event.id:
        raise Rejected(Reason.MISSING_ID, "id")
    said = msgspec.to_builtins(event)
    body = msgspec.json.encode({name: said[name] for name in Said.__struct_fields__})
    event_id = hashed(msgspec.json.encode([event.source, event.id]))
    return _raw(arrival, body, Envelope(event.type, event.occurred_at or ""), event_id, pepper)


def adapt(raw: RawEvent) -> Sighting:
    """Return what an event says; its endpoint is the channel whose topic it came on. Raises `Rejected`."""
    body, sender = open_raw(raw)
    said = decoded(_said, body)
    wrapper = sender.get("envelope")
    envelope = decoded(_envelope, wrapper if isinstance(wrapper, bytes) else b"")
    try:
        channel = Channel(raw.endpoint)
    except ValueError:
        raise Rejected(Reason.UNKNOWN_TYPE, "there is no such channel") from None
    page, campaign = landing(said.url)
    places = (said.properties,)
    email, phone = said.email or first(places, "email"), said.phone or first(places, "phone")
    free = {name: text(value) for name, value in said.properties.items() if name not in SPOKEN}
    person = person_in(places) | {"company": first(places, "company"), "email": email, "phone": phone}
    return Sighting(
        id=raw.event_id,
        kind=_kind(envelope.type),
        channel=channel,
        occurred_at=_when(envelope.time, raw.received_at),
        identifiers=Identifiers(visitor=text(said.visitor), user=text(said.user), email=email, phone=phone),
        page=page,
        campaign=campaign,
        value=number(said.value, "value"),
        traits=filled(free) | stated_in(places),
        consent=consented(said.consent, "consent"),
        person={**filled(person)},
        said=said_in(places),
    )


def _structured(content: str, value: bytes) -> tuple[Mapping[str, object], bytes]:
    """Return an event's attributes and its data, where all of it is in the value."""
    form = content.lower().partition(";")[0].strip()
    if form != f"{STRUCTURED}+json":
        raise Rejected(Reason.UNPARSEABLE, f"{form} is not read; send {STRUCTURED}+json, one event a record")
    event = _object(value)
    if "data_base64" in event:
        try:
            return event, base64.b64decode(text_of(event["data_base64"]), validate=True)
        except (binascii.Error, ValueError):
            raise Rejected(Reason.UNPARSEABLE, "data_base64") from None
    return event, json.dumps(event.get("data", {}), ensure_ascii=False).encode(errors="surrogatepass")


def _binary(headers: Mapping[str, str], value: bytes) -> tuple[Mapping[str, object], bytes]:
    """Return an event's attributes and its data, where the attributes are headers."""
    content = headers.get("content-type", "application/json")
    if not JSON.match(content):
        raise Rejected(Reason.UNPARSEABLE, "content-type: data must be JSON")
    return {name[3:]: said for name, said in headers.items() if name.startswith("ce_")}, value


def text_of(value: object) -> str:
    """Return a text as it is. Raises `Rejected(INVALID_VALUE)` for anything else."""
    if not isinstance(value, str):
        raise Rejected(Reason.INVALID_VALUE, "data_base64 is not a text")
    return value


def _object(value: bytes) -> dict[str, Any]:
    try:
        return parse_event(value)
    except Unsound as error:
        raise Rejected(Reason.UNPARSEABLE, str(error)) from None


def _raw(arrival: Arrival, data: bytes, envelope: Envelope, event_id: str, pepper: bytes) -> RawEvent:
    channel = CHANNELS[arrival.topic]
    said = decoded(_said, data)
    who = {"visitor": text(said.visitor), "user": text(said.user), "email": said.email, "phone": said.phone}
    key = key_of(pepper, **who, otherwise=event_id)
    part = Part(event_id, str(channel), key, data, msgspec.json.encode(envelope))
    return wrapped(NAME, part, arrival.at)


def _kind(name: str) -> Kind:
    """Return what an event's type means: its last word, but for a version.

    >>> _kind("com.example.pricing.v1"), _kind("com.example.demo-requested"), _kind("Scroll")
    (<Kind.PRICING: 'pricing'>, <Kind.DEMO_REQUEST: 'demo_request'>, <Kind.OTHER: 'other'>)
    """
    word = re.sub(r"[.:/]v?\d+(\.\d+)*$", "", name).rpartition(".")[2]
    return Kind(word.lower()) if word.lower() in KINDS else happened(word)


def _when(time: str | float, received_at: float) -> float:
    return (instant(time, "time") if isinstance(time, str) else time) if time else received_at
