"""Meta: Conversions API for CRM.

Source: https://developers.facebook.com/docs/marketing-api/conversions-api/conversion-leads-integration
"""

from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from connectors import graph
from connectors.egress.guard import Guard
from connectors.egress.http import Answer, web_address
from connectors.sinks.conversion import Conversion, email_hash, phone_hash
from connectors.sinks.delivery import Delivered, Delivery, Retry
from connectors.sinks.platform import Platform, PlatformOptions
from connectors.sinks.verdict import unclear

__all__ = ["MetaConversions", "Options", "open_sink"]

CLICK = "fbclid"


class Options(PlatformOptions):
    """What Meta is told."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://graph.facebook.com/v24.0", description="the API with its version"
    )
    dataset: str = Field(pattern=r"^\d+$", description="the dataset's (pixel's) id")
    token: SecretStr = Field(min_length=1, description="the dataset's access token")
    test_code: str = Field("", description="test_event_code, while you try it out")


class Received(Struct):
    """An answer."""

    events_received: int


class MetaConversions(Platform):
    """Sends stages as events; one that is wrong spoils its batch, which is halved then."""

    knows = ("email", "phone", CLICK)

    def __init__(self, options: Options, guard: Guard) -> None:
        super().__init__(options, guard)
        self._options = options

    def row(self, told: Conversion) -> dict[str, Any]:
        """Return an event."""
        click = told.clicks.get(CLICK)
        user = {
            "em": [email_hash(told.email)] if told.email else [],
            "ph": [phone_hash(told.phone, plus=False)] if told.phone else [],
        }
        return {
            "event_name": told.name,
            "event_time": int(told.at),
            "event_id": told.id,
            "action_source": "system_generated",
            "user_data": {
                **{field: hashes for field, hashes in user.items() if hashes},
                **({"fbc": f"fb.1.{int(told.clicked_at * 1000)}.{click}"} if click else {}),
            },
            "custom_data": {
                "event_source": "crm",
                "lead_event_source": "Leadstream",
                **self.worth(told, "value", "currency"),
            },
        }

    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Send events."""
        url = f"{self._options.url.rstrip('/')}/{self._options.dataset}/events"
        body: dict[str, Any] = {"data": rows, "access_token": self._options.token.get_secret_value()}
        if self._options.test_code:
            body["test_event_code"] = self._options.test_code
        return await self._http.json("POST", url, body=body)

    def verdict(self, answer: Answer) -> Delivery | None:
        """Return what an answer means for all rows: Meta says in a 400 what is wrong with a token or a limit, too."""
        code = graph.ours(answer.body) if answer.status >= 400 else None
        if code is None:
            return super().verdict(answer)
        return Retry(answer.after_s, f"code {code}")

    def outcomes(self, answer: Answer, count: int) -> Delivery:
        """Return what became of all rows: Meta takes a batch or refuses it."""
        told = answer.read(Received)
        return Delivered("taken") if told is not None and told.events_received == count else unclear("Meta")


def open_sink(options: Options, guard: Guard) -> MetaConversions:
    """Return the sink that the options describe."""
    return MetaConversions(options, guard)
