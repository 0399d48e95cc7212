"""What a stranger may ask of us: decompressing a body without being blown up, and how often one sender may come."""

import zlib
from collections import OrderedDict
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from connectors.sources.contract import PARTS, Part, Refused

RATIO = 30
HARMLESS = 65_536  # a small batch of like events may well be packed tighter than 30:1
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
HEADER_BYTES = 16_384
SENDERS = 65_536  # remembered at once: some 15 MB
STORED_BYTES = 960_000  # the broker takes a record of a million, with what we put around the sender's bytes
PARTS_BYTES = 32 << 20
HOST_BITS = 64  # of an IPv6 address: its network is one customer's


def inflate(body: bytes, encoding: str, most: int) -> bytes:
    """Return the body without its content encoding, at most `most` bytes, and 30 times what came. Raises `Refused`.

    Decompression stops one byte past the limit: a bomb costs no more than an honest body.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in WINDOWS:
        raise Refused(415, "unknown_encoding", "Content-Encoding is gzip, deflate or none")
    allowed = min(most, max(RATIO * len(body), HARMLESS))
    stream = zlib.decompressobj(WINDOWS[encoding])
    try:
        out = stream.decompress(body, allowed + 1)
    except zlib.error:
        raise Refused(400, "invalid_encoding", f"the body is not {encoding}") from None
    if len(out) > allowed:
        raise Refused(413, "too_large", f"the body inflates to more than {allowed} bytes")
    if not stream.eof or stream.unused_data:
        raise Refused(400, "invalid_encoding", f"the body is not one whole {encoding} stream")
    return out


def check_type(content_type: str, types: tuple[str, ...]) -> None:
    """Take the content types of a source, or none named. Raises `Refused`."""
    if content_type and content_type.partition(";")[0].strip().lower() not in types:
        raise Refused(415, "unknown_content_type", f"Content-Type is one of {', '.join(types)}")


def storable(parts: list[Part]) -> list[Part]:
    """Return the parts, those refused that no broker would take: they would be sent again and again in vain.

    Raises `Refused` for a small request that would become a huge one, in events or in bytes.
    """
    if len(parts) > PARTS or (len(parts) > 1 and sum(len(part.body) for part in parts) > PARTS_BYTES):
        raise Refused(413, "too_many", f"a request may become {PARTS} events, and {PARTS_BYTES >> 20} MiB of them")
    return [part if len(part.body) + len(part.envelope) <= STORED_BYTES else _oversize(part) for part in parts]


def _oversize(part: Part) -> Part:
    return part._replace(problem="too_large", advice=f"an event may hold {STORED_BYTES} bytes")


@lru_cache(maxsize=SENDERS)
def caller(address: str) -> str:
    """Return for whom an address stands: itself, or an IPv6 address's network, all of which one customer has.

    >>> caller("203.0.113.9"), caller("2001:db8:1:2:3::4"), caller("::ffff:203.0.113.9")
    ('203.0.113.9', '2001:db8:1:2::', '203.0.113.9')
    """
    try:
        found = IPv6Address(address.partition("%")[0])
    except AddressValueError:
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> HOST_BITS << HOST_BITS))


class Pace:
    """A token bucket for each sender: `rate` requests a second, twice as many at once. Forgets the quietest.

    `setting` is what the operator would change; 0 = no limit.
    """

    def __init__(self, rate: float, setting: str = "LEADSTREAM_RATE_PER_S") -> None:
        self._rate, self._setting = rate, setting
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._rate)

    def check(self, sender: str, now: float) -> None:
        """Take a token; `now` is any clock in seconds. Raises `Refused(429)`."""
        if not self._rate:
            return
        burst = max(2 * self._rate, 1.0)
        tokens, since = self._buckets.pop(sender, (burst, now))
        tokens = min(burst, tokens + (now - since) * self._rate)
        self._buckets[sender] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if len(self._buckets) > SENDERS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Refused(429, "too_many_requests", f"slow down; {self._setting} says how far")
