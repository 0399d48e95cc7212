"""LinkedIn's leads, and the forms that explain their answers.

https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync
"""

import re
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from connectors.egress.http import Answer, Http, Retry
from connectors.fetchers.contract import Found, Gone, Leads, Range, told
from connectors.settings import FetcherSettings
from connectors.sources.contract import Part
from connectors.sources.linkedin_ads import LEAD
from connectors.sources.reading import decoded, key_of
from connectors.sources.splitting import composed
from schemas.records import RawEvent

FORM = re.compile(r"urn:li:leadGenForm:(\d+)")
RESPONSE = "urn:li:leadGenFormResponse"
PAGE = 100


class Named(Struct, rename="camel"):
    """What a notice names."""

    lead_gen_form_response: str
    lead_gen_form: str = ""


class Brought(Struct):
    """What is written: see `connectors.sources.linkedin_ads.Lead`."""

    urn: str
    response: Raw
    form: Raw


class Sent(Struct, rename="camel"):
    """What we need of a response in a list of them."""

    id: str
    versioned_lead_gen_form_urn: str = ""


class Elements(Struct):
    """A page of responses."""

    elements: list[Raw] = []


_named = msgspec.json.Decoder(Named)
_sent = msgspec.json.Decoder(Sent)
_elements = msgspec.json.Decoder(Elements)


class LinkedInFetcher:
    """Fetches leads with a member's token."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None:
        self._url, self._token = settings.linkedin_api.rstrip("/"), settings.linkedin_token.get_secret_value()
        versioned = {"linkedin-version": settings.linkedin_version, "x-restli-protocol-version": "2.0.0"}
        self._headers, self._http = {"authorization": f"Bearer {self._token}", **versioned}, http
        self._pepper = settings.pepper.get_secret_value()
        self._forms: dict[str, bytes] = {}

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:  # noqa: ARG002
        """Return the lead that a notice names, its form beside it."""
        if not self._token:
            return Retry(3_600.0, "LEADSTREAM_LINKEDIN_TOKEN is not set")
        named = decoded(_named, notice)
        urn, form = named.lead_gen_form_response, FORM.search(named.lead_gen_form)
        response = await self._get(f"leadFormResponses/{quote(urn.rpartition(':')[2], safe='')}")
        if not isinstance(response, Answer):
            return response
        explained = await self._explained(form[1] if form else "")
        if not isinstance(explained, bytes):
            return explained
        return Found((self._part(urn, Raw(response.body), explained),))

    async def leads(self, asked: Range, at: str) -> Leads | Retry | Gone:
        """Return a page of the leads of an account or organisation (its URN) that were sent in a time."""
        if not self._token:
            return Retry(3_600.0, "LEADSTREAM_LINKEDIN_TOKEN is not set")
        kind = "organization" if ":organization:" in asked.of else "sponsoredAccount"
        query = (
            f"q=owner&owner=({kind}:{quote(asked.of, safe='')})&leadType=(leadType:SPONSORED)&limitedToTestLeads=false"
            f"&submittedAtTimeRange=(start:{int(asked.since * 1000)},end:{int(asked.until * 1000)})"
            f"&start={at or 0}&count={PAGE}"
        )
        heard = await self._get(f"leadFormResponses?{query}")
        if not isinstance(heard, Answer):
            return heard
        parts = []
        elements = decoded(_elements, heard.body).elements
        for element in elements:
            sent = decoded(_sent, bytes(element))
            form = FORM.search(sent.versioned_lead_gen_form_urn)
            explained = await self._explained(form[1] if form else "")
            if not isinstance(explained, bytes):
                return explained
            parts.append(self._part(f"{RESPONSE}:{sent.id}", element, explained))
        return Leads(tuple(parts), str(int(at or 0) + len(elements)) if len(elements) == PAGE else "")

    async def _explained(self, form: str) -> bytes | Retry | Gone:
        """Return a form, which is asked for once."""
        if form not in self._forms:
            heard = await self._get(f"leadForms/{form}") if form else Answer(200, b"{}")
            if not isinstance(heard, Answer):
                return heard
            self._forms[form] = heard.body
        return self._forms[form]

    def _part(self, urn: str, response: Raw, form: bytes) -> Part:
        """Return a lead as an event. It is created once: its URN is all that tells it from others."""
        event_id = composed(urn, "CREATED")
        body = msgspec.json.encode(Brought(urn, response, Raw(form)))
        return Part(event_id, LEAD, key_of(self._pepper, user=urn, otherwise=event_id), body)

    async def _get(self, path: str) -> Answer | Retry | Gone:
        return told(await self._http.json("GET", f"{self._url}/{path}", self._headers))
