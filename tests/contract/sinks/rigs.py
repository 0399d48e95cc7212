"""Every sink with a destination of its own to talk to: what the conformance suite plays its stories on."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel

from connectors.egress.guard import Guard
from connectors.sinks import SINKS
from connectors.sinks.delivery import Delivery, Parcel, Refusal, Refused, Retry, Sink
from connectors.sinks.memory import MemorySink
from tests.builders import NOON, routed
from tests.crms import Ads, Fake, HubSpot, Pipedrive, Salesforce, Zoho, serving
from tests.receiver import listening

__all__ = ["LEAD", "PATIENCE_S", "PERSON", "RIGS", "SECRET", "TIMEOUT", "Rig", "erasure", "facing"]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIMEOUT = "timeout"
PATIENCE_S = 5.0  # with destinations that answer
LEAD = routed("e-1", decision_id="d-1")
ERASED = routed("e-1", 2, decision_id="d-2", account="", owner="", reasons=[], consent={}, erased_at=NOON)
PERSON: dict[str, object] = {"email": "jane@example.com", "last_name": "Doe"}
HERE = Guard(["127.0.0.1"])


@dataclass
class Rig:
    """A sink with its destination: `says` lays out what is answered next, `leads` counts what has arrived."""

    sink: Sink
    says: Callable[[int | str, dict[str, str]], None]
    leads: Callable[[], int]

    async def deliver(self) -> Delivery:
        """Deliver the one lead."""
        (outcome,) = await self.sink.deliver([Parcel(LEAD, PERSON)])
        return outcome

    async def erase(self) -> Delivery:
        """Have the one lead forgotten."""
        (outcome,) = await self.sink.erase([erasure()])
        return outcome


def erasure() -> Parcel:
    """The wish of the one lead to be forgotten: nothing is in it by which a CRM knew them."""
    return Parcel(ERASED, {})


def opened(name: str, **given: object) -> Sink:
    """A sink as the destinations file opens it."""
    kind = SINKS[name]
    options: BaseModel = kind.options.model_validate(given)
    return kind.open(options, HERE)


@asynccontextmanager
async def webhook(patience_s: float = PATIENCE_S) -> AsyncIterator[Rig]:
    async with listening() as receiver:
        sink = opened("webhook", url=receiver.url, secret=SECRET, timeout_s=patience_s)

        def says(answer: int | str, headers: dict[str, str]) -> None:
            if answer == TIMEOUT:
                receiver.hang_s = 30.0
            else:
                receiver.answers.append((int(answer), headers))

        try:
            yield Rig(sink, says, lambda: len(receiver.leads))
        finally:
            await sink.close()


@asynccontextmanager
async def memory(_: float = PATIENCE_S) -> AsyncIterator[Rig]:
    sink = MemorySink()
    meaning: dict[int | str, Delivery] = {
        422: Refused(Refusal.REJECTED, "HTTP 422"),
        TIMEOUT: Retry(None, "timeout"),
    }

    def says(answer: int | str, headers: dict[str, str]) -> None:
        asked = float(headers["retry-after"]) if "retry-after" in headers else None
        sink.answers.append(meaning.get(answer, Retry(asked, f"HTTP {answer}")))

    yield Rig(sink, says, lambda: len(sink.leads))


NUMBERED = {"mql": "7", "customer": "8"}
OAUTH = {"client_id": "id", "client_secret": "secret"}
CRMS: dict[str, tuple[Callable[[], Fake], Callable[[str], dict[str, object]]]] = {
    "hubspot": (HubSpot, lambda url: {"url": url, "token": "token-1"}),
    "salesforce": (Salesforce, lambda url: {"login_url": url, **OAUTH}),
    "pipedrive": (Pipedrive, lambda url: {"url": url, "token": "token-1"}),
    "google_conversions": (
        Ads,
        lambda url: {
            "url": url,
            "token_url": f"{url}/token",
            "customer": "1234567890",
            "events": NUMBERED,
            "developer_token": "developer",
            "refresh_token": "refresh",
            **OAUTH,
        },
    ),
    "meta_conversions": (Ads, lambda url: {"url": url, "dataset": "1", "token": "token-1"}),
    "linkedin_conversions": (Ads, lambda url: {"url": url, "token": "token-1", "events": NUMBERED}),
    "tiktok_conversions": (Ads, lambda url: {"url": url, "event_set": "1", "token": "token-1"}),
    "microsoft_conversions": (Ads, lambda url: {"url": url, "tag": "1", "token": "token-1"}),
    "zoho": (Zoho, lambda url: {"accounts_url": url, "refresh_token": "refresh", **OAUTH}),
}


@asynccontextmanager
async def facing(name: str, **changed: object) -> AsyncIterator[tuple[Sink, Fake]]:
    """A CRM's sink, and the CRM it talks to."""
    make, given = CRMS[name]
    async with serving(make()) as fake:
        sink = opened(name, **{"timeout_s": PATIENCE_S, **given(fake.url), **changed})
        try:
            yield sink, fake
        finally:
            await sink.close()


@asynccontextmanager
async def crm(name: str, patience_s: float = PATIENCE_S) -> AsyncIterator[Rig]:
    async with facing(name, timeout_s=patience_s) as (sink, fake):

        def says(answer: int | str, headers: dict[str, str]) -> None:
            if answer == TIMEOUT:
                fake.hang_s = 30.0
            else:
                fake.troubles.append((int(answer), headers))

        yield Rig(sink, says, lambda: len(fake.records))


RIGS: dict[str, Callable[[float], AbstractAsyncContextManager[Rig]]] = {  # given how long the sink waits, seconds
    "webhook": webhook,
    "memory": memory,
    **{name: partial(crm, name) for name in CRMS},
}
