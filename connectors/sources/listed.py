"""Rows of lists: leads that somebody has gathered elsewhere, with the lawful basis of having them.

They come by `leadstream import`, not by a request: there is no door, so the source is not among `SOURCES`.
"""

from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import Struct

from connectors.sources.contract import Part
from connectors.sources.mapping import IDENTITY, PERSON, TRAITS
from connectors.sources.reading import decoded, filled, hashed, instant, key_of, landing, number, open_raw
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

NAME, CHANNEL = "list", Channel.CRM


class Basis(StrEnum):
    """Why the law lets us have somebody's data: Art. 6(1) GDPR, (a) to (f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


Did = Literal["contact", "form", "demo_request", "ad_lead"]


class Listed(Struct, frozen=True):
    """A row. `list` is whose it is; `kind` what they did, "contact" nothing; `fields` are by our names."""

    basis: Basis
    list: str
    fields: dict[str, str]
    kind: Did = "contact"
    occurred_at: str = ""
    consent: dict[str, bool] = {}


_listed = msgspec.json.Decoder(Listed)


def part(row: Listed, row_id: str, pepper: bytes) -> Part:
    """Return a row as a part: the same row of the same list is the same event, whenever it is read again."""
    body = msgspec.json.encode(row)
    fields = row.fields
    event_id = hashed(msgspec.json.encode([row.list, row_id or body.decode()]))
    who = {name: fields.get(name, "") for name in IDENTITY if name != "lead"}
    return Part(event_id, row.list, key_of(pepper, **who, otherwise=event_id), body)


def adapt(raw: RawEvent) -> Sighting:
    """Return what a row says. With consent as its basis, it says so. Raises `Rejected`."""
    row = decoded(_listed, open_raw(raw)[0])
    fields = row.fields
    who = {name: fields.get(name, "") for name in IDENTITY}
    if not any(who.values()):
        raise Rejected(Reason.MISSING_ID, "nobody is named")
    page, linked = landing(fields.get("url", ""))
    agreed = {"contact": True} if row.basis is Basis.CONSENT else {}
    known_only = row.kind == "contact"
    return Sighting(
        id=raw.event_id,
        kind=Kind(row.kind),
        channel=CHANNEL,
        occurred_at=instant(row.occurred_at, "occurred_at") if row.occurred_at else raw.received_at,
        identifiers=Identifiers(**who),
        weight=0.0 if known_only else 1.0,
        weight_reason="list" if known_only else "",
        page=page,
        campaign=Campaign(
            source=fields.get("campaign_source") or linked.source or row.list,
            medium=fields.get("campaign_medium") or linked.medium or "list",
            name=fields.get("campaign_name") or linked.name,
            click_id=fields.get("click_id") or linked.click_id,
        ),
        value=number(fields.get("value"), "value"),
        traits=filled({name: fields.get(name, "") for name in TRAITS}),
        consent={**agreed, **row.consent},
        person={
            **filled({name: fields.get(name, "") for name in ("email", "phone", *PERSON)}),
            "lawful_basis": str(row.basis),
            "list": row.list,
        },
    )
