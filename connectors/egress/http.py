"""HTTP out: through the guard, within a time and a size, no redirects, no cookies, faults as values."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from yarl import URL

from connectors.egress.guard import Blocked, Guard

__all__ = ["DELIVERY_BYTES", "READ_BYTES", "Answer", "Http", "Retry", "seconds", "web_address"]

T = TypeVar("T")
CONNECT_S = 3.0
DELIVERY_BYTES, READ_BYTES = 262_144, 1_048_576  # of what is said to a delivery; of what is asked for
LONGEST_WAIT_S = 3_600.0
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class Answer(NamedTuple):
    """What was answered. `after_s` is how long we are asked to wait; a body that was cut off is not `whole`."""

    status: int
    body: bytes = b""
    after_s: float | None = None
    whole: bool = True

    def read(self, kind: type[T]) -> T | None:
        """Return the body as what it is documented to be, None when it is something else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


class Retry(NamedTuple):
    """Not now: the world's fault. `after_s` is what the other side asked for in seconds, None when it did not say.

    `alone`: the other side is well, only this lead has to wait (a locked row).
    """

    after_s: float | None
    why: str
    alone: bool = False


class Http:
    """Connections of one destination, or of all that is read; made when first used. `largest`: bytes of an answer."""

    def __init__(
        self, guard: Guard, timeout_s: float, clock: Callable[[], float] = time.time, largest: int = DELIVERY_BYTES
    ) -> None:
        self._guard, self.clock, self._largest = guard, clock, largest
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S)
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer | Retry:
        """Send one request; who does not answer in full is a `Retry`. Raises nothing."""
        try:
            async with self._open().request(
                method, _as_it_is(url), data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await _read(answer, self._largest)
                asked = answer.headers.get("retry-after", "")
                after_s = seconds(asked, self.clock()) if asked else None
                return Answer(answer.status, content[: self._largest], after_s, len(content) <= self._largest)
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

    async def form(self, url: str, fields: Mapping[str, str]) -> Answer | Retry:
        """Post a form."""
        return await self.send("POST", url, FORM, urlencode(fields).encode())

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


def _as_it_is(url: str) -> URL:
    """Return a URL with its escapes untouched, for some APIs tell `:` from `%3A`; escaped where it cannot go so."""
    return URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)


async def _read(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    """Return the body as far as it is looked at, and a little more of a longer one, which costs its connection."""
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > largest:
            answer.close()
            break
    return bytes(content)
