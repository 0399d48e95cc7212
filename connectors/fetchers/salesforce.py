"""Salesforce's records, read again where a change event is a gap or does not name our lead.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_retrieve.htm
"""

from datetime import UTC, datetime
from urllib.parse import quote, urlencode

import msgspec

from connectors.egress.http import Answer, Http, Retry
from connectors.egress.tokens import Tokens
from connectors.fetchers.contract import Found, Gone, told
from connectors.settings import FetcherSettings
from connectors.sources.contract import Part
from connectors.sources.reading import key_of, text
from connectors.sources.salesforce import LEAD_ID, OVERFLOW
from connectors.sources.splitting import composed, readable, within
from schemas.keys import rank
from schemas.person import unseal
from schemas.records import RawEvent
from schemas.rejected import Reason, Rejected

FIELDS = {
    "Lead": ("Status", "IsConverted", "Email", LEAD_ID),
    "Opportunity": ("StageName", "Amount", LEAD_ID),
}
MARGIN_S = 86_400.0  # an overflow does not say how far back it goes


class SalesforceFetcher:
    """Reads records with a connected app's credentials."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None:
        self._url, self._pepper = settings.salesforce_api.rstrip("/"), settings.pepper.get_secret_value()
        self._data = f"{self._url}/services/data/{settings.salesforce_version}"
        grant = {
            "grant_type": "client_credentials",
            "client_id": settings.salesforce_id,
            "client_secret": settings.salesforce_secret.get_secret_value(),
        }
        self._ready = bool(self._url and grant["client_id"] and grant["client_secret"])
        self._tokens = Tokens(http, f"{self._url}/services/oauth2/token", grant)

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:
        """Return the record as it is now; after an overflow, all that were changed of late."""
        if not self._ready:
            return Retry(3_600.0, "LEADSTREAM_SALESFORCE_API, _ID and _SECRET are not all set")
        event = readable(notice)
        header = within(event, "payload", "ChangeEventHeader") or within(event, "ChangeEventHeader")
        entity, at = text(within(header, "entityName")), within(header, "commitTimestamp")
        if entity not in FIELDS or not isinstance(header, dict) or not isinstance(at, (int, float)):
            raise Rejected(Reason.INVALID_VALUE, "ChangeEventHeader")
        if text(header.get("changeType")) == OVERFLOW:
            return await self._since(entity, header, at / 1000 - MARGIN_S)
        envelope, records = unseal(raw.person, raw.person_key).get("envelope"), header.get("recordIds")
        one = within(readable(envelope), "record") if isinstance(envelope, bytes) else None
        found: list[Part] = []
        for record in [one] if one else records if isinstance(records, list) else []:
            fields = urlencode({"fields": ",".join(FIELDS[entity])})
            heard = await self._get(f"{self._data}/sobjects/{entity}/{quote(text(record), safe='')}?{fields}")
            if not isinstance(heard, Answer):
                return heard
            found.append(self._part(header, text(record), readable(heard.body)))
        return Found(tuple(found))

    async def _since(self, entity: str, header: dict[str, object], since: float) -> Found | Retry | Gone:
        at = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        soql = f"SELECT Id,{','.join(FIELDS[entity])} FROM {entity} WHERE SystemModstamp >= {at}"  # noqa: S608
        url, found = f"{self._data}/query?{urlencode({'q': soql})}", list[Part]()
        while url:
            heard = await self._get(url)
            if not isinstance(heard, Answer):
                return heard
            page = readable(heard.body)
            rows = page.get("records")
            some = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            found += [self._part(header, text(row.get("Id")), row) for row in some]
            more = text(page.get("nextRecordsUrl"))
            url = f"{self._url}{more}" if more.startswith("/") else ""
        return Found(tuple(found))

    def _part(self, header: dict[str, object], record: str, fields: dict[str, object]) -> Part:
        numbers = [str(header.get(name)) for name in ("commitNumber", "sequenceNumber")]
        event_id = composed(text(header.get("entityName")), record, *numbers)
        lead, email = text(fields.get(LEAD_ID)), text(fields.get("Email"))
        key = lead if rank(lead) >= 0 else key_of(self._pepper, email=email, otherwise=event_id)
        return Part(event_id, "record", key, msgspec.json.encode(fields | {"ChangeEventHeader": header}))

    async def _get(self, url: str) -> Answer | Retry | Gone:
        return told(await self._tokens.send("GET", url, "Bearer"))
