"""LinkedIn: Conversions API.

Source: https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api
"""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, web_address
from connectors.sinks.conversion import Conversion, email_hash
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry
from connectors.sinks.platform import Numbered, Platform, PlatformOptions
from connectors.sinks.verdict import LATER, OURS, unclear

__all__ = ["LinkedInConversions", "Options", "open_sink"]

UUID = "li_fat_id"


class Options(PlatformOptions):
    """What LinkedIn is told."""

    events: Numbered = Field(description="our stage: the number of its conversion rule; other stages are not told")
    url: Annotated[str, AfterValidator(web_address)] = Field("https://api.linkedin.com", description="LinkedIn's API")
    version: str = Field("202603", pattern=r"^\d{6}$", description="the LinkedIn-Version header")
    token: SecretStr = Field(min_length=1, description="access token with the scope rw_conversions")


class Element(Struct):
    """What became of a row."""

    status: int


class Created(Struct):
    """An answer."""

    elements: list[Element]


class LinkedInConversions(Platform):
    """Creates conversion events; each has an answer of its own."""

    knows = ("email", UUID)

    def __init__(self, options: Options, guard: Guard) -> None:
        super().__init__(options, guard)
        self._options = options

    def row(self, told: Conversion) -> dict[str, Any]:
        """Return a conversion event."""
        ids = []
        if told.email:
            ids.append({"idType": "SHA256_EMAIL", "idValue": email_hash(told.email)})
        if UUID in told.clicks:
            ids.append({"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": told.clicks[UUID]})
        named = {"firstName": "first_name", "lastName": "last_name", "companyName": "company", "title": "title"}
        info = {field: told.person[ours] for field, ours in named.items() if told.person.get(ours)}
        complete = {"firstName", "lastName"} <= info.keys()
        worth = self.worth(told, "amount", "currencyCode")
        return {
            "conversion": f"urn:lla:llaPartnerConversion:{told.name}",
            "conversionHappenedAt": int(told.at * 1000),
            "eventId": told.id,
            **({"conversionValue": worth | {"amount": str(told.value)}} if worth else {}),
            "user": {"userIds": ids, **({"userInfo": info} if complete else {})},
        }

    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Create events."""
        headers = {
            "authorization": f"Bearer {self._options.token.get_secret_value()}",
            "LinkedIn-Version": self._options.version,
            "X-RestLi-Method": "BATCH_CREATE",
            "X-Restli-Protocol-Version": "2.0.0",
        }
        url = f"{self._options.url.rstrip('/')}/rest/conversionEvents"
        return await self._http.json("POST", url, headers, {"elements": rows})

    def outcomes(self, answer: Answer, count: int) -> Sequence[Delivery] | Delivery:
        """Return what became of each row: its element has a status as an answer of its own would have."""
        told = answer.read(Created)
        if told is None or len(told.elements) != count:
            return unclear("LinkedIn")
        return [_outcome(one.status) for one in told.elements]


def _outcome(status: int) -> Delivery:
    if 200 <= status < 300:
        return Delivered("taken")
    if status in OURS:  # said of our rights, or of the rule's number in `events`
        return Retry(None, f"HTTP {status}")
    if 400 <= status < 500 and status not in LATER:
        return Refused(Refusal.REJECTED, f"HTTP {status}")
    return Retry(None, f"HTTP {status}", alone=True)


def open_sink(options: Options, guard: Guard) -> LinkedInConversions:
    """Return the sink that the options describe."""
    return LinkedInConversions(options, guard)
