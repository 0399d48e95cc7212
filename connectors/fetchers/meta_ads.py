"""Meta's leads, from the Graph API: one by its id, or all of a form again.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

from urllib.parse import quote, urlencode

import msgspec
from msgspec import Raw, Struct

from connectors import graph
from connectors.egress.http import Answer, Http, Retry
from connectors.fetchers.contract import Found, Gone, Leads, Range, told
from connectors.settings import FetcherSettings
from connectors.sources.answers import reachable
from connectors.sources.contract import Part
from connectors.sources.meta_ads import LEAD, Lead, answers
from connectors.sources.reading import decoded, key_of, text
from connectors.sources.splitting import within
from schemas.records import RawEvent

FIELDS = "created_time,id,ad_id,campaign_id,campaign_name,form_id,field_data,custom_disclaimer_responses"
HOUR_S = 3_600.0
PAGE = 100


class Page(Struct):
    """Leads, and where the next ones are."""

    data: list[Raw] = []
    paging: dict[str, object] | None = None


_lead = msgspec.json.Decoder(Lead)
_page = msgspec.json.Decoder(Page)


class MetaFetcher:
    """Fetches leads with the page's token."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None:
        self._url, self._token = settings.meta_api.rstrip("/"), settings.meta_token.get_secret_value()
        self._pepper, self._http = settings.pepper.get_secret_value(), http

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:  # noqa: ARG002
        """Return the lead that a notice names."""
        heard = await self._get(f"{quote(raw.event_id, safe='')}?{urlencode({'fields': FIELDS})}")
        return Found((self._part(heard.body),)) if isinstance(heard, Answer) else heard

    async def leads(self, asked: Range, at: str) -> Leads | Retry | Gone:
        """Return a page of the leads of a form that were created in a time; `at` "" = the first page."""
        created = [
            {"field": "time_created", "operator": "GREATER_THAN", "value": int(asked.since)},
            {"field": "time_created", "operator": "LESS_THAN", "value": int(asked.until)},
        ]
        query = {"fields": FIELDS, "limit": str(PAGE), "filtering": msgspec.json.encode(created).decode()}
        heard = await self._get(f"{quote(asked.of, safe='')}/leads?{urlencode(query | ({'after': at} if at else {}))}")
        if not isinstance(heard, Answer):
            return heard
        page = decoded(_page, heard.body)
        after = text(within(page.paging, "cursors", "after")) if within(page.paging, "next") else ""
        return Leads(tuple([self._part(bytes(lead)) for lead in page.data]), after)

    async def _get(self, path: str) -> Answer | Retry | Gone:
        if not self._token:
            return Retry(HOUR_S, "LEADSTREAM_META_TOKEN is not set")
        heard = await self._http.json("GET", f"{self._url}/{path}", {"authorization": f"Bearer {self._token}"})
        if isinstance(heard, Retry):
            return heard
        code = graph.ours(heard.body)
        if code in graph.LIMITED:
            return Retry(heard.after_s or HOUR_S, f"limit {code}")
        if code in graph.RIGHTS:
            return Retry(HOUR_S, f"LEADSTREAM_META_TOKEN may not do this (code {code})")
        if code in graph.TOKEN:
            return Retry(HOUR_S, "LEADSTREAM_META_TOKEN is not good any more")
        return Retry(heard.after_s, f"code {code}") if code in graph.TROUBLE else told(heard)

    def _part(self, body: bytes) -> Part:
        lead = decoded(_lead, body)
        email, phone = reachable(answers(lead))
        return Part(lead.id, LEAD, key_of(self._pepper, email=email, phone=phone, otherwise=lead.id), body)
