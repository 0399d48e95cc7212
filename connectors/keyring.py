"""Write keys, signing secrets and their like: several at once, so that one can be changed without a gap."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple, Self

HASHED = "sha256="
ORIGIN = re.compile(r"https?://[^/?#\s@,;|]+")
DIGEST_BYTES = 32
OVERLAP = 2


class Key(NamedTuple):
    """One key: whose it is, what it hashes to, and the web origins it is for (none = from anywhere)."""

    name: str
    digest: bytes
    origins: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name:key`, or `name:sha256=HEX`; `;origins=https://a.example|https://b.example` may follow.

        Raises `ValueError`.
        """
        named, _, origins = text.partition(";origins=")
        name, _, key = named.strip().partition(":")
        if not (name and key):
            raise ValueError("write it as name:key,name:key")
        digest = bytes.fromhex(key.removeprefix(HASHED)) if key.startswith(HASHED) else digest_of(key)
        if len(digest) != DIGEST_BYTES:
            raise ValueError(f"after {HASHED} come {2 * DIGEST_BYTES} hexadecimal digits")
        return cls(name, digest, frozenset(web_origin(one) for one in origins.split("|") if one.strip()))


def web_origin(text: str) -> str:
    """Return an origin as browsers write it. Raises `ValueError` for what none of them would ever send.

    >>> web_origin(" https://Shop.example "), web_origin("http://127.0.0.1:8000")
    ('https://shop.example', 'http://127.0.0.1:8000')
    """
    origin = text.strip().lower()
    if not ORIGIN.fullmatch(origin):
        raise ValueError(f"{text.strip()} is no origin; write https://shop.example, without a path or a slash")
    return origin


class KeyRing:
    """Keys by name, kept as hashes; a name is there twice while its key is changed. The repr shows the names only.

    A plain hash is enough for keys that were drawn at random (`leadstream keys new`): nobody guesses 256 bits.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys = tuple(keys)
        self.origins = frozenset(origin for key in self._keys for origin in key.origins)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read keys, separated by commas, each as `Key.parse` has it. Raises `ValueError`."""
        keys = [Key.parse(part) for part in text.split(",") if part.strip()]
        if [name for name, count in Counter(key.name for key in keys).items() if count > OVERLAP]:
            raise ValueError(f"more than {OVERLAP} keys have the same name: the new one and the old one are enough")
        return cls(keys)

    def owner(self, given: str, origin: str = "") -> str:
        """Return the name of the key that was given, "" when it is none of ours, or not to be used from this origin.

        Takes as long for every wrong key.
        """
        offered, found = digest_of(given), ""
        for key in self._keys:
            if compare_digest(key.digest, offered) and (not key.origins or origin in key.origins):
                found = key.name
        return found

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key.name for key in self._keys)})"


def digest_of(key: str) -> bytes:
    """Return what is kept of a key: its SHA-256, 32 bytes."""
    return sha256(key.encode(errors="replace")).digest()


class Secrets:
    """The secrets of one sender: the new one, and the old one while it is being changed. The repr shows neither."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = tuple(secret.encode() for secret in secrets)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `new,old`."""
        return cls(*(secret.strip() for secret in text.split(",") if secret.strip()))

    def includes(self, given: str) -> bool:
        """Tell whether the secret that was given is one of these. Takes as long for every wrong one."""
        offered, found = given.encode(errors="replace"), False
        for secret in self:
            found |= compare_digest(secret, offered)
        return found

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._secrets)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __repr__(self) -> str:
        return f"Secrets({len(self._secrets)})"


class NamedSecrets:
    """The secrets of several senders by name. The repr shows the names only."""

    def __init__(self, secrets: Mapping[str, Secrets]) -> None:
        self._secrets = dict(secrets)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name:secret,name:secret`; a name is there twice while its secret is being changed.

        Raises `ValueError`.
        """
        found: dict[str, list[str]] = {}
        for pair in filter(None, (pair.strip() for pair in text.split(","))):
            name, _, secret = pair.partition(":")
            if not (name and secret):
                raise ValueError("write it as name:secret,name:secret")
            found.setdefault(name, []).append(secret)
        return cls({name: Secrets(*secrets) for name, secrets in found.items()})

    def of(self, name: str) -> Secrets:
        """Return one sender's secrets; none when it has none."""
        return self._secrets.get(name, Secrets())

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __repr__(self) -> str:
        return f"NamedSecrets({', '.join(self._secrets)})"
