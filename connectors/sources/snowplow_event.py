"""What one Snowplow event says. Every value is a string; self-describing JSON comes plain or as URL-safe base64."""

import base64
import binascii
from typing import NamedTuple

import msgspec
from msgspec import Struct

from connectors.sources.reading import (
    decoded,
    first,
    hashed,
    landing,
    number,
    open_raw,
    page_kind,
    text,
)
from connectors.sources.words import happened, person_in, purpose, said_in, stated_in
from schemas.person import Fields
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

Mapped = dict[str, object]

VENDOR = "com.snowplowanalytics.snowplow"
DECISIONS = {"allow_all": True, "deny_all": False, "consent_withdrawn": False, "pending": False}
TRACKING = ("analytics", "ads")
MOST_CONTEXTS = 50


class Event(Struct):
    """The parameters that we read, under the protocol's names."""

    e: str
    eid: str = ""
    uid: str = ""
    duid: str = ""
    tnuid: str = ""
    sid: str = ""
    dtm: str = ""
    stm: str = ""
    ttm: str = ""
    url: str = ""
    ua: str = ""
    se_ac: str = ""
    se_va: str = ""
    tr_tt: str = ""
    ti_pr: str = ""
    ue_px: str = ""
    ue_pr: str = ""
    cx: str = ""
    co: str = ""


class Described(Struct):
    """Self-describing JSON: what `data` is, is in `schema`."""

    schema: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Told(NamedTuple):
    """Self-describing data, by the name and the vendor in its schema."""

    name: str
    vendor: str
    data: Mapped


_event = msgspec.json.Decoder(Event)
_described = msgspec.json.Decoder(Described)
_contexts = msgspec.json.Decoder(list[Described])
_mapped = msgspec.json.Decoder(Mapped)
_envelope = msgspec.json.Decoder(dict[str, str])


def read(raw: RawEvent) -> Sighting:
    """Return what the event says. Raises `Rejected`."""
    body, sender = open_raw(raw)
    event = decoded(_event, body)
    envelope = decoded(_envelope, wrapper) if isinstance(wrapper := sender.get("envelope"), bytes) else {}
    visitor = event.duid.strip() or event.tnuid.strip() or envelope.get("nuid", "") or event.sid.strip()
    if not (visitor or event.uid.strip()):
        raise Rejected(Reason.MISSING_ID, "neither duid, uid, sid nor a network user id")
    told, contexts = _self_described(event), _entities(event)
    own = (*((told.data,) if told else ()), *(entity.data for entity in contexts if entity.vendor != VENDOR))
    places = (*own, _form(told)) if told else own
    path, campaign = landing(event.url)
    person: Fields = {**person_in(places), "company": first(places, "company")}
    person["ip"], person["user_agent"] = text(sender.get("ip")), text(event.ua) or text(sender.get("user_agent"))
    return Sighting(
        id=raw.event_id or text(event.eid) or hashed(body),
        kind=_kind(event, told, path),
        channel=Channel.WEB,
        occurred_at=_when(event, raw.received_at),
        identifiers=Identifiers(
            visitor=visitor, user=text(event.uid), email=first(places, "email"), phone=first(places, "phone")
        ),
        page=path,
        campaign=campaign if event.url else Campaign(),
        value=_value(event),
        traits=stated_in(places),
        consent=_consent(told),
        person={name: value for name, value in person.items() if value},
        said=said_in(places),
    )


def _kind(event: Event, told: Told | None, path: str) -> Kind:
    match event.e:
        case "pv":
            return page_kind(path)
        case "se":
            return happened(event.se_ac)
        case "ue" if told is not None:
            return happened(told.name)
        case "pp" | "tr" | "ti":
            return Kind.OTHER
        case "ue":
            raise Rejected(Reason.INVALID_VALUE, "a self-describing event without ue_px or ue_pr")
    raise Rejected(Reason.UNKNOWN_TYPE, "e is none of pv, pp, se, ue, tr, ti")


def _when(event: Event, received_at: float) -> float:
    """Return when it happened: the true timestamp, else by our clock, less the age that the device's clock gives."""
    if event.ttm:
        return number(event.ttm, "ttm") / 1000
    if not event.dtm:
        return received_at
    created = number(event.dtm, "dtm") / 1000
    sent = number(event.stm, "stm") / 1000 if event.stm else created
    return received_at - max(sent - created, 0.0)


def _value(event: Event) -> float:
    name = {"se": "se_va", "tr": "tr_tt", "ti": "ti_pr"}.get(event.e, "")
    return number(getattr(event, name), name) if name else 0.0


def _self_described(event: Event) -> Told | None:
    """Return the event inside a self-describing one."""
    body = _json(event.ue_px, event.ue_pr, "ue_px")
    if not body:
        return None
    wrapper = decoded(_described, body)
    return _told(decoded(_described, bytes(wrapper.data)))


def _entities(event: Event) -> list[Told]:
    """Return the entities beside the event."""
    body = _json(event.cx, event.co, "cx")
    if not body:
        return []
    inner = decoded(_contexts, bytes(decoded(_described, body).data))
    if len(inner) > MOST_CONTEXTS:
        raise Rejected(Reason.INVALID_VALUE, f"cx holds more than {MOST_CONTEXTS} entities")
    return [_told(entity) for entity in inner]


def _json(encoded: str, plain: str, name: str) -> bytes:
    if not encoded:
        return plain.encode(errors="replace")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Rejected(Reason.UNPARSEABLE, f"{name} is not URL-safe base64") from None


def _told(described: Described) -> Told:
    """Read `iglu:vendor/name/format/version`."""
    vendor, _, rest = described.schema.removeprefix("iglu:").partition("/")
    return Told(rest.partition("/")[0], vendor, decoded(_mapped, bytes(described.data)))


def _form(told: Told | None) -> Mapped:
    """Return the fields of a form that the tracker's form tracking saw submitted."""
    elements = told.data.get("elements") if told is not None else None
    fields: Mapped = {}
    for element in elements if isinstance(elements, list) else ():
        if isinstance(element, dict) and (name := text(element.get("name"))):
            kind = text(element.get("type"))
            fields[{"email": "email", "tel": "phone"}.get(kind, name)] = element.get("value")
    return fields


def _consent(told: Told | None) -> dict[str, bool]:
    """Return what the consent plugin's event decides on, for the two purposes that a tracker serves."""
    if told is None or told.name != "consent_preferences":
        return {}
    decided, scopes = text(told.data.get("eventType")), told.data.get("consentScopes")
    if decided == "allow_selected":
        allowed = {purpose(text(scope)) for scope in scopes} if isinstance(scopes, list) else set()
        return {name: name in allowed for name in TRACKING}
    return dict.fromkeys(TRACKING, DECISIONS[decided]) if decided in DECISIONS else {}
