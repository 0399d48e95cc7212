"""Trees as arrays: all that it takes to score with them, and without what it takes to grow them."""

from array import array
from typing import NamedTuple

TREES, LEAVES = 80, 15  # at most, and leaves of each


class Forest(NamedTuple):
    """Trees laid out one after another, each from its node in `roots`.

    Of every node: the field that its split asks about (-1 = a leaf), the threshold, its left child (the right one
    follows), and what the log-odds are there, less those at the start.
    """

    roots: "array[int]"
    splits: "array[int]"
    thresholds: "array[float]"
    children: "array[int]"
    values: "array[float]"


def nothing() -> Forest:
    """Return no trees."""
    return Forest(array("i"), array("i"), array("f"), array("i"), array("d"))
