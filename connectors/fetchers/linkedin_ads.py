"""LinkedIn's leads, and the forms that explain their answers.

https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync
"""

import re
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from connectors.fetchers.contract import Ask, Found, Gone, Heard, Later, failed
from connectors.settings import FetcherSettings
from connectors.sources.contract import Part
from connectors.sources.linkedin_ads import LEAD
from connectors.sources.reading import decoded, key_of
from schemas.records import RawEvent

FORM = re.compile(r"urn:li:leadGenForm:(\d+)")


class Named(Struct, rename="camel"):
    """What a notice names."""

    lead_gen_form_response: str
    lead_gen_form: str = ""


class Brought(Struct):
    """What is written: see `connectors.sources.linkedin_ads.Lead`."""

    urn: str
    response: Raw
    form: Raw


_named = msgspec.json.Decoder(Named)


class LinkedInFetcher:
    """Fetches leads with a member's token."""

    def __init__(self, settings: FetcherSettings, ask: Ask) -> None:
        self._url, self._token = settings.linkedin_api.rstrip("/"), settings.linkedin_token.get_secret_value()
        self._version, self._ask = settings.linkedin_version, ask
        self._pepper = settings.pepper.get_secret_value()

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Later | Gone:
        """Return the lead that a notice names, its form beside it."""
        if not self._token:
            return Later("LEADSTREAM_LINKEDIN_TOKEN is not set", 3_600.0)
        named = decoded(_named, notice)
        urn, form = named.lead_gen_form_response, FORM.search(named.lead_gen_form)
        response = await self._get(f"leadFormResponses/{quote(urn.rpartition(':')[2], safe='')}")
        if not isinstance(response, Heard):
            return response
        explained = await self._get(f"leadForms/{form[1]}") if form else Heard(200, b"{}")
        if not isinstance(explained, Heard):
            return explained
        body = msgspec.json.encode(Brought(urn, Raw(response.body), Raw(explained.body)))
        return Found((Part(raw.event_id, LEAD, key_of(self._pepper, user=urn, otherwise=raw.event_id), body),))

    async def _get(self, path: str) -> Heard | Later | Gone:
        versioned = {"linkedin-version": self._version, "x-restli-protocol-version": "2.0.0"}
        heard = await self._ask(f"{self._url}/{path}", {"authorization": f"Bearer {self._token}", **versioned})
        return heard if isinstance(heard, Later) else failed(heard) or heard
