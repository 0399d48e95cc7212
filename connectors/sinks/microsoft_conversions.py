"""Microsoft Advertising: UET Conversions API.

Source: https://learn.microsoft.com/en-us/advertising/guides/uet-conversion-api-integration
"""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, web_address
from connectors.sinks.conversion import Conversion, microsoft_email_hash, phone_hash
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry
from connectors.sinks.platform import Platform, PlatformOptions
from connectors.sinks.verdict import unclear

__all__ = ["MicrosoftConversions", "Options", "open_sink"]


class Options(PlatformOptions):
    """What Microsoft Advertising is told."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://capi.uet.microsoft.com/v1", description="the API with its version"
    )
    tag: str = Field(pattern=r"^\d+$", description="the UET tag's id")
    token: SecretStr = Field(min_length=1, description="the tag's access token")


class Detail(Struct, rename="camel"):
    """What is wrong with a row."""

    index: int | None = None
    error_code: str | None = None


class Trouble(Struct):
    """What is wrong."""

    details: list[Detail] | None = None


class Received(Struct, rename="camel"):
    """An answer."""

    events_received: int
    error: Trouble | None = None


class MicrosoftConversions(Platform):
    """Sends custom events; those that are wrong are told by their number."""

    knows = ("email", "phone", "msclkid")

    def __init__(self, options: Options, guard: Guard) -> None:
        super().__init__(options, guard)
        self._options = options

    def row(self, told: Conversion) -> dict[str, Any]:
        """Return an event."""
        user = {
            "em": microsoft_email_hash(told.email) if told.email else "",
            "ph": phone_hash(told.phone, plus=True) if told.phone else "",
            "msclkid": told.clicks.get("msclkid", ""),
        }
        return {
            "eventType": "custom",
            "eventName": told.name,
            "eventTime": int(told.at),
            "eventId": told.id,
            "userData": {field: value for field, value in user.items() if value},
            "adStorageConsent": "G",
            **({"customData": worth} if (worth := self.worth(told, "eventValue", "currency")) else {}),
        }

    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Send events."""
        url = f"{self._options.url.rstrip('/')}/{self._options.tag}/events"
        token = {"authorization": f"Bearer {self._options.token.get_secret_value()}"}
        return await self._http.json("POST", url, token, {"data": rows, "continueOnValidationError": True})

    def outcomes(self, answer: Answer, count: int) -> Sequence[Delivery] | Delivery:
        """Return what became of each row: those that are wrong are told by number, and do not count as received."""
        told = answer.read(Received)
        if told is None:
            return unclear("Microsoft")
        details = (told.error.details if told.error else None) or ()
        wrong = {one.index: one.error_code or "invalid" for one in details if one.index is not None}
        if told.events_received != count - len(wrong):
            return unclear("Microsoft")
        return [
            Refused(Refusal.REJECTED, wrong[number]) if number in wrong else Delivered("taken")
            for number in range(count)
        ]


def open_sink(options: Options, guard: Guard) -> MicrosoftConversions:
    """Return the sink that the options describe."""
    return MicrosoftConversions(options, guard)
