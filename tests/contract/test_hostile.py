"""The collector among strangers that mean it harm, over raw sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from connectors import guard
from schemas.person import unseal
from schemas.topics import EVENTS_WEB
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import basic, settings

MOST = 20
AUTH = f"Authorization: {basic()['authorization']}".encode()
TRACK = b'{"anonymousId":"a-1","event":"x","messageId":"m-1"}'
LENGTH = b"Content-Length: %d" % len(TRACK)
CHUNKED = b"Transfer-Encoding: chunked"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(TRACK), TRACK)


@pytest.fixture(scope="module")
def running(broker: BrokerHandle) -> Iterator[Collecting]:
    with collecting(
        settings(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
            LEADSTREAM_COLLECTOR_PORT="0",
            LEADSTREAM_HEAD_TIMEOUT_S="1",
            LEADSTREAM_ADDRESS_CONNECTIONS=str(MOST),
        )
    ) as collector:
        yield collector


@pytest.fixture
def collector(running: Collecting) -> Collecting:
    return running.from_now_on()


def connected(collector: Collecting) -> socket.socket:
    host, _, port = collector.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def told(opened: socket.socket) -> bytes:
    """Everything that is answered until the connection ends; b"" when it ends without a word."""
    answer = b""
    try:
        while more := opened.recv(65_536):
            answer += more
    except ConnectionResetError:
        pass
    return answer


def posted(
    collector: Collecting, *headers: bytes, body: bytes = TRACK, line: bytes = b"POST /v1/track HTTP/1.1"
) -> bytes:
    head = b"\r\n".join([line, b"Host: collect.example", AUTH, b"Connection: close", *headers])
    with connected(collector) as opened:
        opened.sendall(head + b"\r\n\r\n" + body)
        return told(opened)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_plain_request_is_stored_by_length_and_in_chunks(collector: Collecting) -> None:
    assert status(posted(collector, LENGTH)) == 200
    assert status(posted(collector, CHUNKED, body=IN_CHUNKS)) == 200
    assert collector.bodies(EVENTS_WEB) == [TRACK, TRACK]


@pytest.mark.parametrize(
    "headers",
    [
        (LENGTH, CHUNKED),
        (CHUNKED, LENGTH),
        (LENGTH, b"Content-Length: 1"),
        (b"Content-Length: 5, 5",),
        (b"Content-Length: -1",),
        (b"Content-Length: +51",),
        (b"Content-Length: 0x33",),
        (b"Content-Length : 51",),
        (b"Transfer-Encoding: xchunked",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"X: y\rContent-Length: 51",),
        (b"X: \x00", LENGTH),
        (CHUNKED, CHUNKED),
        (b"Transfer-Encoding: chunked, chunked",),
        (b"Transfer-Encoding: identity, chunked", LENGTH),
        (b"Transfer-Encoding : chunked",),
        (b"Transfer-Encoding:\x0bchunked",),
        (b" Transfer-Encoding: chunked",),
        (b"X: y\nTransfer-Encoding: chunked",),
        (b"X:\r\n Transfer-Encoding: chunked", CHUNKED, LENGTH),
        (b"Content-Length: 18446744073709551667",),
        (b"Content-Length: 5 1",),
        (b"Content-Length:",),
    ],
)
def test_a_request_whose_end_two_readers_may_see_in_two_places_is_refused(
    collector: Collecting, headers: tuple[bytes, ...]
) -> None:
    smuggled = b"0\r\n\r\nPOST /v1/track HTTP/1.1\r\n" + AUTH + b"\r\n" + LENGTH + b"\r\n\r\n" + TRACK
    assert status(posted(collector, *headers, body=smuggled)) == 400
    assert collector.bodies(EVENTS_WEB) == []


@pytest.mark.parametrize(
    "chunk",
    [
        b"0x%x\r\n%b\r\n",
        b"+%x\r\n%b\r\n",
        b" %x\r\n%b\r\n",
        b"%x \r\n%b\r\n",
        b"%x\n%b\r\n",
        b"%x\r\n%b\n",
        b"%x\r\n%bx\r\n",
        b"%x;a=\x00\r\n%b\r\n",
        b"10000000000000000%x\r\n%b\r\n",
        b"-%x\r\n%b\r\n",
    ],
)
def test_a_chunk_whose_size_two_readers_may_see_differently_is_refused(collector: Collecting, chunk: bytes) -> None:
    assert status(posted(collector, CHUNKED, body=chunk % (len(TRACK), TRACK) + b"0\r\n\r\n")) == 400
    assert collector.bodies(EVENTS_WEB) == []


@pytest.mark.parametrize("line", [b"\x16\x03\x01\x02", b"PO ST / HTTP/1.1"])
def test_what_is_no_http_is_refused(collector: Collecting, line: bytes) -> None:
    assert status(posted(collector, LENGTH, line=line)) == 400
    assert collector.bodies(EVENTS_WEB) == []


def test_a_head_that_does_not_come_to_its_end_is_let_go_and_others_are_served_meanwhile(collector: Collecting) -> None:
    slow = [connected(collector) for _ in range(MOST - 1)]
    try:
        for number, opened in enumerate(slow):
            opened.sendall(b"" if number % 2 else b"POST /v1/track HTTP/1.1\r\nX: ")
        assert collector.ask("/v1/track", TRACK, **basic()).status == 200
        ends = [told(opened) for opened in slow]
        assert {status(answer) for answer in ends[::2]} == {408}
        assert set(ends[1::2]) == {b""}  # an answer might cross a request that begins just then
    finally:
        for opened in slow:
            opened.close()


def test_a_second_head_has_its_time_as_the_first_had(collector: Collecting) -> None:
    with connected(collector) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status(opened.recv(4_096)) == 200
        opened.sendall(b"POST /v1/track HTTP/1.1\r\nX: ")
        assert status(told(opened)) == 408


@pytest.mark.parametrize(("count", "fits"), [(MOST - 1, True), (MOST, True), (MOST + 1, False)])
def test_an_address_may_have_as_many_connections_as_the_limit(collector: Collecting, count: int, fits: bool) -> None:
    held = [connected(collector) for _ in range(count)]
    try:
        last = held[-1]
        last.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = told(last)
        assert status(answer) == (200 if fits else 503)  # at a 4xx some senders would give their lead up
        assert (b"retry-after: " in answer) == (not fits)
    finally:
        for opened in held:
            opened.close()


@pytest.mark.parametrize(("count", "fits"), [(MOST - 1, True), (MOST, True), (MOST + 1, False)])
def test_there_may_be_as_many_connections_as_the_limit_and_the_next_one_is_told_to_come_later(
    broker: BrokerHandle, count: int, fits: bool
) -> None:
    given = settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0", LEADSTREAM_CONNECTIONS=str(MOST)
    )
    with collecting(given) as collector:
        held = [connected(collector) for _ in range(count)]
        try:
            held[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert status(held[-1].recv(4_096)) == 200  # it is alive, however busy
            head = b"\r\n".join([b"POST /v1/track HTTP/1.1", b"Host: a", AUTH, LENGTH, b"Connection: close"])
            held[-1].sendall(head + b"\r\n\r\n" + TRACK)
            answer = told(held[-1])
            assert status(answer) == (200 if fits else 503)
            assert (b"retry-after: " in answer) == (not fits)
        finally:
            for opened in held:
                opened.close()
        assert len(collector.bodies(EVENTS_WEB)) == fits


@pytest.mark.parametrize("header", [LENGTH, CHUNKED])
def test_a_body_that_does_not_begin_is_let_go_as_its_sender_takes_it(collector: Collecting, header: bytes) -> None:
    for path, told_so in ((b"/v1/track", 408), (b"/v1/google/lead", 503)):  # at a 4xx Google gives its lead up
        answer = posted(collector, header, body=b"", line=b"POST %b HTTP/1.1" % path)
        assert status(answer) == told_so
        assert b"retry-after: " in answer


def test_what_comes_behind_a_body_is_no_header(collector: Collecting) -> None:
    head = b"POST /v1/track HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + CHUNKED + b"\r\n"
    for trailer in (AUTH, b"Content-Encoding: gzip", b"X-Forwarded-For: 203.0.113.9"):
        with connected(collector) as opened:
            opened.sendall(head + b"\r\n" + IN_CHUNKS[:-2] + trailer + b"\r\n\r\n")
            assert status(told(opened)) == 401
        with connected(collector) as opened:
            opened.sendall(head + AUTH + b"\r\n\r\n" + IN_CHUNKS[:-2] + trailer + b"\r\n\r\n")
            assert status(told(opened)) == 200
    stored = collector.stored(EVENTS_WEB)
    assert {unseal(event.person, event.person_key)["ip"] for _, event in stored} == {"127.0.0.0"}
    assert len(stored) == 3


@pytest.mark.parametrize("around", [b"1;", b"1\r\n{\r\n0\r\nX: ", b"1\r\n{\r\n0\r\n"])
def test_what_is_no_body_within_a_body_has_an_end(collector: Collecting, around: bytes) -> None:
    piece = b"X: y\r\n" * 1_000 if around.endswith(b"\n") else b"x" * 6_000
    with connected(collector) as opened:
        opened.sendall(b"\r\n".join([b"POST /v1/track HTTP/1.1", b"Host: a", AUTH, CHUNKED, b"", around]))
        sent = 0
        with suppress(OSError):
            while sent < 8 << 20:
                sent += opened.send(piece)
                time.sleep(0.001)  # a moment, in which the end is heard of
        assert sent < 8 << 20


@pytest.mark.parametrize("header", [b"Content-Type: application/xml", b"X: " + b"y" * 17_000])
def test_who_is_answered_and_does_not_come_to_an_end_is_let_go(collector: Collecting, header: bytes) -> None:
    with connected(collector) as opened:
        head = [b"POST /v1/track HTTP/1.1", b"Host: a", AUTH, header, b"Content-Length: 1000", b"", b"{"]
        opened.sendall(b"\r\n".join(head))
        assert status(opened.recv(4_096)) in (415, 431)
        opened.settimeout(0.1)
        drops, ended = 0, False
        while not ended and drops < 300:
            drops += 1
            try:
                opened.sendall(b" ")
                ended = opened.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended


def test_who_does_not_read_the_answer_is_let_go(collector: Collecting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "READ_S", 0.2)
    host, _, port = collector.url.removeprefix("http://").partition(":")
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        opened.settimeout(20)
        opened.connect((host, int(port)))
        opened.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 500)
        time.sleep(2.0)
        got = len(told(opened))
    whole = len(collector.ask("/openapi.json").body)
    assert got < 500 * whole


def test_who_reads_slowly_is_served(collector: Collecting) -> None:
    with connected(collector) as opened:
        opened.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        whole = 20 * len(collector.ask("/openapi.json").body)
        got = 0
        while got < whole:
            got += len(opened.recv(65_536))
            time.sleep(0.001)


def test_an_empty_line_keeps_no_connection(collector: Collecting) -> None:
    with connected(collector) as opened:
        opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert status(opened.recv(4_096)) == 200
        opened.sendall(b"\r\n")
        assert told(opened) == b""  # it ends, without a word


def test_who_sends_one_request_behind_another_is_answered_in_turn(collector: Collecting) -> None:
    head = b"\r\n".join([b"POST /v1/track HTTP/1.1", b"Host: a", AUTH])
    last = head + b"\r\n" + CHUNKED + b"\r\nConnection: close\r\n\r\n" + IN_CHUNKS
    with connected(collector) as opened:
        opened.sendall((head + b"\r\n" + LENGTH + b"\r\n\r\n" + TRACK) * 3 + last)
        assert told(opened).count(b"HTTP/1.1 200") == 4
    assert collector.bodies(EVENTS_WEB) == [TRACK] * 4


def test_a_head_without_end_is_refused_at_its_size(collector: Collecting) -> None:
    with connected(collector) as opened:
        opened.sendall(b"POST /v1/track HTTP/1.1\r\nX: " + b"x" * 70_000)
        assert status(told(opened)) == 431
