"""What the engine tells of records that carry a trace: it knows headers, and nothing of who traces."""

from collections.abc import Iterable
from typing import Any, Protocol

__all__ = ["Headers", "Traces"]

Headers = list[tuple[str, str | bytes | None]]  # as librdkafka has them


class Traces(Protocol):
    """Follows the traced records of one round at a time. Nothing of it is told before the round has committed."""

    def enter(self, agent: str, headers: Iterable[tuple[str, Any]]) -> Headers | None:
        """Begin with a record; return the headers of what is made of it, None when it is not traced."""

    def leave(self, fate: str, reason: str) -> None:
        """Note what became of the record that was entered."""

    def committed(self, records: int) -> None:
        """The round of so many records has committed."""

    def undone(self) -> None:
        """The round was undone: its records come again."""
