"""Numbers as the bins they lie in: with a weight for each bin, a linear model can bend.

Of sizes people see ratios: one page and two are as far apart as ten and twenty. So edges lie where 1 + |x| is a power
of the square root of two, on either side of 0; and a bin goes from its edge up to the next. Bins are counted from that
of 0. Beyond the outermost edges there are none. `pages_30d#3` is a bin as a feature: that of two pages a month.
"""

from bisect import bisect_right
from math import sqrt

MARK = "#"
OCTAVES = 32
_UPWARDS = [2.0 ** (half // 2) * (sqrt(2.0) if half % 2 else 1.0) - 1.0 for half in range(1, 2 * OCTAVES + 1)]
EDGES = (*(-edge for edge in reversed(_UPWARDS)), *_UPWARDS)  # by roots and products: the same bits everywhere
ZERO, PLACES = len(_UPWARDS), len(EDGES) + 1


def bin_of(name: str, number: float) -> str:
    """Return the bin that a feature's number lies in, as a feature; "" where there is none.

    >>> [bin_of("pages_30d", number) for number in (0.0, 1.0, 2.0, 3.0, -3.5, 1e300)]
    ['pages_30d#0', 'pages_30d#2', 'pages_30d#3', 'pages_30d#4', 'pages_30d#-4', '']
    """
    place = bisect_right(EDGES, number)
    return f"{name}{MARK}{place - ZERO}" if 0 < place < PLACES - 1 else ""


def binned(feature: str) -> tuple[str, int]:
    """Return whose bin a feature is, and its place from the lowest edge on; ("", 0) of any other feature.

    >>> binned("pages_30d#2") == ("pages_30d", ZERO + 2), binned("pages_30d")
    (True, ('', 0))
    """
    name, _, number = feature.rpartition(MARK)
    sound = name and number.removeprefix("-").isdecimal() and abs(int(number)) < ZERO
    return (name, ZERO + int(number)) if sound else ("", 0)
