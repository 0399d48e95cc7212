"""HubSpot's contacts and deals, as they are when a webhook tells that they have changed.

https://developers.hubspot.com/docs/api-reference/crm-deals-v3/guide
"""

from urllib.parse import quote, urlencode

import msgspec
from msgspec import Raw, Struct

from connectors.egress.http import Answer, Http, Retry
from connectors.fetchers.contract import Found, Gone, told
from connectors.settings import FetcherSettings
from connectors.sources.contract import Part
from connectors.sources.hubspot import contact_id
from connectors.sources.reading import decoded, key_of, text
from connectors.sources.splitting import readable, within
from schemas.keys import rank
from schemas.records import RawEvent

CONTACT = urlencode({"properties": "email,lead_id,lifecyclestage"})
DEAL = urlencode({"properties": "dealstage,amount,hs_is_closed,hs_is_closed_won", "associations": "contacts"})


class Named(Struct, rename="camel"):
    """What a notice names."""

    object_id: int
    portal_id: int = 0


class Brought(Struct, omit_defaults=True):
    """What is written: see `connectors.sources.hubspot.Read`."""

    notice: Raw
    contact: Raw
    deal: Raw | msgspec.UnsetType = msgspec.UNSET


_named = msgspec.json.Decoder(Named)


class HubSpotFetcher:
    """Reads objects with a private app's token."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None:
        self._url, self._token = settings.hubspot_api.rstrip("/"), settings.hubspot_token.get_secret_value()
        self._pepper, self._http = settings.pepper.get_secret_value(), http

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:
        """Return what became of a contact's lead, and whose contact it is."""
        if not self._token:
            return Retry(3_600.0, "LEADSTREAM_HUBSPOT_TOKEN is not set")
        named = decoded(_named, notice)
        deal: Raw | msgspec.UnsetType = msgspec.UNSET
        contact = str(named.object_id)
        if raw.endpoint == "deal":
            heard = await self._get(f"deals/{named.object_id}?{DEAL}")
            if not isinstance(heard, Answer):
                return heard
            deal, linked = Raw(heard.body), within(readable(heard.body), "associations", "contacts", "results")
            contact = text(within(linked[0], "id")) if isinstance(linked, list) and linked else ""
            if not contact:
                return Gone("a deal without a contact")
        read = await self._get(f"contacts/{quote(contact, safe='')}?{CONTACT}")
        if not isinstance(read, Answer):
            return read
        body = msgspec.json.encode(Brought(Raw(notice), Raw(read.body), deal))
        return Found(self._parts(raw.event_id, str(named.portal_id), readable(read.body), body))

    def _parts(self, event_id: str, portal: str, contact: dict[str, object], body: bytes) -> tuple[Part, ...]:
        email, lead = text(within(contact, "properties", "email")), text(within(contact, "properties", "lead_id"))
        key = lead if rank(lead) >= 0 else key_of(self._pepper, email=email, otherwise=event_id)
        outcome = Part(event_id, "outcome", key, body)
        if not email:
            return (outcome,)
        user = contact_id(portal, text(contact.get("id")))
        return (Part(f"{event_id}/identity", "identity", key_of(self._pepper, user=user, otherwise=""), body), outcome)

    async def _get(self, path: str) -> Answer | Retry | Gone:
        return told(await self._http.json("GET", f"{self._url}/{path}", {"authorization": f"Bearer {self._token}"}))
