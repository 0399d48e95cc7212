"""State on disk, for more leads than memory holds: RocksDB, sized for many small partitions rather than one big one.

No write-ahead log: the changelog is one. After a crash RocksDB comes back at an earlier flush, rows and position
together, and the restore reads on from there; so an unclean end needs no marker. A store that was broken, or has not
been whole for longer than tombstones live, is thrown away: it might bring deleted leads back.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from streams.engine.store import STALE_S, Changes, StoreBroken

ROW, AFTER_ROWS = b"r", b"s"
LOG, POSITION, WHOLE_AT = b"m:log", b"m:position", b"m:whole_at"
SKEW_S = 3_600.0  # how far ahead of us the clock that wrote a time may have been
BROKEN = "BROKEN"
NOT_ITS_FAULT = ("lock", "No space left", "Permission denied", "Too many open files", "Read-only file system")


class Room(NamedTuple):
    """Memory that all stores of a worker share: cached blocks, and writes not flushed yet (their bytes count there)."""

    blocks: Cache
    writes: WriteBufferManager


def room(cache_bytes: int = 64 << 20, write_bytes: int = 32 << 20) -> Room:
    """Return room for a worker's stores. Where writes outgrow theirs, a store flushes early."""
    blocks = Cache(cache_bytes)
    return Room(blocks, WriteBufferManager.new_write_buffer_manager_with_cache(write_bytes, False, blocks))


class RocksStore:
    """Rows in a folder of their own. `now` is the wall clock's time of opening, in seconds."""

    def __init__(self, folder: Path, now: float, shared: Room | None = None) -> None:
        self._folder, self._room = folder, shared or room()
        if not self._sound(now):
            self._renew("", now)
        self.log = (self._meta(LOG) or b"").decode()
        self.position = int(self._meta(POSITION) or 0)

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        try:
            value: bytes | None = self._db.get(ROW + key)
        except Exception as error:
            raise self._broken(error) from error
        return value

    def apply(self, changes: Changes, position: int, whole_at: float | None = None) -> None:
        """Set rows and the position, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(ROW + key)
            else:
                batch.put(ROW + key, value)
        batch.put(POSITION, b"%d" % position)
        if whole_at is not None:
            batch.put(WHOLE_AT, b"%f" % whole_at)
        self._write(batch)
        self.position = position

    def reset(self, log: str, now: float) -> None:
        """Forget all rows: those to come are of that changelog, from its beginning."""
        self.close()
        self._renew(log, now)
        self.log, self.position = log, 0

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every row, by key."""
        rows = self._db.iter()
        rows.seek(ROW)
        while rows.valid():
            key, value = cast("tuple[bytes, bytes]", (rows.key(), rows.value()))  # raw mode: bytes
            if key >= AFTER_ROWS:
                return
            yield key[len(ROW) :], value
            rows.next()
        try:
            rows.status()  # it ends at a damaged block as it does behind the last row
        except Exception as error:
            raise self._broken(error) from error

    @property
    def size(self) -> int:
        """How many bytes its rows take, by RocksDB's estimate: flushed ones, compressed, and those in memory."""
        flushed = self._db.property_int_value("rocksdb.estimate-live-data-size") or 0
        return int(flushed + (self._db.property_int_value("rocksdb.cur-size-all-mem-tables") or 0))

    def __len__(self) -> int:
        return max(int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0) - 3, 0)

    def close(self) -> None:
        """Flush and close; the folder stays, for whoever owns the partition next on this machine."""
        with suppress(Exception):  # on a full disk what was flushed before stays, and the restore reads the rest again
            self._db.flush()
        with suppress(Exception):  # it flushes once more
            self._db.close()

    def _sound(self, now: float) -> bool:
        """Open what is there; tell whether it may be used. Raises `StoreBroken` when that is no fault of its own."""
        if (self._folder / BROKEN).exists():
            return False
        try:
            self._open()
        except StoreBroken:
            if not (self._folder / BROKEN).exists():
                raise
            return False
        with suppress(StoreBroken, ValueError):
            age_s = now - float(self._meta(WHOLE_AT) or "nan")
            if -SKEW_S <= age_s <= STALE_S:
                return True
        self.close()
        return False

    def _renew(self, log: str, now: float) -> None:
        """Begin with an empty folder. As it holds nothing, it is whole."""
        try:
            shutil.rmtree(self._folder)
        except FileNotFoundError:
            pass
        except OSError as error:  # to open what is left of it would be to take its rows for ours
            raise self._broken(error) from error
        self._open()
        batch = WriteBatch(raw_mode=True)
        batch.put(LOG, log.encode())
        batch.put(WHOLE_AT, b"%f" % now)
        self._write(batch)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(self._folder), _options(self._room))
        except Exception as error:
            if "lock" in str(error).lower():
                raise StoreBroken(f"{self._folder} is in use by another worker") from error
            raise self._broken(error) from error
        unlogged = WriteOptions()
        unlogged.disable_wal = True  # type: ignore[assignment, method-assign]  # a property, whatever its stub says
        self._db.set_write_options(unlogged)

    def _meta(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._broken(error) from error
        return value

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._db.write(batch)
        except Exception as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreBroken:
        """Mark the folder to be thrown away at the next start, unless the fault lies elsewhere: then it is sound."""
        if not any(sign in str(error) for sign in NOT_ITS_FAULT):
            with suppress(OSError):
                (self._folder / BROKEN).touch()
        return StoreBroken(f"{self._folder}: {error}")


def _options(shared: Room) -> Options:
    """Return options for one partition's table."""
    blocks = BlockBasedOptions()
    blocks.set_block_cache(shared.blocks)
    blocks.set_cache_index_and_filter_blocks(True)  # else they lie beside the cache, unbounded
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
    blocks.set_bloom_filter(10, False)  # most leads that are asked for first are new
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_manager(shared.writes)
    options.set_write_buffer_size(8 << 20)
    options.set_arena_block_size(64 << 10)  # what a store that is hardly written takes
    options.set_max_write_buffer_number(2)
    options.set_target_file_size_base(16 << 20)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1 << 20)
    return options
