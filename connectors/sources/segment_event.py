"""What one Segment event says."""

import msgspec
from msgspec import Struct

from connectors.sources.reading import (
    clean_path,
    click_in,
    decoded,
    filled,
    first,
    hashed,
    instant,
    landing,
    number,
    open_raw,
    page_kind,
    scalar,
    text,
    truncated,
)
from connectors.sources.words import SPOKEN, consented, happened, person_in, said_in, stated_in
from schemas.person import Fields
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting, Sign

Mapped = dict[str, object]
Id = str | int | None

QUICKEST_MS = 2_000  # nobody reads a page and fills in its form in less


class Context(Struct):
    """The parts of `context` that we read."""

    campaign: Mapped | None = None
    page: Mapped | None = None
    traits: Mapped | None = None
    consent: Mapped | None = None
    touch: Mapped | None = None
    ip: str | None = None
    userAgent: str | None = None  # noqa: N815 - the sender's name


class Event(Struct):
    """The fields that all calls share, and those of each; the sender's names."""

    type: str | None = None
    messageId: Id = None  # noqa: N815
    anonymousId: Id = None  # noqa: N815
    userId: Id = None  # noqa: N815
    previousId: Id = None  # noqa: N815
    event: str | None = None
    traits: Mapped | None = None
    properties: Mapped | None = None
    context: Context | None = None
    timestamp: str | None = None
    originalTimestamp: str | None = None  # noqa: N815
    sentAt: str | None = None  # noqa: N815


class Envelope(Struct):
    """What a batch says of all its events."""

    context: Context | None = None
    sentAt: str | None = None  # noqa: N815


NO_CONTEXT, NO_ENVELOPE = Context(), Envelope()
_event = msgspec.json.Decoder(Event)
_envelope = msgspec.json.Decoder(Envelope)


def read(raw: RawEvent, call: str) -> Sighting:
    """Return what the event says; `call` "" = its own `type` says what it is. Raises `Rejected`."""
    body, sender = open_raw(raw)
    event = decoded(_event, body)
    envelope = decoded(_envelope, wrapper) if isinstance(wrapper := sender.get("envelope"), bytes) else NO_ENVELOPE
    context, shared = event.context or NO_CONTEXT, envelope.context or NO_CONTEXT
    call = call or event.type or ""
    visitor, user = text(event.anonymousId), text(event.userId)
    if call == "alias":
        visitor = visitor or text(event.previousId)
    if not (visitor or user):
        raise Rejected(Reason.MISSING_ID, "neither userId nor anonymousId")
    kind, page, found = _what(call, event, context.page or shared.page or {})
    told = _told(call, event, context)
    email, phone = first(told, "email"), first(told, "phone")
    return Sighting(
        id=raw.event_id or text(event.messageId) or hashed(body),
        kind=kind,
        channel=Channel.WEB,
        occurred_at=_when(event, envelope, raw.received_at),
        identifiers=Identifiers(visitor=visitor, user=user, email=email, phone=phone),
        page=page,
        campaign=_campaign(context.campaign or shared.campaign or _last_touch(context), found),
        value=number((event.properties or {}).get("value"), "properties.value"),
        traits=_traits(call, event, told),
        consent=_consent(context.consent or shared.consent, raw.gpc),
        person=_person(call, event, context, told, sender),
        signs=_signs(event.properties),
        said=said_in(told),
    )


def _what(call: str, event: Event, page: Mapped) -> tuple[Kind, str, Campaign]:
    """Return what happened, on which page, and the campaign that the page's URL names."""
    places = (event.properties or {}, page)
    path, campaign = landing(first(places, "url"))
    path = clean_path(first(places, "path")) or path
    match call:
        case "page" | "screen":
            return page_kind(path), path, campaign
        case "track":
            if not event.event:
                raise Rejected(Reason.INVALID_VALUE, "a track call without event")
            return happened(event.event), path, campaign
        case "identify" | "alias":
            return Kind.IDENTIFY, path, campaign
        case "group":
            return Kind.GROUP, path, campaign
    raise Rejected(Reason.UNKNOWN_TYPE, "no Segment call has this type")


