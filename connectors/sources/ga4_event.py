"""What one GA4 event says; the request's own fields are its envelope."""

import msgspec
from msgspec import Struct

from connectors.sources.reading import (
    decoded,
    filled,
    first,
    hashed,
    landing,
    number,
    open_raw,
    page_kind,
    scalar,
    text,
)
from connectors.sources.words import SPOKEN, consented, happened, said_in, stated_in
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

Mapped = dict[str, object]


class Event(Struct):
    """One event; Google's names."""

    name: str
    params: Mapped = {}
    timestamp_micros: int | str = 0


class Envelope(Struct):
    """What a request says of all its events."""

    client_id: str = ""
    app_instance_id: str = ""
    user_id: str = ""
    timestamp_micros: int | str = 0
    user_properties: dict[str, Mapped] = {}
    consent: dict[str, str] = {}


_event = msgspec.json.Decoder(Event)
_envelope = msgspec.json.Decoder(Envelope)


def read(raw: RawEvent) -> Sighting:
    """Return what the event says. Raises `Rejected`."""
    body, sender = open_raw(raw)
    event = decoded(_event, body)
    wrapper = sender.get("envelope")
    sent = decoded(_envelope, wrapper) if isinstance(wrapper, bytes) else Envelope()
    visitor = (sent.client_id or sent.app_instance_id).strip()
    if not visitor:
        raise Rejected(Reason.MISSING_ID, "client_id")
    path, campaign = landing(first((event.params,), "page_location"))
    properties = {name: held.get("value") for name, held in sent.user_properties.items()}
    free = {name: scalar(value) for name, value in properties.items() if name not in SPOKEN}
    person = {"ip": text(sender.get("ip")), "user_agent": text(sender.get("user_agent"))}
    return Sighting(
        id=raw.event_id or hashed(body),
        kind=page_kind(path) if event.name == "page_view" else happened(event.name) if event.name else Kind.OTHER,
        channel=Channel.WEB,
        occurred_at=_when(event, sent, raw.received_at),
        identifiers=Identifiers(visitor=visitor, user=sent.user_id.strip()),
        page=path,
        campaign=_campaign(event, campaign),
        value=number(event.params.get("value"), "params.value"),
        traits=filled(free) | stated_in((properties,)),
        consent=_consent(sent),
        person=dict(filled(person)),
        said=said_in((event.params,)),
    )


def _when(event: Event, sent: Envelope, received_at: float) -> float:
    stated = number(event.timestamp_micros, "timestamp_micros") or number(sent.timestamp_micros, "timestamp_micros")
    return stated / 1e6 if stated else received_at


def _campaign(event: Event, found: Campaign) -> Campaign:
    """Return the campaign of a `campaign_details` event, or the one in the page's URL."""
    if event.name != "campaign_details":
        return found
    places = (event.params,)
    return Campaign(
        source=first(places, "source") or found.source,
        medium=first(places, "medium") or found.medium,
        name=first(places, "campaign") or found.name,
        click_id=found.click_id,
    )


def _consent(sent: Envelope) -> dict[str, bool]:
    """Return the purposes granted and denied. Source of the values: the reference's `consent` object."""
    answers = {name: answer.upper() for name, answer in sent.consent.items()}
    if set(answers.values()) - {"GRANTED", "DENIED"}:
        raise Rejected(Reason.INVALID_VALUE, "consent is GRANTED or DENIED")
    return consented({name: answer == "GRANTED" for name, answer in answers.items()}, "consent")
