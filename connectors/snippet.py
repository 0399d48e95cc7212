"""The script that web pages load: its bytes, as they are and compressed, under an ETag of their own."""

import gzip
from hashlib import blake2b
from pathlib import Path

from connectors.http import Answer, Headers

PATH = "/leadstream.js"
FILE = Path(__file__).parent / "web" / "leadstream.js"
KEPT_S = 3_600


class Snippet:
    """Answers requests for the script."""

    def __init__(self) -> None:
        self._plain = FILE.read_bytes()
        self._packed = gzip.compress(self._plain, 9, mtime=0)
        self._tag = f'"{blake2b(self._plain, digest_size=8).hexdigest()}"'.encode()

    def answer(self, headers: list[tuple[bytes, bytes]]) -> Answer:
        """Return the script, compressed where the browser says that it may be, or 304 where it has this one."""
        asked = dict(headers)
        common: Headers = (
            (b"etag", self._tag),
            (b"cache-control", b"public, max-age=%d" % KEPT_S),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
            (b"cross-origin-resource-policy", b"cross-origin"),
            (b"content-type", b"text/javascript; charset=utf-8"),
        )
        if asked.get(b"if-none-match") == self._tag:
            return Answer(304, headers=common)
        if b"gzip" in asked.get(b"accept-encoding", b""):
            return Answer(200, self._packed, (*common, (b"content-encoding", b"gzip")))
        return Answer(200, self._plain, common)
