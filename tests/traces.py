"""What gives a person away in stored bytes: each of their words, as written and as programs rewrite it."""

import base64
from collections.abc import Iterable
from hashlib import md5, sha1, sha256
from urllib.parse import quote

__all__ = ["found", "traces"]


def traces(words: Iterable[str]) -> dict[bytes, str]:
    """Return byte strings that give a person away, and what each is: plain, hex, base64, UTF-16, URL, plain hashes."""
    known: dict[bytes, str] = {}
    for word in words:
        for form in {word, word.lower(), word.upper(), word[::-1]}:
            raw = form.encode()
            ways = {
                "plain": raw,
                "hex": raw.hex().encode(),
                "UTF-16": form.encode("utf-16-le"),
                "URL": quote(form).encode(),
            }
            for shift in range(3):  # base64 of a word depends on where it stands; what borders on others is left out
                coded = base64.b64encode(b"\0" * shift + raw)
                inner = coded[4 if shift else 0 : -4]
                ways |= {f"base64 {shift}": inner, f"base64url {shift}": inner.translate(bytes.maketrans(b"+/", b"-_"))}
            for digest in (md5, sha1, sha256):
                made = digest(raw, usedforsecurity=False)
                ways |= {made.name: made.digest(), f"{made.name} in hex": made.hexdigest().encode()}
            known |= {way: f"{word}, {name}" for name, way in ways.items()}
    return known


def found(stored: bytes, known: dict[bytes, str]) -> list[str]:
    """Return what in some bytes gives the person away."""
    return sorted({name for way, name in known.items() if way in stored})
