"""SNS asks that a subscription be confirmed: its own link is followed, and no link anywhere else."""

import msgspec

from connectors.egress.http import Http, Retry
from connectors.fetchers.contract import Found, Gone, failed
from connectors.settings import FetcherSettings
from connectors.sources import sns
from connectors.sources.reading import decoded
from schemas.records import RawEvent

_envelope = msgspec.json.Decoder(sns.Envelope)


class SnsConfirmer:
    """Confirms subscriptions: the collector has checked signature and topic, and the host is checked here."""

    def __init__(self, settings: FetcherSettings, http: Http) -> None:  # noqa: ARG002
        self._http = http

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Retry | Gone:  # noqa: ARG002
        """Follow the link in a request to confirm."""
        link = decoded(_envelope, notice).subscribe_url or ""
        if not sns.AMAZON.match(link):
            return Gone("SubscribeURL is not on a host of Amazon SNS")
        heard = await self._http.send("GET", link)
        return heard if isinstance(heard, Retry) else failed(heard) or Found()
