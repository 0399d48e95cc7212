"""One look at a profile at one moment: what its features share, counted in a single pass over its days."""

from msgspec import Struct

from schemas.records import LeadProfile
from streams.domain.profile import DAY_S, PAID, PASSIVE
from streams.domain.seen import MACHINE

HORIZON = 400  # days; older counts have faded to nothing
FADE_1, FADE_7, FADE_30 = ([0.5 ** (age / half_life) for age in range(HORIZON)] for half_life in (1, 7, 30))
INACTIVE = frozenset({MACHINE, PAID, *(kind.value for kind in PASSIVE)})


class Glance(Struct, frozen=True, gc=False):
    """A profile at a moment: `day`, `week` and `month` are counts by kind, faded with those half-lives."""

    profile: LeadProfile
    now: float
    day: dict[str, float]
    week: dict[str, float]
    month: dict[str, float]
    active_days: int


def glance(profile: LeadProfile, now: float) -> Glance:
    """Look at a profile at `now` (seconds since the epoch); days after it are not seen."""
    today = int(now // DAY_S)
    day: dict[str, float] = {}
    week: dict[str, float] = {}
    month: dict[str, float] = {}
    active = 0
    for past in profile.days:
        age = today - past.day
        if not 0 <= age < HORIZON:
            continue
        by_1, by_7, by_30 = FADE_1[age], FADE_7[age], FADE_30[age]
        human = False
        for name, count in past.counts.items():
            if name in month:
                day[name] += by_1 * count
                week[name] += by_7 * count
                month[name] += by_30 * count
            else:
                day[name], week[name], month[name] = by_1 * count, by_7 * count, by_30 * count
            human = human or name not in INACTIVE
        active += human
    return Glance(profile, now, day, week, month, active)
