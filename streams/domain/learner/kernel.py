"""The arithmetic that is used here: compiled where there was a C compiler, else Python's; the same to the bit."""

from importlib import import_module
from types import ModuleType

from streams.domain.learner import plain

try:
    KERNEL: ModuleType = import_module("streams.domain.learner._native")
except ImportError:  # no compiler: Python does it, in more time
    KERNEL = plain
COMPILED = KERNEL is not plain
