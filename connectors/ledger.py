"""Which records of each partition are being worked on, and how far a partition is settled without a gap."""

from connectors.reader import Spot

__all__ = ["Ledger"]


class Ledger:
    """Records are begun in the order of their offsets and settled in any."""

    def __init__(self) -> None:
        self._open: dict[Spot, dict[int, bool]] = {}

    def begin(self, spot: Spot, offset: int) -> None:
        """Note that a record is being worked on."""
        self._open.setdefault(spot, {})[offset] = False

    def settle(self, spot: Spot, offset: int) -> None:
        """Note that it is done; a partition forgotten meanwhile stays so."""
        if offset in self._open.get(spot, {}):
            self._open[spot][offset] = True

    def settled(self) -> dict[Spot, int]:
        """Return the offset to commit for each partition with news, and strike off what lies before it."""
        until: dict[Spot, int] = {}
        for spot, records in self._open.items():
            for offset in list(records):
                if not records[offset]:
                    break
                del records[offset]
                until[spot] = offset + 1
        return until

    def full(self, window: int) -> set[Spot]:
        """Return the partitions with so many records that are not struck off yet."""
        return {spot for spot, records in self._open.items() if len(records) >= window}

    def forget(self, spot: Spot) -> None:
        """Strike a partition off: it is somebody else's."""
        self._open.pop(spot, None)
