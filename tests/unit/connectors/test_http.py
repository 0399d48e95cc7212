"""Reading a request's body: limits at the limit, and bodies that never end."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from connectors import http
from connectors.http import GRACE_S, body_of, due_s, headers_of
from connectors.settings import CollectorSettings
from connectors.sources import Refused
from connectors.sources.contract import JSON_TYPES

MOST = 2_048
SETTINGS = CollectorSettings.read(
    {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "LEADSTREAM_PEPPER": "pepper-for-tests-only",
        "LEADSTREAM_BODY_BYTES": str(MOST),
        "LEADSTREAM_BODY_TIMEOUT_S": "0.2",
    }
)


def read(pieces: list[bytes], headers: dict[str, str] | None = None, ends: str = "whole") -> bytes:
    """Read a body that comes in pieces and is then whole, cut off, or never continued."""
    left = list(pieces)

    async def receive() -> MutableMapping[str, Any]:
        if left:
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left) or ends != "whole"}
        if ends == "silence":
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    return asyncio.run(body_of(receive, headers or {}, SETTINGS, JSON_TYPES, begun=bool(pieces)))


@pytest.mark.parametrize(("size", "fits"), [(MOST - 1, True), (MOST, True), (MOST + 1, False)])
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_body_may_be_as_long_as_the_limit(size: int, fits: bool, pieces: int) -> None:
    body = [b"x" * (size // pieces)] * (pieces - 1)
    body.append(b"x" * (size - sum(map(len, body))))
    if fits:
        assert read(body) == b"x" * size
        return
    with pytest.raises(Refused) as refused:
        read(body)
    assert refused.value.status == 413


def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    with pytest.raises(Refused) as refused:
        read([], {"content-length": str(MOST + 1)}, ends="silence")
    assert refused.value.status == 413


def test_an_endless_body_is_refused_at_the_limit() -> None:
    with pytest.raises(Refused) as refused:
        read([b"x" * 1_000] * 1_000, ends="silence")
    assert refused.value.status == 413


@pytest.mark.parametrize("pieces", [[], [b"{"]])
def test_a_body_that_does_not_come_or_does_not_go_on_is_given_up(pieces: list[bytes]) -> None:
    with pytest.raises(Refused) as refused:
        read(pieces, ends="silence")
    assert refused.value.status == 408


@pytest.mark.parametrize("pieces", [[], [b"{"]])
def test_a_connection_that_ends_too_early_is_no_request(pieces: list[bytes]) -> None:
    with pytest.raises(Refused, match="ended before"):
        read(pieces, ends="cut off")


@pytest.mark.parametrize(("size", "fits"), [(16_383, True), (16_384, True), (16_385, False)])
def test_headers_have_16_kilobytes(size: int, fits: bool) -> None:
    scope: MutableMapping[str, Any] = {"headers": [(b"x", b"y" * (size - 1))]}
    if fits:
        assert headers_of(scope) == {"x": "y" * (size - 1)}
        return
    with pytest.raises(Refused) as refused:
        headers_of(scope)
    assert refused.value.status == 431


@pytest.mark.parametrize(("length", "due"), [(0, GRACE_S), (1_024, GRACE_S + 1), (4_096, GRACE_S + 4), (1 << 20, 10.0)])
def test_a_body_has_its_first_seconds_then_a_second_for_each_kilobyte_and_ten_in_all(length: int, due: float) -> None:
    given = SETTINGS.model_copy(update={"body_timeout_s": 10.0})
    assert due_s(length, given) == due
    assert due_s(length, given.model_copy(update={"body_rate": 0})) == 10.0


@pytest.mark.parametrize(("rate", "fits"), [(1_024, False), (0, True)])
def test_a_sender_that_trickles_is_let_go_long_before_its_body_could_be_whole(
    rate: int, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "GRACE_S", 0.02)
    given = SETTINGS.model_copy(update={"body_timeout_s": 60.0, "body_rate": rate})
    came = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal came
        came += 1
        await asyncio.sleep(0.002)
        return {"type": "http.request", "body": b"x", "more_body": came < 100}

    if fits:
        assert len(asyncio.run(body_of(receive, {}, given, JSON_TYPES, begun=True))) == 100
        return
    with pytest.raises(Refused) as refused:
        asyncio.run(body_of(receive, {}, given, JSON_TYPES, begun=True))
    assert refused.value.status == 408
    assert came < 100
