"""What trees take most time for when they grow, in numpy: what `infra/native/trees.c` does, to the bit, without it."""

import numpy as np
from numpy.typing import NDArray

RIDGE = 1.0
LEAST = 1.0  # of the curvature, p (1 - p), on either side of a split
NUMBERS, BINS = 33, 64  # bins of a field: what is missing and numbers, then texts, the last of them any other text

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Codes = NDArray[np.uint8]
Split = tuple[float, int, float, float, float, float]


def tally(  # noqa: PLR0917 - as the compiled one takes them
    codes: Codes, rows: Rows, slopes: Floats, curves: Floats, first: Floats, second: Floats
) -> None:
    """Add the slopes and the curves of `rows` to `first` and `second`, by field and by the bin that it is in."""
    fields = codes.shape[1]
    cells = (codes[rows] + np.arange(fields) * BINS).ravel()
    for into, of in ((first, slopes), (second, curves)):
        np.add(into, np.bincount(cells, np.repeat(of[rows], fields), fields * BINS).reshape(into.shape), out=into)


def split(slopes: Floats, curves: Floats, usable: NDArray[np.bool_]) -> Split:
    """Return where to split rows of such sums: after a bin of numbers, or one text from the rest.

    That is (gain, field * `BINS` + bin, slope and curve to the left, and to the right); no gain = nowhere.
    """
    slope, curve = (float(np.cumsum(sums[0])[-1]) for sums in (slopes, curves))
    left, under = slopes.copy(), curves.copy()
    np.cumsum(slopes[:, :NUMBERS], axis=1, out=left[:, :NUMBERS])
    np.cumsum(curves[:, :NUMBERS], axis=1, out=under[:, :NUMBERS])
    right, over = slope - left, curve - under
    gains = left * left / (under + RIDGE) + right * right / (over + RIDGE) - slope * slope / (curve + RIDGE)
    gains[~usable | (under < LEAST) | (over < LEAST)] = 0.0
    best = int(gains.argmax())
    at = divmod(best, BINS)
    if gains[at] <= 0.0:
        return 0.0, 0, 0.0, 0.0, slope, curve
    return float(gains[at]), best, float(left[at]), float(under[at]), float(right[at]), float(over[at])
