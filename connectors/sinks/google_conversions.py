"""Google Ads: offline and enhanced conversions for leads.

Source: https://developers.google.com/google-ads/api/reference/rpc/v22/ConversionUploadService
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from connectors.egress import Guard
from connectors.sinks.conversion import Conversion, email_hash, phone_hash
from connectors.sinks.delivery import Delivery, Retry
from connectors.sinks.http import Answer, web_address
from connectors.sinks.oauth import Tokens
from connectors.sinks.platform import Platform, PlatformOptions

__all__ = ["GoogleConversions", "Options", "open_sink"]

CLICKS = ("gclid", "gbraid", "wbraid")


class Options(PlatformOptions):
    """What Google Ads is told. `events` maps to the numbers of conversion actions."""

    url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://googleads.googleapis.com/v22", description="the API with its version"
    )
    token_url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://oauth2.googleapis.com/token", description="where access tokens are had"
    )
    customer: str = Field(pattern=r"^\d{10}$", description="the customer id, 10 digits")
    developer_token: SecretStr = Field(min_length=1, description="the manager account's developer token")
    client_id: str = Field(min_length=1, description="the OAuth client's id")
    client_secret: SecretStr = Field(min_length=1, description="the OAuth client's secret")
    refresh_token: SecretStr = Field(min_length=1, description="one with the scope adwords")


class GoogleConversions(Platform):
    """Uploads click conversions; each row that is refused is told apart."""

    def __init__(self, options: Options, guard: Guard) -> None:
        super().__init__(options, guard)
        self._options = options
        grant = {
            "grant_type": "refresh_token",
            "refresh_token": options.refresh_token.get_secret_value(),
            "client_id": options.client_id,
            "client_secret": options.client_secret.get_secret_value(),
        }
        self._tokens = Tokens(self._http, options.token_url, grant)

    def row(self, told: Conversion) -> dict[str, Any]:
        """Return a ClickConversion."""
        people = [
            *([{"hashedEmail": email_hash(told.email, google=True)}] if told.email else []),
            *([{"hashedPhoneNumber": phone_hash(told.phone, plus=True)}] if told.phone else []),
        ]
        click = next(((kind, told.clicks[kind]) for kind in CLICKS if kind in told.clicks), None)
        return {
            "conversionAction": f"customers/{self._options.customer}/conversionActions/{told.name}",
            "conversionDateTime": f"{datetime.fromtimestamp(told.at, UTC):%Y-%m-%d %H:%M:%S}+00:00",
            "orderId": told.id,
            "consent": {"adUserData": "GRANTED"},
            **self.worth(told, "conversionValue", "currencyCode"),
            **({"userIdentifiers": people} if people else {}),
            **({click[0]: click[1]} if click else {}),
        }

    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Upload rows."""
        url = f"{self._options.url.rstrip('/')}/customers/{self._options.customer}:uploadClickConversions"
        more = {"developer-token": self._options.developer_token.get_secret_value()}
        body = {"conversions": rows, "partialFailure": True}
        return await self._tokens.send("POST", url, "Bearer", body, more)

    def wrong(self, found: dict[str, Any]) -> dict[int, str] | Delivery:
        """Return the rows that failed (partialFailureError)."""
        failed: dict[int, str] = {}
        for detail in found.get("partialFailureError", {}).get("details", ()):
            for error in detail.get("errors", ()):
                code = ", ".join(str(value) for value in error.get("errorCode", {}).values())
                for element in error.get("location", {}).get("fieldPathElements", ()):
                    if element.get("fieldName") == "conversions":
                        failed[int(element.get("index", 0))] = code
        return failed


def open_sink(options: Options, guard: Guard) -> GoogleConversions:
    """Return the sink that the options describe."""
    return GoogleConversions(options, guard)
