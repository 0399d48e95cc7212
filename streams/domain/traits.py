"""Traits: the non-personal properties of a lead that may be kept, and what a model sees of the free ones.

Five are always kept. Four of what a profile holds have features of their own; any other becomes features here:
a number as its logarithm and as the bin it falls in (so that a linear model can bend), a text or a boolean as itself.
`trait:team_size`, `trait:team_size#12` and `trait:industry=software` are such features.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from math import copysign, floor, isfinite, log1p, log2

from schemas.records import Trait

ALWAYS = frozenset({"industry", "employees", "title", "seniority", "country"})
OWN_FEATURES = frozenset({"account", "employees", "title", "seniority"})
PREFIX = "trait:"
LONGEST = 64
CODES = 32  # whole numbers below this are often codes or counts: each is a bin of its own
FAINTEST, LARGEST = -16, 16  # as powers of two: bins stop there
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def kept(traits: Mapping[str, str], allowed: frozenset[str]) -> dict[str, str]:
    """Return the traits that may be kept: those that always are, and the `allowed` ones.

    >>> kept({"industry": "SaaS", "plan": "trial", "shoe_size": "44"}, frozenset({"plan"}))
    {'industry': 'SaaS', 'plan': 'trial'}
    """
    return {name: value for name, value in traits.items() if name in ALWAYS or name in allowed} if traits else {}


def trait_features(traits: Mapping[str, Trait], now: float) -> dict[str, float]:
    """Return the features of a lead's traits as they were stated by `now`; always finite."""
    found: dict[str, float] = {}
    for name, trait in traits.items():
        if name not in OWN_FEATURES and trait.at <= now:
            found.update(_seen_as(name, trait.value))
    return found


def group(feature: str) -> str:
    """Return which trait a flag (a feature that is 1 or absent) is a value of; "" for all other features.

    >>> group("trait:industry=software"), group("trait:visits#3"), group("trait:visits"), group("pages_7d")
    ('trait:industry', 'trait:visits', '', '')
    """
    if not feature.startswith(PREFIX):
        return ""
    found = re.search("[=#]", feature)
    return feature[: found.start()] if found else ""


@lru_cache(maxsize=16_384)
def _seen_as(name: str, value: str) -> tuple[tuple[str, float], ...]:
    """Return a trait's features with their values.

    >>> _seen_as("plan", "Trial "), _seen_as("visits", "3")
    ((('trait:plan=trial', 1.0),), (('trait:visits', 1.3862943611198906), ('trait:visits#3', 1.0)))
    """
    value = value.strip().lower()[:LONGEST]
    number = float(value) if _NUMBER.fullmatch(value) else float("nan")
    if isfinite(number):
        return (f"{PREFIX}{name}", copysign(log1p(abs(number)), number)), (f"{PREFIX}{name}#{_bin(number)}", 1.0)
    return ((f"{PREFIX}{name}={value}", 1.0),) if value else ()


def _bin(number: float) -> str:
    """Return the bin of a number: itself when it is small and whole, else the power of two below it.

    >>> [_bin(x) for x in (0.0, 7.0, -7.0, 7.5, 40.0, -40.0, 1e-300, 1e300)]
    ['0', '7', '-7', '2^2', '2^5', '-2^5', '2^-16', '2^16']
    """
    if number == int(number) and abs(number) < CODES:
        return f"{int(number)}"
    power = min(max(floor(log2(abs(number))), FAINTEST), LARGEST)
    return f"{'-' if number < 0 else ''}2^{power}"