def _told(call: str, event: Event, context: Context) -> tuple[Mapped, ...]:
    """Return where a person may be described, nearest first; a group's traits describe a company."""
    own = event.traits if call == "identify" else event.properties if call == "track" else None
    return (own or {}, context.traits or {}) if own or context.traits else ()


def _when(event: Event, envelope: Envelope, received_at: float) -> float:
    """Return when it happened: by our clock, less the age that the sender's clock gives it.

    Without `sentAt` the sender states history, and is taken at its word.
    """
    stated = event.originalTimestamp or event.timestamp
    if not stated:
        return received_at
    at = instant(stated, "timestamp")
    sent = event.sentAt or envelope.sentAt
    return received_at - max(instant(sent, "sentAt") - at, 0.0) if sent else at


def _campaign(stated: Mapped | None, found: Campaign) -> Campaign:
    """Return the campaign as the library states it, completed by what the URL says."""
    if not stated:
        return found
    places = (stated,)
    return Campaign(
        source=first(places, "source") or found.source,
        medium=first(places, "medium") or found.medium,
        name=first(places, "name") or found.name,
        click_id=found.click_id or click_in(stated.get("clickIds")),
    )


def _last_touch(context: Context) -> Mapped | None:
    """Return where our own snippet says that a visitor last came from."""
    last = (context.touch or {}).get("last")
    return last if isinstance(last, dict) else None


def _signs(properties: Mapped | None) -> tuple[Sign, ...]:
    """Return what our own snippet saw of a form that speaks against a person.

    >>> [*map(str, _signs({"trap": True, "elapsed_ms": 90}))], _signs({"elapsed_ms": 9_000})
    (['honeypot', 'too_quick'], ())
    """
    seen = properties or {}
    elapsed = seen.get("elapsed_ms")
    quick = isinstance(elapsed, int) and elapsed < QUICKEST_MS
    return ((Sign.HONEYPOT,) if seen.get("trap") is True else ()) + ((Sign.TOO_QUICK,) if quick else ())


def _companies(call: str, event: Event, told: tuple[Mapped, ...]) -> tuple[Mapped, ...]:
    nested = tuple([company for place in told if isinstance(company := place.get("company"), dict)]) if told else ()
    return ((event.traits or {}), *nested) if call == "group" else nested


def _traits(call: str, event: Event, told: tuple[Mapped, ...]) -> dict[str, str]:
    """Return what is stated beyond what is personal: the person's work and company by our names, all else by theirs.

    A track call's properties describe what happened, not who did it: only our names are looked for there.
    """
    companies = _companies(call, event, told)
    places = companies if call == "group" else told + companies
    if not any(places):
        return {}
    lasting = places[1:] if call == "track" else places
    free = {name: scalar(value) for place in reversed(lasting) for name, value in place.items() if name not in SPOKEN}
    return filled(free) | stated_in(places)


def _person(call: str, event: Event, context: Context, told: tuple[Mapped, ...], sender: Fields) -> Fields:
    """Return the personal fields. A company's name is one: of a sole trader it is the person's."""
    fields: Fields = {}
    if (companies := _companies(call, event, told)) or told:
        fields |= person_in(told)
        fields["company"] = first(companies, "name") or first(told, "company")
        fields["website"] = first(companies, "website", "domain") or first(told, "website")
    fields["ip"] = truncated(context.ip) if context.ip else text(sender.get("ip"))
    fields["user_agent"] = text(context.userAgent) or text(sender.get("user_agent"))
    return {name: value for name, value in fields.items() if value}


def _consent(stated: Mapped | None, gpc: bool) -> dict[str, bool]:
    """Return the purposes granted and denied; a denial outweighs any grant, and so does the browser's."""
    consent = consented((stated or {}).get("categoryPreferences", {}), "context.consent.categoryPreferences")
    return consent | {"ads": False} if gpc else consent
