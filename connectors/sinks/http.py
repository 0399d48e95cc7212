"""HTTP as the sinks use it: through the guard, within a time and a size, no redirects, faults as values."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from connectors.egress import Blocked, Guard
from connectors.sinks.delivery import Delivery, Refusal, Refused, Retry

__all__ = ["LATER", "Answer", "Http", "api_verdict", "seconds", "unclear", "web_address"]

T = TypeVar("T")
LARGEST_ANSWER = 262_144
LATER = (408, 409, 423, 425, 429)  # of the 4xx, these say nothing about the lead
OURS = (401, 402, 403, 404, 405, 407, 410, 426, 477)  # of our credentials, account, URL; 477: HubSpot moves it
LONGEST_WAIT_S = 3_600.0


class Answer(NamedTuple):
    """What a destination said. `body` is cut off at 256 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def read(self, kind: type[T]) -> T | None:
        """Return the body as what it is documented to be, None when it is something else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


class Http:
    """One destination's connections, made when first used."""

    def __init__(self, guard: Guard, timeout_s: float, clock: Callable[[], float] = time.time) -> None:
        self._guard, self._timeout, self.clock = guard, aiohttp.ClientTimeout(total=timeout_s), clock
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer | Retry:
        """Send one request; a destination that does not answer in full is a `Retry`. Raises nothing."""
        try:
            async with self._open().request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                content = await _read(answer)
                return Answer(answer.status, answer.headers, content)
        except TimeoutError:
            return Retry(None, "timeout")
        except aiohttp.ClientConnectorError as error:
            blocked = isinstance(error.os_error, Blocked)
            return Retry(None, str(error.os_error) if blocked else type(error).__name__)
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Retry(None, type(error).__name__)

    async def json(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Answer | Retry:
        """Send one request whose body, if any, is JSON."""
        content = None if body is None else msgspec.json.encode(body)
        kind = {"accept": "application/json"} | ({} if body is None else {"content-type": "application/json"})
        return await self.send(method, url, {**kind, **(headers or {})}, content)

    async def close(self) -> None:
        """Close the connections that were kept."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(socket_factory=self._guard.socket, limit=0),
            )
        return self._session


def api_verdict(answer: Answer, now: float) -> Delivery | None:
    """Return what a status means for all leads of a request to a CRM's API; None of a 2xx, which says more inside.

    What is wrong with our credentials or our URL is no lead's fault: it is tried again until somebody has mended it.
    """
    if 200 <= answer.status < 300:
        return None
    if 400 <= answer.status < 500 and answer.status not in (*LATER, *OURS):
        return Refused(Refusal.REJECTED, f"HTTP {answer.status}")
    return Retry(seconds(answer.headers.get("retry-after", ""), now), f"HTTP {answer.status}")


def unclear(who: str, *, alone: bool = False) -> Retry:
    """Return what comes of an answer that is not as documented: a proxy's page, half a body, another version's.

    It says neither that a lead was taken nor that it never will be.
    """
    return Retry(None, f"{who}'s answer is not understood", alone)


def seconds(retry_after: str, now: float) -> float | None:
    """Read `Retry-After`: seconds or an HTTP date, an hour at most; None when it says neither."""
    try:
        wait = float(retry_after) if retry_after.isdigit() else parsedate_to_datetime(retry_after).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT_S)


def web_address(url: str) -> str:
    """Return the URL; a pydantic validator. Raises `ValueError` when it is no http:// or https:// address."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
    except ValueError:
        pass
    raise ValueError("this is not an http:// or https:// address")


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Return the body as far as it is looked at; a longer one costs its connection."""
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            answer.close()
            break
    return bytes(content[:LARGEST_ANSWER])
