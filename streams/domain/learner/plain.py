"""The classifier's arithmetic in Python: what `infra/native/learner.c` does, to the bit, where there is no C compiler.

A lead's features become *coordinates* of one table: indices into it and factors. Of each feature, in the order of
their names, three: its slope (factor = how many standard deviations it is from its mean, at most 4); its token (factor
1), of a number the half octave it lies in (sign, exponent and one bit of the mantissa), of a text its hash, or that it
is missing; its band (factor 1), of a number the half standard deviation it lies in, once `SETTLED` have been seen, else
none (factor 0). Octaves tell sizes apart, bands tell numbers apart that lie far from zero, as years do. Then each pair
of tokens, of the first `PAIRED` features. Where two share a cell, they share its weight: slopes only with slopes (a
16th of the table is theirs), words only with words (3/16), for pairs are far more than either.

A pool of experts learns beside one another. `table` (float32) holds for each cell the experts' weights, then what each
has spent there: its sum of squared gradients. `head` (float64) holds the experts' biases, discounted log-likelihoods
and shares. What fits in neither is an argument. The step is AdaGrad's (Duchi, Hazan & Singer 2011) in size and
importance-aware in length (Karampatziakis & Langford 2011): as far as infinitely many small steps would go, never past
the label. Shares follow the likelihoods as fixed share has it (Herbster & Warmuth 1998).

The more features there are, the shorter are the steps of each, by the square root; and experts differ in how far they
trust pairs, of which there are as many as features squared: all pairs of a feature together step `pairs` times as far
as its token. Who trusts none at all steps along slopes and words only: so few weights are soon learned.

Examples of one lead weigh 1/√n, and share one story: whoever leaps at its first rows is right about its others. As
witnesses for an expert they count by the fourth power, 1/n²: all rows of a lead together as less than two.
"""

from array import array
from collections.abc import MutableSequence, Sequence
from math import exp, floor, isfinite, log, sqrt
from struct import Struct
from typing import Any

PAIRED = 64  # features whose tokens are paired: the number of pairs grows with its square
HASHED = 256  # bytes of a text that are looked at
PLACES = 3  # coordinates of one feature, before the pairs
HEAD, STATS = 3, 3  # numbers of each expert in `head`; of each field in `stats`: count, mean, sum of squares about it
CLIP = 4.0  # standard deviations: nothing is extrapolated beyond
BANDS = 2.0  # in a standard deviation
SETTLED = 30.0  # numbers of a field, from which on its mean and spread are to be relied on
USUAL = 15.0  # features: with more, steps are shorter, with fewer, longer
FAR = 30.0  # log-odds: as sure as an expert may be
RARE = 1e-6  # a label's probability, as low as an expert is held to have given it
KEPT = 0.999  # of the log-likelihoods, witness by witness: a memory of a thousand
SHARED = 0.02  # of the shares each expert has at least
SHRINK = 0.01  # how fast a weight that is used goes back to nothing, in steps
HUGE = 2.0**99  # numbers are cut to it there
MISSING, TEXT = -3e38, 2.0**100  # to trees, which read float32: what is not there, and where texts begin
WIDEST = 64  # fields that trees look at: the first that turned up
_P1, _P2, _BASIS, _PRIME = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xCBF29CE484222325, 0x100000001B3
_SLOPE, _MISSING, _BAND, _64 = 0x5851F42D4C957F2D, 0x14057B7EF767814F, 0x2545F4914F6CDD1D, (1 << 64) - 1
_DOUBLE, _LONG, _FLOAT = Struct("<d"), Struct("<q"), Struct("<f")

Indices = MutableSequence[int]
Factors = MutableSequence[float]
Table = MutableSequence[float]


def encode(  # noqa: PLR0917 - as the compiled one takes them
    values: tuple[Any, ...],
    seeds: Sequence[int],
    slots: Sequence[int],
    stats: Sequence[float],
    bits: int,
    indices: Indices,
    factors: Factors,
) -> None:
    """Write the coordinates of `values` into a table of 2**`bits` cells: `count(len(values))` of them.

    `seeds` holds one 64-bit seed for each value, from its name; `slots` where its `stats` are.
    """
    slopes, words, others = _parts(1 << bits)
    tokens = []
    for at, value in enumerate(values):
        token, z, band, its = _MISSING, 0.0, None, words
        if isinstance(value, str):
            token = text_hash(value)
        else:
            x = _number(value)
            if x is not None:
                token = (_LONG.unpack(_DOUBLE.pack(x))[0] >> 51) & _64
                its = others
                z = _standard(x, stats, slots[at])
                band = _band(z, stats, slots[at])
        token = _mixed(token + seeds[at])
        tokens.append(token)
        first = PLACES * at
        indices[first], factors[first] = _within(_mixed(seeds[at] + _SLOPE), slopes), z
        indices[first + 1], factors[first + 1] = _within(token, its), 1.0
        indices[first + 2] = _within(_mixed(seeds[at] + _BAND + (band or 0)), others)
        factors[first + 2] = 0.0 if band is None else 1.0
    place, paired = PLACES * len(values), tokens[:PAIRED]
    for at, one in enumerate(paired):
        for other in paired[at + 1 :]:
            indices[place], factors[place] = _within(_mixed(one * _P1 + other), others), 1.0
            place += 1


