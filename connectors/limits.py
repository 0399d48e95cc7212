"""What a stranger may ask of us: decompressing a body without being blown up, and how often one address may come."""

import zlib
from collections import OrderedDict

from connectors.sources.contract import Refused

RATIO = 30
HARMLESS = 65_536  # a small batch of like events may well be packed tighter than 30:1
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
HEADER_BYTES = 16_384
ADDRESSES = 65_536


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


class Pace:
    """A token bucket for each address: `rate` requests a second, twice as many at once. Forgets the quietest."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str, now: float) -> None:
        """Take a token; `now` is any clock in seconds. Raises `Refused(429)`."""
        if not self._rate:
            return
        burst = max(2 * self._rate, 1.0)
        tokens, since = self._buckets.pop(address, (burst, now))
        tokens = min(burst, tokens + (now - since) * self._rate)
        self._buckets[address] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Refused(429, "too_many_requests", "slow down; LEADSTREAM_RATE_PER_S says how far")
