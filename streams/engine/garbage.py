"""The garbage collector, told what kind of work this is."""

import gc


def spare() -> None:
    """Have the collector look less often, and not at what stands at start and stays.

    Records refer to nothing that refers back: reference counts free them. Cycles (of exceptions, of Faust's tasks) are
    still found, only later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # of new objects, of those looks, and of the wider ones that come of them
