"""TikTok: Events API 2.0 with CRM events.

Source: https://business-api.tiktok.com/portal/docs (Events API, event/track).
"""

from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, web_address
from connectors.sinks.conversion import Conversion, email_hash, phone_hash
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry
from connectors.sinks.platform import Platform, PlatformOptions
from connectors.sinks.verdict import unclear

__all__ = ["Options", "TikTokConversions", "open_sink"]

INVALID = (40000, 40002)  # said of what was sent; other codes are of our credentials, limits, or TikTok's own


class Options(PlatformOptions):
    """What TikTok is told."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://business-api.tiktok.com/open_api/v1.3", description="the API with its version"
    )
    event_set: str = Field(min_length=1, description="the CRM event set's id")
    token: SecretStr = Field(min_length=1, description="the event set's access token")


class Coded(Struct):
    """An answer."""

    code: int


class TikTokConversions(Platform):
    """Sends CRM events. A refusal is a code in a 200."""

    knows = ("email", "phone", "ttclid")

    def __init__(self, options: Options, guard: Guard) -> None:
        super().__init__(options, guard)
        self._options = options

    def row(self, told: Conversion) -> dict[str, Any]:
        """Return an event."""
        user = {
            "email": email_hash(told.email) if told.email else "",
            "phone": phone_hash(told.phone, plus=True) if told.phone else "",
            "ttclid": told.clicks.get("ttclid", ""),
        }
        return {
            "event": told.name,
            "event_time": int(told.at),
            "event_id": told.id,
            "user": {field: value for field, value in user.items() if value},
            "lead": {"lead_event_source": "Leadstream"},
            **({"properties": worth} if (worth := self.worth(told, "value", "currency")) else {}),
        }

    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Send events."""
        body = {"event_source": "crm", "event_source_id": self._options.event_set, "data": rows}
        headers = {"access-token": self._options.token.get_secret_value()}
        return await self._http.json("POST", f"{self._options.url.rstrip('/')}/event/track/", headers, body)

    def outcomes(self, answer: Answer, count: int) -> Delivery:  # noqa: ARG002 - a platform takes both
        """Return what the code says of the whole batch."""
        told = answer.read(Coded)
        if told is None:
            return unclear("TikTok")
        if told.code == 0:
            return Delivered("taken")
        why = f"code {told.code}"
        return Refused(Refusal.REJECTED, why) if told.code in INVALID else Retry(None, why)


def open_sink(options: Options, guard: Guard) -> TikTokConversions:
    """Return the sink that the options describe."""
    return TikTokConversions(options, guard)
