"""OAuth 2.0 access tokens: fetched when first needed, kept until they expire or are refused."""

import asyncio
from collections.abc import Mapping

from msgspec import Struct

from connectors.egress.http import Answer, Http, Retry

__all__ = ["Grant", "Tokens"]

EARLY_S = 60.0  # before a token expires, so that it does not on the way


class Grant(Struct, frozen=True):
    """A token endpoint's answer (RFC 6749, 5.1). Salesforce and Zoho name the instance that it is for."""

    access_token: str
    expires_in: float | str | None = None
    instance_url: str | None = None
    api_domain: str | None = None


class Tokens:
    """One client's tokens. `form` is the grant: what is posted to `url` (RFC 6749, 4.4 and 6)."""

    def __init__(self, http: Http, url: str, form: Mapping[str, str]) -> None:
        self._http, self._url, self._form = http, url, form
        self._lock = asyncio.Lock()
        self._granted: Grant | None = None
        self._until = 0.0

    async def granted(self) -> Grant | Retry:
        """Return the grant; a `Retry` when none is given."""
        async with self._lock:
            if self._granted and self._http.clock() < self._until:
                return self._granted
            answer = await self._http.form(self._url, self._form)
            if isinstance(answer, Retry):
                return answer
            found = answer.read(Grant)
            if not 200 <= answer.status < 300 or found is None or not found.access_token:
                return Retry(answer.after_s, f"HTTP {answer.status} for a token")
            self._granted, self._until = found, self._http.clock() + _lasts_s(found)
            return found

    def refused(self, granted: Grant) -> None:
        """Note that a token was refused: the next one is fetched anew, unless somebody has done so already."""
        if self._granted is granted:
            self._granted = None

    async def send(
        self, method: str, path: str, header: str, body: object = None, more: Mapping[str, str] | None = None
    ) -> Answer | Retry:
        """Send JSON to `path` under the grant's instance, and once more with a new token when the token is refused.

        `header` is the kind of authorization: Bearer, Zoho-oauthtoken. The grant names its instance as `instance_url`
        (Salesforce) or `api_domain` (Zoho); a `path` that is a URL stands for itself. `more` are further headers.
        """
        answer: Answer | Retry = Retry(None, "HTTP 401")
        for _ in range(2):
            granted = await self.granted()
            if isinstance(granted, Retry):
                return granted
            base = "" if "://" in path else granted.instance_url or granted.api_domain or ""
            headers = {"authorization": f"{header} {granted.access_token}", **(more or {})}
            answer = await self._http.json(method, f"{base}{path}", headers, body)
            if isinstance(answer, Retry) or answer.status != 401:
                return answer
            self.refused(granted)
        return answer


def _lasts_s(granted: Grant) -> float:
    try:
        return max(float(granted.expires_in or 3_600.0) - EARLY_S, 1.0)
    except ValueError:
        return 3_600.0 - EARLY_S
