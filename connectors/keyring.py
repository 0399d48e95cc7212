"""Write keys, signing secrets and their like: several at once, so that one can be changed without a gap."""

from collections.abc import Iterator, Mapping
from hmac import compare_digest
from typing import Self


class KeyRing:
    """Keys by name. The repr shows the names only."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = {name: key.encode() for name, key in keys.items()}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name:key,name:key`. Raises `ValueError`."""
        pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
        if not all(name and key for name, _, key in pairs):
            raise ValueError("write it as name:key,name:key")
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("two keys have the same name")
        return cls({name: key for name, _, key in pairs})

    def owner(self, given: str) -> str:
        """Return the name of the key that was given, "" when it is none of ours. Takes as long for every wrong key."""
        offered, found = given.encode(errors="replace"), ""
        for name, key in self._keys.items():
            if compare_digest(key, offered):
                found = name
        return found

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"


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
