"""State on disk, for more leads than memory holds: RocksDB, sized for many small partitions rather than one big one.

No write-ahead log: the changelog is one. After a crash RocksDB comes back at an earlier flush, rows and position
together, and the restore reads on from there. A store that was broken, or lay idle for longer than tombstones live, is
thrown away: it might bring deleted leads back.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

from streams.engine.store import StoreBroken

ROW, AFTER_ROWS = b"r", b"s"
POSITION, USED_AT = b"m:position", b"m:used_at"
STALE_S = 3.5 * 86_400  # half of what tombstones live (`schemas.topics`)
BROKEN = "BROKEN"


class RocksStore:
    """Rows in a folder of their own. `now` is the wall clock's time of opening, in seconds."""

    def __init__(self, folder: Path, now: float) -> None:
        self._folder = folder
        if not self._sound(now):
            shutil.rmtree(folder)
            self._open()
        self.position = int(self._meta(POSITION) or 0)

    def get(self, key: str) -> bytes | None:
        """Return a row."""
        try:
            value: bytes | None = self._db.get(ROW + key.encode())
        except Exception as error:
            raise self._broken(error) from error
        return value

    def apply(self, changes: Mapping[str, bytes | None], position: int) -> None:
        """Set rows (None removes one) and the position, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(ROW + key.encode())
            else:
                batch.put(ROW + key.encode(), value)
        batch.put(POSITION, b"%d" % position)
        batch.put(USED_AT, b"%f" % time.time())
        try:
            self._db.write(batch)
        except Exception as error:
            raise StoreBroken(f"{self._folder}: {error}") from error  # a full disk: what is there is sound
        self.position = position

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every row, by key."""
        found = cast("Iterator[tuple[bytes, bytes]]", self._db.items(from_key=ROW))  # raw mode: bytes
        for key, value in found:
            if key >= AFTER_ROWS:
                return
            yield key[len(ROW) :].decode(), value

    def __len__(self) -> int:
        return max(int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0) - 2, 0)

    def close(self) -> None:
        """Flush and close; the folder stays, for whoever owns the partition next on this machine."""
        self._db.flush()
        self._db.close()

    def _sound(self, now: float) -> bool:
        """Open what is there; tell whether it may be used."""
        if (self._folder / BROKEN).exists():
            return False
        self._open()
        try:
            fresh = now - float(self._meta(USED_AT) or now) <= STALE_S
        except StoreBroken:
            fresh = False
        if not fresh:
            self._db.close()
        return fresh

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(self._folder), _options())
        except Exception as error:
            if "lock" in str(error).lower():
                raise StoreBroken(f"{self._folder} is in use by another worker") from error
            shutil.rmtree(self._folder)
            self._db = Rdict(str(self._folder), _options())
        unlogged = WriteOptions()
        unlogged.disable_wal = True  # type: ignore[assignment, method-assign]  # a property, whatever its stub says
        self._db.set_write_options(unlogged)

    def _meta(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._broken(error) from error
        return value

    def _broken(self, error: Exception) -> StoreBroken:
        """Mark the folder to be thrown away at the next start."""
        (self._folder / BROKEN).touch()
        return StoreBroken(f"{self._folder}: {error}")


def _options() -> Options:
    """Return options for one partition's table: about 32 MiB at most, in memory and cache."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(Cache(16 << 20))
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_size(8 << 20)
    options.set_max_write_buffer_number(2)
    options.set_target_file_size_base(16 << 20)
    options.set_max_open_files(256)
    return options
