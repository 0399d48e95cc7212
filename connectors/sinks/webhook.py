"""Any system that takes Standard Webhooks: one signed POST for each decision, its id stable over retries.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import time
from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, Http, web_address
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.payload import payload
from connectors.sinks.signature import BadSecretError, Secret, sign

__all__ = ["Options", "WebhookSink", "open_sink", "verdict"]

GONE = 410
UNFIT = (400, 413, 415, 422)  # said of what was posted


class Options(BaseModel):
    """What a webhook is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(web_address)] = Field(description="where leads are posted, https://")
    secret: SecretStr = Field(description="signs each delivery, `whsec_...`; `new,old` while receivers change over")
    timeout_s: Annotated[float, Field(gt=0)] = Field(20.0, description="how long a receiver may take to answer")

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr) -> SecretStr:
        secrets_of(secret)
        return secret


class WebhookSink:
    """Posts to one URL. A 410 disables it: the receiver has asked for no more."""

    largest, newest = 1, False

    def __init__(
        self,
        url: str,
        secrets: tuple[Secret, ...],
        guard: Guard,
        timeout_s: float = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._secrets = url, secrets
        self._http = Http(guard, timeout_s, clock)

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Post each once, signed now."""
        return [await self._post(parcel) for parcel in parcels]

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Post each once, as `lead.erased`."""
        return await self.deliver(parcels)

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    async def _post(self, parcel: Parcel) -> Delivery:
        decision, now = parcel.routed.decision_id, self._http.clock()
        if "." in decision:  # the dot separates what is signed
            return Refused(Refusal.REJECTED, "a decision id with a dot cannot be signed")
        body = payload(parcel.routed, parcel.person)
        headers = {
            "content-type": "application/json",
            "webhook-id": decision,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": sign(self._secrets, decision, int(now), body),
        }
        answer = await self._http.send("POST", self._url, headers, body)
        return answer if isinstance(answer, Retry) else verdict(answer)


def open_sink(options: Options, guard: Guard) -> WebhookSink:
    """Return the sink that the options describe."""
    return WebhookSink(options.url, secrets_of(options.secret), guard, options.timeout_s)


def secrets_of(text: SecretStr) -> tuple[Secret, ...]:
    """Return the signing secrets in `new,old`. Raises `ValueError`, without what was given."""
    try:
        return tuple(Secret.parse(one.strip()) for one in text.get_secret_value().split(","))
    except BadSecretError as error:
        raise ValueError(f"this cannot be used: {error}") from None


def verdict(answer: Answer) -> Delivery:
    """Return what an answer means.

    Only what is said of the lead itself ends its delivery. A redirect is never followed, since it could lead anywhere;
    like a wrong URL or secret it is no lead's fault, and will be mended.
    """
    status = answer.status
    if 200 <= status < 300:
        return Delivered(f"HTTP {status}")
    if status == GONE:
        return Refused(Refusal.DISABLED, "HTTP 410")
    if status in UNFIT:
        return Refused(Refusal.REJECTED, f"HTTP {status}")
    return Retry(answer.after_s, f"HTTP {status}")
