"""Google Ads: offline and enhanced conversions for leads.

Source: https://developers.google.com/google-ads/api/reference/rpc/v22/ConversionUploadService
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, web_address
from connectors.egress.tokens import Tokens
from connectors.sinks.conversion import Conversion, google_email_hash, phone_hash
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry
from connectors.sinks.platform import Numbered, Platform, PlatformOptions
from connectors.sinks.verdict import unclear

__all__ = ["GoogleConversions", "Options", "open_sink"]

CLICKS = ("gclid", "gbraid", "wbraid")
THERE = ("ORDER_ID_ALREADY_IN_USE", "DUPLICATE_ORDER_ID", "CLICK_CONVERSION_ALREADY_EXISTS")  # an answer was lost
LATER = (  # said of Google's own trouble, of our quota, or of a click or an action that it does not know yet
    *("TRANSIENT_ERROR", "INTERNAL_ERROR", "DEADLINE_EXCEEDED", "CONCURRENT_MODIFICATION"),
    *("RESOURCE_EXHAUSTED", "RESOURCE_TEMPORARILY_EXHAUSTED", "TOO_RECENT_EVENT", "TOO_RECENT_CONVERSION_ACTION"),
)
OURS = (  # said of the account, or of the numbers in `events`: no lead's fault, and soon mended
    *("INVALID_CONVERSION_ACTION", "INVALID_CONVERSION_ACTION_TYPE", "NO_CONVERSION_ACTION_FOUND"),
    *("CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS", "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
    *("UNAUTHORIZED_CUSTOMER", "CUSTOMER_NOT_ENABLED"),
)


class Options(PlatformOptions):
    """What Google Ads is told."""

    events: Numbered = Field(description="our stage: the number of its conversion action; other stages are not told")
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


class Element(Struct, rename="camel"):
    """A step of the way to what is wrong."""

    field_name: str = ""
    index: int = 0


class Location(Struct, rename="camel"):
    """Where it is."""

    field_path_elements: list[Element] | None = None


class Error(Struct, rename="camel"):
    """What is wrong with a row: one member of `error_code`, named after its kind."""

    error_code: dict[str, str] | None = None
    location: Location | None = None

    def code(self) -> str:
        """Return what is wrong in one word."""
        return next(iter((self.error_code or {}).values()), "")

    def rows(self) -> list[int]:
        """Return the numbers of the rows that it is said of."""
        steps = self.location.field_path_elements if self.location else None
        return [step.index for step in steps or () if step.field_name == "conversions"]


class Detail(Struct):
    """One of the kinds of details that there are."""

    errors: list[Error] | None = None


class Failure(Struct):
    """Why rows failed."""

    details: list[Detail] | None = None


class Uploaded(Struct, rename="camel"):
    """An answer: a result for each row."""

    results: list[dict[str, object]]
    partial_failure_error: Failure | None = None

    def errors(self) -> list[Error]:
        """Return all that is wrong."""
        details = self.partial_failure_error.details if self.partial_failure_error else None
        return [error for detail in details or () for error in detail.errors or ()]


class GoogleConversions(Platform):
    """Uploads click conversions; each row that is refused is told apart."""

    knows = ("email", "phone", *CLICKS)

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
            *([{"hashedEmail": google_email_hash(told.email)}] if told.email else []),
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

    def outcomes(self, answer: Answer, count: int) -> Sequence[Delivery] | Delivery:
        """Return what became of each row: a result that is empty is none, and says why in `partialFailureError`."""
        told = answer.read(Uploaded)
        if told is None or len(told.results) != count:
            return unclear("Google")
        failed: dict[int, str] = {}
        for error in told.errors():
            for number in error.rows():
                failed.setdefault(number, error.code())
        return [
            Delivered("taken") if result and number not in failed else _outcome(failed.get(number, ""))
            for number, result in enumerate(told.results)
        ]


def _outcome(code: str) -> Delivery:
    if code in THERE:
        return Delivered("taken before")
    if code in OURS:
        return Retry(None, code)
    if not code or code in LATER:
        return Retry(None, code or "Google's answer does not speak of it", alone=True)
    return Refused(Refusal.REJECTED, code)


def open_sink(options: Options, guard: Guard) -> GoogleConversions:
    """Return the sink that the options describe."""
    return GoogleConversions(options, guard)