def count(features: int) -> int:
    """Return how many coordinates a lead with so many features has.

    >>> count(3)
    12
    """
    paired = min(features, PAIRED)
    return PLACES * features + paired * (paired - 1) // 2


def observe(values: tuple[Any, ...], slots: Sequence[int], stats: MutableSequence[float]) -> None:
    """Take the numbers among `values` into the count, mean and sum of squares of their fields (Welford 1962)."""
    for slot, value in zip(slots, values, strict=True):
        x = None if isinstance(value, str) else _number(value)
        if x is None or STATS * slot >= len(stats):
            continue
        at = STATS * slot
        away = x - stats[at + 1]
        stats[at] += 1.0
        stats[at + 1] += away / stats[at]
        stats[at + 2] += away * (x - stats[at + 1])


def points(  # noqa: PLR0917 - as the compiled one takes them
    rows: tuple[tuple[Any, ...], ...],
    seeds: Sequence[int],
    slots: Sequence[int],
    stats: Sequence[float],
    bits: int,
    weights: Table,
    out: Factors,
) -> None:
    """Write each feature's share of the log-odds into `out`, half of a pair's to either; `rows` are leads' values."""
    for number, values in enumerate(rows):
        features, first = len(values), number * len(values)
        indices, factors = [0] * count(features), [0.0] * count(features)
        encode(values, seeds, slots, stats, bits, indices, factors)
        for one in range(features):
            total = 0.0
            for at in range(PLACES * one, PLACES * one + PLACES):
                total += weights[indices[at]] * factors[at]
            out[first + one] = total
        at, paired = PLACES * features, min(features, PAIRED)
        for one in range(paired):
            for other in range(one + 1, paired):
                half = 0.5 * weights[indices[at]]
                out[first + one] += half
                out[first + other] += half
                at += 1


def blend(indices: Indices, factors: Factors, features: int, table: Table, head: Sequence[float]) -> float:
    """Return the pool's log-odds: the experts' own, each at most `FAR`, weighted by their shares."""
    experts, total = len(head) // HEAD, 0.0
    for expert, logit in enumerate(_logits(indices, factors, count(features), table, head)):
        total += head[2 * experts + expert] * logit
    return total


def step(  # noqa: PLR0917 - as the compiled one takes them
    indices: Indices,
    factors: Factors,
    features: int,
    table: Table,
    head: MutableSequence[float],
    rates: Sequence[float],
    pairs: Sequence[float],
    base_rate: float,
    spent: float,
    label: bool,
    weight: float,
) -> None:
    """Learn one label: share the pool anew by how likely each expert held it, then let each take its step.

    `rates` are the experts' step sizes, `pairs` how many times as far all pairs of a feature step together,
    `base_rate` the step size of the biases, which does not shrink; `spent` is what every cell counts as spent from the
    start.
    """
    experts, places, first = len(head) // HEAD, count(features), PLACES * features
    shorter, others = sqrt(USUAL / features) if features else 1.0, max(min(features, PAIRED) - 1, 1)
    logits = _logits(indices, factors, places, table, head)
    best, total = float("-inf"), 0.0
    told = weight * weight * weight * weight if weight < 1.0 else weight
    kept = KEPT**told
    for e in range(experts):
        right = 1.0 / (1.0 + exp(-logits[e] if label else logits[e]))
        head[experts + e] = kept * head[experts + e] + told * log(max(right, RARE))
        best = max(best, head[experts + e])
    for e in range(experts):
        head[2 * experts + e] = exp(head[experts + e] - best)
        total += head[2 * experts + e]
    for e in range(experts):
        head[2 * experts + e] = (1.0 - SHARED * experts) * (head[2 * experts + e] / total) + SHARED
    for e in range(experts):
        margin = logits[e] if label else -logits[e]
        wrong, reach, total = 1.0 / (1.0 + exp(margin)), [0.0] * places, base_rate
        of_one = rates[e] * shorter
        of_pair = of_one * (pairs[e] / others)
        straight = pairs[e] == 0.0
        its = first if straight else places
        for at in range(its):
            if factors[at] == 0.0 or (straight and at % PLACES and factors[at - at % PLACES] != 0.0):
                continue
            cell, slope = 2 * experts * indices[at] + e, wrong * factors[at]
            used = table[cell + experts] + slope * slope * weight
            table[cell + experts] = used
            reach[at] = (of_one if at < first else of_pair) / sqrt(spent + used)
            total += reach[at] * (factors[at] * factors[at])
        total *= weight
        by = _moved(margin, total) / total * weight if total > 0.0 else 0.0
        by = by if label else -by
        for at in range(its):
            cell = 2 * experts * indices[at] + e
            table[cell] = table[cell] * (1.0 - SHRINK * reach[at]) + reach[at] * factors[at] * by
        head[e] += base_rate * by


