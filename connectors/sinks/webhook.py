"""Any system that takes Standard Webhooks: one signed POST for each decision, its id stable over retries."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp

from connectors.settings import RelaySettings, SettingsError
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry
from connectors.sinks.payload import payload
from connectors.sinks.signature import BadSecretError, Secret, sign
from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["WebhookSink", "open_sink", "verdict"]

GONE = 410
LATER = (408, 425, 429)  # of the 4xx, these say nothing about the lead
LONGEST_WAIT_S = 3_600.0


class WebhookSink:
    """Posts to one URL. A 410 disables it: the receiver has asked for no more."""

    def __init__(
        self, url: str, secrets: tuple[Secret, ...], timeout_s: float = 20.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._secrets = secrets
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self.disabled = False

    async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
        """Post it once, signed now."""
        if self.disabled:
            return Refused(Refusal.DISABLED, "the endpoint has answered 410 before")
        if "." in routed.decision_id:  # the dot separates what is signed
            return Refused(Refusal.REJECTED, "a decision id with a dot cannot be signed")
        body, now = payload(routed, person), self._clock()
        headers = {
            "content-type": "application/json",
            "webhook-id": routed.decision_id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": sign(self._secrets, routed.decision_id, int(now), body),
        }
        try:
            async with self._open().post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                found = verdict(answer.status, answer.headers.get("retry-after", ""), now)
        except TimeoutError:
            return Retry(None, "timeout")
        except aiohttp.ClientError as error:
            return Retry(None, type(error).__name__)
        if isinstance(found, Refused) and found.reason is Refusal.DISABLED:
            self.disabled = True
        return found

    async def close(self) -> None:
        """Close the connections that were kept."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def open_sink(settings: RelaySettings) -> WebhookSink:
    """Return the sink that the settings describe. Raises `SettingsError`."""
    wrong: list[str] = []
    secrets: tuple[Secret, ...] = ()
    if urlsplit(settings.webhook_url).scheme not in ("http", "https") or not urlsplit(settings.webhook_url).hostname:
        wrong.append("LEADSTREAM_WEBHOOK_URL is not an http:// or https:// address; set it to where leads are posted")
    try:
        texts = settings.webhook_secret.get_secret_value().split(",")
        secrets = tuple(Secret.parse(text.strip()) for text in texts)
    except BadSecretError as error:
        wrong.append(f"LEADSTREAM_WEBHOOK_SECRET (or LEADSTREAM_WEBHOOK_SECRET_FILE) cannot be used: {error}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return WebhookSink(settings.webhook_url, secrets, settings.webhook_timeout_s)


def verdict(status: int, retry_after: str, now: float) -> Delivery:
    """Return what an answer means.

    A redirect is never followed, since it could lead anywhere, and not held against the lead: the URL will be mended.
    """
    if 200 <= status < 300:
        return Delivered()
    if status == GONE:
        return Refused(Refusal.DISABLED, "HTTP 410")
    if 400 <= status < 500 and status not in LATER:
        return Refused(Refusal.REJECTED, f"HTTP {status}")
    return Retry(_seconds(retry_after, now), f"HTTP {status}")


def _seconds(retry_after: str, now: float) -> float | None:
    """Read `Retry-After`: seconds or an HTTP date, an hour at most."""
    try:
        wait = float(retry_after) if retry_after.isdigit() else parsedate_to_datetime(retry_after).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT_S)
