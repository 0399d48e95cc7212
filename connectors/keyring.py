"""Write keys and their like: several at once, so that a key can be changed without a gap."""

from collections.abc import Mapping
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
