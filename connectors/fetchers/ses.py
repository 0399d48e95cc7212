"""SNS asks that a subscription be confirmed: its own link is followed, and no link anywhere else."""

import msgspec

from connectors.fetchers.contract import Ask, Found, Gone, Later, failed
from connectors.settings import FetcherSettings
from connectors.sources import sns
from connectors.sources.reading import decoded
from schemas.records import RawEvent

_envelope = msgspec.json.Decoder(sns.Envelope)


class SnsConfirmer:
    """Confirms subscriptions: the collector has checked signature and topic, and the host is checked here."""

    def __init__(self, settings: FetcherSettings, ask: Ask) -> None:  # noqa: ARG002
        self._ask = ask

    async def fetch(self, raw: RawEvent, notice: bytes) -> Found | Later | Gone:  # noqa: ARG002
        """Follow the link in a request to confirm."""
        link = decoded(_envelope, notice).subscribe_url or ""
        if not sns.AMAZON.match(link):
            return Gone("SubscribeURL is not on a host of Amazon SNS")
        heard = await self._ask(link)
        return heard if isinstance(heard, Later) else failed(heard) or Found()
