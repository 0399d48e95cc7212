"""How leads convert in the made-up world: one function of what anyone could have observed. The model must find it."""

from math import exp, log2
from typing import NamedTuple

INDUSTRIES = {"Software": 1.0, "Telecommunications": 0.8, "Logistics": 0.0, "Retail": -0.6, "Education": -1.0}
SENIORITY = {
    "Chief Operations Officer": 3,
    "VP of Sales": 3,
    "Head of Operations": 2,
    "Director of Marketing": 2,
    "Marketing Manager": 1,
    "Operations Specialist": 0,
    "Intern": -1,
}


class Seen(NamedTuple):
    """What could be observed of a lead by the time sales talked to it.

    `seniority` -1 (intern) to 3 (chief); `idle_days` before its last visit; `paid` = it first came by an advertisement.
    """

    seniority: int
    employees: int
    industry: str
    pricing_views: int
    demo_requested: bool
    email_clicks: int
    paid: bool
    idle_days: float


def log_odds(seen: Seen) -> float:
    """Return the log-odds that the lead converts."""
    return (
        -3.4
        + 0.7 * seen.seniority
        + 0.35 * (log2(max(seen.employees, 1)) - 6.0)
        + INDUSTRIES[seen.industry]
        + 0.6 * min(seen.pricing_views, 4)
        + 1.4 * seen.demo_requested
        + 0.5 * min(seen.email_clicks, 3)
        - 0.5 * seen.paid
        - 0.15 * min(seen.idle_days, 10.0)
    )


def chance(seen: Seen, noise: float = 0.0) -> float:
    """Return the probability that the lead converts; `noise` is all that nobody observes, in log-odds.

    >>> chance(Seen(2, 64, "Logistics", 0, False, 0, False, 0.0)) < 0.15
    True
    >>> chance(Seen(2, 64, "Logistics", 3, True, 1, False, 0.0)) > 0.8
    True
    """
    return 1.0 / (1.0 + exp(-(log_odds(seen) + noise)))
