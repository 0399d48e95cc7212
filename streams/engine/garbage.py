"""The garbage collector and the allocator, told what kind of work this is."""

import ctypes
import gc
from contextlib import suppress


def spare() -> None:
    """Have the collector look less often, and not at what stands at start and stays.

    Records refer to nothing that refers back: reference counts free them. Cycles (of exceptions, of Faust's tasks) are
    still found, only later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # of new objects, of those looks, and of the wider ones that come of them


def give_back() -> None:
    """Let the system have what was freed and the C library keeps: after a restore of a million leads about 28 MiB.

    malloc_trim(3) of glibc, a few milliseconds; elsewhere nothing.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
