"""What every sink must do. A new one inherits all of this by being in `SINKS` and having a rig here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from connectors.settings import RelaySettings, SettingsError
from connectors.sinks import SINKS
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry, Sink
from connectors.sinks.memory import MemorySink
from tests.builders import routed
from tests.receiver import listening

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIMEOUT = "timeout"
LEAD = routed("e-1", decision_id="d-1")
PERSON: dict[str, object] = {"email": "jane@example.com"}


@dataclass
class Rig:
    """A sink with its destination: `says` lays out what is answered next, `leads` counts what has arrived."""

    sink: Sink
    says: Callable[[int | str, dict[str, str]], None]
    leads: Callable[[], int]


@asynccontextmanager
async def webhook() -> AsyncIterator[Rig]:
    async with listening() as receiver:
        environ = {
            "KAFKA_BOOTSTRAP_SERVERS": "not:1",
            "LEADSTREAM_WEBHOOK_URL": receiver.url,
            "LEADSTREAM_WEBHOOK_SECRET": SECRET,
            "LEADSTREAM_WEBHOOK_TIMEOUT_S": "0.3",
        }
        sink = SINKS["webhook"](RelaySettings.read(environ))

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
async def memory() -> AsyncIterator[Rig]:
    sink = MemorySink()
    meaning: dict[int | str, Delivery] = {
        422: Refused(Refusal.REJECTED, "HTTP 422"),
        410: Refused(Refusal.DISABLED, "HTTP 410"),
        TIMEOUT: Retry(None, "timeout"),
    }

    def says(answer: int | str, headers: dict[str, str]) -> None:
        asked = float(headers["retry-after"]) if "retry-after" in headers else None
        sink.answers.append(meaning.get(answer, Retry(asked, f"HTTP {answer}")))

    yield Rig(sink, says, lambda: len(sink.leads))


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {"webhook": webhook, "memory": memory}


def test_every_sink_has_a_rig() -> None:
    assert RIGS.keys() == SINKS.keys()


def on(name: str, story: Callable[[Rig], Awaitable[None]]) -> None:
    """Play a story with the sink of this name."""

    async def play() -> None:
        async with RIGS[name]() as rig:
            await story(rig)

    asyncio.run(play())


@pytest.mark.parametrize("name", SINKS)
def test_delivering_twice_leaves_one_lead(name: str) -> None:
    async def story(rig: Rig) -> None:
        assert await rig.sink.deliver(LEAD, PERSON) == Delivered()
        assert await rig.sink.deliver(LEAD, PERSON) == Delivered()
        assert rig.leads() == 1

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_destination_in_trouble_is_tried_again(name: str, status: int) -> None:
    async def story(rig: Rig) -> None:
        rig.says(status, {})
        assert await rig.sink.deliver(LEAD, PERSON) == Retry(None, f"HTTP {status}")
        assert rig.leads() == 0

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_says_when_is_heeded(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(429, {"retry-after": "7"})
        assert await rig.sink.deliver(LEAD, PERSON) == Retry(7.0, "HTTP 429")

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_says_no_is_not_asked_again(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(422, {})
        assert await rig.sink.deliver(LEAD, PERSON) == Refused(Refusal.REJECTED, "HTTP 422")
        assert rig.leads() == 0

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_a_destination_that_does_not_answer_is_tried_again(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(TIMEOUT, {})
        assert await rig.sink.deliver(LEAD, PERSON) == Retry(None, "timeout")

    on(name, story)


@pytest.mark.parametrize("name", SINKS)
def test_secrets_and_people_never_show_in_a_repr(name: str) -> None:
    async def story(rig: Rig) -> None:
        rig.says(422, {})
        outcome = await rig.sink.deliver(LEAD, PERSON)
        shown = repr(rig.sink) + repr(vars(rig.sink)) + repr(outcome)
        assert SECRET.removeprefix("whsec_") not in shown
        assert "jane" not in repr(outcome)

    on(name, story)


@pytest.mark.parametrize("name", SINKS.keys() - {"memory"})  # which needs none
def test_a_sink_that_lacks_its_settings_says_which(name: str) -> None:
    with pytest.raises(SettingsError) as error:
        SINKS[name](RelaySettings.read({"KAFKA_BOOTSTRAP_SERVERS": "not:1"}))
    assert all(line.startswith("LEADSTREAM_") for line in str(error.value).splitlines())
