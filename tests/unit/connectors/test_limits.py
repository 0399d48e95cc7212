"""Limits: decompression stops in time, addresses are paced."""

import gzip
import time
import tracemalloc
import zlib
from bisect import bisect_left
from random import Random

import pytest

from connectors.limits import PARTS_BYTES, RATIO, SENDERS, Pace, check_type, inflate, storable
from connectors.sources import Refused
from connectors.sources.contract import JSON_TYPES, Part

MOST = 20_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize(("size", "fits"), [(MOST - 1, True), (MOST, True), (MOST + 1, False)])
def test_a_body_may_inflate_to_the_limit_and_no_further(encoding: str, size: int, fits: bool) -> None:
    plain = b"".join(b"%06d" % (number * 7919) for number in range(size // 6 + 1))[:size]
    packed = gzip.compress(plain) if encoding == "gzip" else zlib.compress(plain)
    if fits:
        assert inflate(packed, encoding, MOST) == plain
        return
    with pytest.raises(Refused) as refused:
        inflate(packed, encoding, MOST)
    assert refused.value.status == 413


def test_a_body_may_inflate_thirtyfold_and_no_further() -> None:
    noise = Random(1).randbytes(5_000)

    def packed(zeros: int) -> bytes:
        return gzip.compress(noise + bytes(zeros), mtime=0)

    zeros = bisect_left(range(1_000_000), True, key=lambda n: len(noise) + n > RATIO * len(packed(n)))
    inflate(packed(zeros - 1), "gzip", 10**6)
    with pytest.raises(Refused, match="inflates to more"):
        inflate(packed(zeros), "gzip", 10**6)


def test_a_bomb_costs_no_more_than_its_limit() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(Refused):
        inflate(bomb, "gzip", 1 << 20)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert spent < 0.05


@pytest.mark.parametrize("body", [b"", b"plain", gzip.compress(b"whole")[:-3], gzip.compress(b"whole") + b"more"])
def test_what_is_not_one_whole_stream_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        inflate(body, "gzip", MOST)
    assert refused.value.status in (400, 413)


@pytest.mark.parametrize(("over", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_request_may_become_as_many_bytes_as_the_limit_and_one_event_of_its_own_size(over: int, fits: bool) -> None:
    half = PARTS_BYTES // 2
    parts = [Part("1", "event", "v-1", bytes(half)), Part("2", "event", "v-1", bytes(half + over))]
    assert storable(parts[:1])[0].problem == "too_large"  # alone it is refused for itself
    if fits:
        assert len(storable(parts)) == 2
        return
    with pytest.raises(Refused) as refused:
        storable(parts)
    assert (refused.value.status, refused.value.code) == (413, "too_many")


def test_unknown_encodings_and_types_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        inflate(b"x", "br", MOST)
    assert refused.value.status == 415
    with pytest.raises(Refused):
        check_type("application/xml", JSON_TYPES)
    for known in ("", "text/plain;charset=UTF-8", "application/json"):
        check_type(known, JSON_TYPES)


def test_an_address_is_slowed_down_and_others_are_not() -> None:
    pace = Pace(rate=5.0)
    for _ in range(10):
        pace.check("a", now=0.0)
    with pytest.raises(Refused) as refused:
        pace.check("a", now=0.0)
    assert refused.value.status == 429
    pace.check("b", now=0.0)
    pace.check("a", now=0.2)  # a fifth of a second is one request


def test_without_a_rate_nobody_is_slowed_down() -> None:
    pace = Pace(rate=0.0)
    for _ in range(1_000):
        pace.check("a", now=0.0)


def test_as_many_senders_are_remembered_as_the_limit_and_the_quietest_is_forgotten() -> None:
    pace = Pace(rate=0.5)
    pace.check("first", now=0.0)
    for number in range(SENDERS - 1):
        pace.check(str(number), now=0.0)
    with pytest.raises(Refused):
        pace.check("first", now=0.0)
    pace.check("one more", now=0.0)  # "0" has been quiet for longest
    assert len(pace._buckets) == SENDERS
    pace.check("0", now=0.0)
