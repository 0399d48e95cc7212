"""What is the webhook's own: redirects, 410, a connection that breaks, an address that is none."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.destinations import destinations
from connectors.egress.guard import Guard
from connectors.egress.http import Answer
from connectors.settings import RelaySettings, SettingsError
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.signature import Secret
from connectors.sinks.webhook import WebhookSink, verdict
from streams.runtime.process import free_port
from tests.builders import routed
from tests.receiver import Receiver, listening

SECRETS = (Secret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),)
NOW = 1_790_000_000.0
HERE = Guard(["127.0.0.1"])


async def deliver(sink: WebhookSink, decision: str = "d-1") -> Delivery:
    """Deliver one decision."""
    (outcome,) = await sink.deliver([Parcel(routed("e-1", decision_id=decision), {})])
    return outcome


def delivered(
    *answers: tuple[int, dict[str, str]], ids: tuple[str, ...] = ("d-1",), clock: Callable[[], float] = time.time
) -> tuple[list[Delivery], Receiver]:
    """Deliver these decisions to a receiver that answers so."""

    async def play() -> tuple[list[Delivery], Receiver]:
        async with listening() as receiver:
            receiver.answers = list(answers)
            sink = WebhookSink(receiver.url, SECRETS, HERE, timeout_s=2.0, clock=clock)
            found = [await deliver(sink, one) for one in ids]
            await sink.close()
            return found, receiver

    return asyncio.run(play())


def test_a_redirect_is_a_failure_and_is_not_followed() -> None:
    found, receiver = delivered((302, {"location": "/elsewhere"}))
    assert found == [Retry(None, "HTTP 302")]
    assert len(receiver.posts) == 1


def test_a_410_says_that_no_more_are_wanted() -> None:
    found, _ = delivered((410, {}))
    assert found == [Refused(Refusal.DISABLED, "HTTP 410")]


@pytest.mark.parametrize("status", [401, 404, 409, 410, 418])
def test_what_is_said_of_the_url_or_the_secret_buries_no_lead(status: int) -> None:
    outcome = verdict(Answer(status))
    assert isinstance(outcome, Retry) or outcome == Refused(Refusal.DISABLED, "HTTP 410")


def test_each_attempt_is_signed_anew_under_the_same_id_over_the_same_bytes() -> None:
    async def play() -> None:
        clock = iter([NOW, NOW + 10])
        async with listening() as receiver:
            receiver.answers = [(500, {})]
            sink = WebhookSink(receiver.url, SECRETS, HERE, clock=lambda: next(clock))
            assert isinstance(await deliver(sink), Retry)
            assert isinstance(await deliver(sink), Delivered)
            await sink.close()
            (first, body), (second, again) = receiver.posts
            assert (first["webhook-id"], body) == (second["webhook-id"], again)
            assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 10
            assert first["webhook-signature"] != second["webhook-signature"]

    asyncio.run(play())


def test_nobody_listening_is_a_retry() -> None:
    async def play() -> Delivery:
        sink = WebhookSink(f"http://127.0.0.1:{free_port()}/", SECRETS, HERE)
        outcome = await deliver(sink)
        await sink.close()
        return outcome

    assert asyncio.run(play()) == Retry(None, "ClientConnectorError")


def test_a_receiver_that_takes_the_lead_and_hangs_up_is_asked_again() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    async def play() -> Delivery:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            sink = WebhookSink(f"http://127.0.0.1:{port}/", SECRETS, HERE)
            outcome = await deliver(sink)
            await sink.close()
            return outcome

    assert isinstance(asyncio.run(play()), Retry)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("86400", 3_600.0),
        (format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(datetime.fromtimestamp(NOW, UTC) - timedelta(days=1), usegmt=True), 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 3_600.0),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(retry_after: str, seconds: float | None) -> None:
    found, _ = delivered((503, {"retry-after": retry_after}), clock=lambda: NOW)
    assert found == [Retry(seconds, "HTTP 503")]


@pytest.mark.parametrize("url", ["", "ftp://example.com", "file:///etc/passwd", "example.com/leads", "http://"])
def test_an_address_that_is_no_web_address_is_refused_at_the_start(url: str) -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "not:1",
        "LEADSTREAM_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    with pytest.raises(SettingsError, match="LEADSTREAM_WEBHOOK_URL"):
        destinations(RelaySettings.read(environ | {"LEADSTREAM_WEBHOOK_URL": url}), {})


def test_a_secret_that_is_none_is_named_and_not_shown() -> None:
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "not:1", "LEADSTREAM_WEBHOOK_URL": "https://crm.example/leads"}
    with pytest.raises(SettingsError, match="LEADSTREAM_WEBHOOK_SECRET") as error:
        destinations(RelaySettings.read(environ | {"LEADSTREAM_WEBHOOK_SECRET": "hunter2hunter2"}), {})
    assert "hunter2" not in str(error.value)