def fold(table: Table, head: Sequence[float], weights: Table) -> None:
    """Write the pool's weights, blended by their shares, into a table of one weight for each cell."""
    experts = len(head) // HEAD
    for cell in range(len(table) // (2 * experts)):
        total = 0.0
        for e in range(experts):
            total += head[2 * experts + e] * table[2 * experts * cell + e]
        weights[cell] = total


def row(values: tuple[Any, ...], slots: Sequence[int], out: Table) -> None:
    """Write values where trees look for them, by their fields' slots: numbers, texts as numbers from `TEXT` on."""
    for slot, value in zip(slots, values, strict=True):
        if slot >= len(out):
            continue
        if isinstance(value, str):
            out[slot] = TEXT * (1.0 + (text_hash(value) >> 41) / 2.0**23)
        else:
            x = _number(value)
            if x is not None:
                out[slot] = min(max(x, -HUGE), HUGE)


def climb(  # noqa: PLR0917 - as the compiled one takes them
    row: Table,
    roots: Indices,
    splits: Indices,
    thresholds: Table,
    children: Indices,
    values: Factors,
    shares: Factors | None = None,
) -> float:
    """Return the sum of the leaves that a row comes to; add to `shares`, by field, what each split on the way changed.

    Raises `IndexError` where the trees are none: a child before its parent, or a field that no row has.
    """
    total = 0.0
    for root in roots:
        at = root
        if not 0 <= at < len(splits):
            raise IndexError("climb: a root")
        while splits[at] >= 0:
            field, child, asked = splits[at], children[at], thresholds[at]
            if child <= at or child + 1 >= len(splits) or field >= WIDEST:
                raise IndexError("climb: a node")
            x = row[field]
            child += x != asked if asked >= TEXT else x > asked
            if shares is not None:
                shares[field] += values[child] - values[at]
            at = child
        total += values[at]
    return total


def join(points: Factors, slots: Sequence[int], shares: Factors, of_points: float, of_shares: float) -> None:
    """Weight each feature's points, and add its share by its field's slot, weighted too."""
    for at, slot in enumerate(slots):
        points[at] = of_points * points[at] + (of_shares * shares[slot] if slot < len(shares) else 0.0)


def text_hash(text: str) -> int:
    """Return the 64-bit FNV-1a hash of the first `HASHED` bytes: the same in every process, unlike Python's own.

    >>> hex(text_hash("a"))
    '0xaf63dc4c8601ec8c'
    """
    h = _BASIS
    for byte in text.encode("utf-8", "surrogatepass")[:HASHED]:
        h = ((h ^ byte) * _PRIME) & _64
    return h


def _logits(indices: Indices, factors: Factors, places: int, table: Table, head: Sequence[float]) -> "array[float]":
    experts = len(head) // HEAD
    out = array("d", head[:experts])
    for at in range(places):
        cell = 2 * experts * indices[at]
        for e in range(experts):
            out[e] += table[cell + e] * factors[at]
    for e in range(experts):
        out[e] = min(max(out[e], -FAR), FAR)
    return out


def _moved(margin: float, reach: float) -> float:
    """Return how far the margin m goes from `margin` when dm/dt = 1 / (1 + e^m) for a time of `reach`.

    That is the root of m + e^m = margin + e^margin + reach, by Newton's method.
    """
    start = exp(margin)
    total = margin + start + reach
    at = margin + reach / (1.0 + start) if reach < 1.0 else log(total) if total > 1.0 else total
    for _ in range(16):
        grown = exp(at)
        change = (at + grown - total) / (1.0 + grown)
        at -= change
        if abs(change) < 1e-11:
            break
    return at - margin


def _standard(x: float, stats: Sequence[float], slot: int) -> float:
    at = STATS * slot
    if at >= len(stats) or stats[at] <= 1.0 or stats[at + 2] <= 0.0:
        return 0.0
    z = (x - stats[at + 1]) / sqrt(stats[at + 2] / stats[at])
    return min(max(z, -CLIP), CLIP)


def _band(z: float, stats: Sequence[float], slot: int) -> int | None:
    at = STATS * slot
    return floor(z * BANDS) if at < len(stats) and stats[at] >= SETTLED else None


def _number(value: object) -> float | None:
    """Return a value as a finite number, without a negative zero; None when it is missing or no number."""
    if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
        return None
    try:
        x = float(value)  # type: ignore[arg-type]  # it has just been asked
    except (TypeError, ValueError, OverflowError):
        return None
    return x + 0.0 if isfinite(x) else None


def _parts(size: int) -> tuple[range, range, range]:
    """Return the cells of slopes, of words, and of bins and pairs."""
    return range(size >> 4), range(size >> 4, size >> 2), range(size >> 2, size)


def _within(mixed: int, part: range) -> int:
    return part.start + ((mixed >> 32) * len(part) >> 32)


def _mixed(t: int) -> int:
    t = (t * _P1) & _64
    t ^= t >> 29
    t = (t * _P2) & _64
    return t ^ (t >> 32)
