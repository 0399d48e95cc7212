"""What a model sees of a lead: one small function per feature, each of a glance at a profile at one moment.

To add one: write the function with a doctest, list it in `FIT` (who they are) or `ENGAGEMENT` (what they do).
Its name is its name everywhere: in the model, on the routed lead, on the dashboard.
What leads state of themselves beyond that needs no function: see `streams.domain.traits`.
Counts fade with a half-life of 1, 7 or 30 days and enter as log(1 + count); durations as log(1 + hours).
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import log1p, log10

from schemas.records import Day, LeadProfile, Trait  # noqa: F401 (the doctests need them all)
from streams.domain.glance import Glance, glance
from streams.domain.profile import DAY_S, PAID, PAID_MEDIA  # noqa: F401 (so do they this)
from streams.domain.seen import MACHINE
from streams.domain.traits import LONGEST, PREFIX, trait_features

HOUR_S = 3600.0
LONG_AGO = log1p(365 * 24.0)  # stands for "never"
INDUSTRIES = frozenset(
    {"software", "saas", "it services", "technology", "financial services", "insurance", "telecommunications"}
)
SENIORITY = (  # the first word found in a title decides
    (
        1.0,
        (
            "chief",
            "founder",
            "owner",
            "president",
            "ceo",
            "cto",
            "cfo",
            "cmo",
            "coo",
            "cio",
            "partner",
            "executive",
            "c-level",
        ),
    ),
    (0.9, ("vp", "vice", "svp", "evp")),
    (0.7, ("head", "director")),
    (0.5, ("manager", "lead", "principal", "senior")),
    (0.1, ("intern", "student", "trainee", "assistant")),
)


def hours_since_last_touch(lead: Glance) -> float:
    """How long we have not heard from the lead.

    >>> hours_since_last_touch(glance(LeadProfile(lead_id="e-1", last_seen=7_200.0), now=7_200.0))
    0.0
    """
    last = lead.profile.last_seen
    return log1p(max(lead.now - last, 0.0) / HOUR_S) if last else LONG_AGO


def hours_since_first_touch(lead: Glance) -> float:
    """How long we have known the lead.

    >>> round(hours_since_first_touch(glance(LeadProfile(lead_id="e-1", first_seen=3_600.0), now=7_200.0)), 3)
    0.693
    """
    first = lead.profile.first_seen
    return log1p(max(lead.now - first, 0.0) / HOUR_S) if first else 0.0


def active_days(lead: Glance) -> float:
    """On how many days the lead came, of the latest thirty.

    >>> round(active_days(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 9})]), now=0.0)), 3)
    0.693
    """
    return log1p(lead.active_days)


def pages_1d(lead: Glance) -> float:
    """Pages seen today, by and large.

    >>> round(pages_1d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 2})]), now=DAY_S)), 3)
    0.693
    """
    return log1p(lead.day.get("page", 0.0))


def pages_7d(lead: Glance) -> float:
    """Pages seen this week, by and large.

    >>> round(pages_7d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 2})]), now=7 * DAY_S)), 3)
    0.693
    """
    return log1p(lead.week.get("page", 0.0))


def pages_30d(lead: Glance) -> float:
    """Pages seen this month, by and large.

    >>> round(pages_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 2})]), now=30 * DAY_S)), 3)
    0.693
    """
    return log1p(lead.month.get("page", 0.0))


def pricing_7d(lead: Glance) -> float:
    """Looks at the prices this week.

    >>> round(pricing_7d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"pricing": 1})]), now=0.0)), 3)
    0.693
    """
    return log1p(lead.week.get("pricing", 0.0))


def pricing_30d(lead: Glance) -> float:
    """Looks at the prices this month.

    >>> pricing_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 1})]), now=0.0))
    0.0
    """
    return log1p(lead.month.get("pricing", 0.0))


def docs_30d(lead: Glance) -> float:
    """Pages of documentation this month.

    >>> round(docs_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"docs": 1})]), now=0.0)), 3)
    0.693
    """
    return log1p(lead.month.get("docs", 0.0))


def forms_30d(lead: Glance) -> float:
    """Forms filled in this month, here or in an advertisement.

    >>> round(forms_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"ad_lead": 1})]), now=0.0)), 3)
    0.693
    """
    return log1p(lead.month.get("form", 0.0) + lead.month.get("ad_lead", 0.0))


def demo_requests_30d(lead: Glance) -> float:
    """Requests for a demo this month.

    >>> lead = LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"demo_request": 1})])
    >>> round(demo_requests_30d(glance(lead, now=0.0)), 3)
    0.693
    """
    return log1p(lead.month.get("demo_request", 0.0))


def email_opens_30d(lead: Glance) -> float:
    """E-mails a person opened this month; what mail programs open by themselves is not counted.

    >>> email_opens_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"machine": 5})]), now=0.0))
    0.0
    """
    return log1p(lead.month.get("email_open", 0.0))


def email_clicks_30d(lead: Glance) -> float:
    """Links followed from e-mails this month.

    >>> lead = LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"email_click": 1})])
    >>> round(email_clicks_30d(glance(lead, now=0.0)), 3)
    0.693
    """
    return log1p(lead.month.get("email_click", 0.0))


def email_click_rate(lead: Glance) -> float:
    """Clicks per e-mail delivered, as if one in twenty had been clicked before (a Beta(1, 19) prior).

    >>> email_click_rate(glance(LeadProfile(lead_id="e-1"), now=0.0))
    0.05
    """
    clicks = lead.month.get("email_click", 0.0)
    return (clicks + 1.0) / (max(lead.month.get("email_delivered", 0.0), clicks) + 20.0)


def rebuffs_30d(lead: Glance) -> float:
    """Unsubscriptions, spam reports and bounces this month.

    >>> round(rebuffs_30d(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"unsubscribe": 1})]), now=0.0)), 3)
    0.693
    """
    month = lead.month
    return log1p(month.get("unsubscribe", 0.0) + month.get("spam_report", 0.0) + month.get("email_bounce", 0.0))


def paid_share(lead: Glance) -> float:
    """Which part of the touches an advertisement brought, as if none of two had been paid before.

    >>> paid_share(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 2, "paid": 2})]), now=0.0))
    0.5
    """
    month = lead.month
    paid = month.get(PAID, 0.0)
    return paid / (sum(month.values()) - paid - month.get(MACHINE, 0.0) + 2.0)


def came_by_ad(lead: Glance) -> float:
    """Whether the first known visit was paid for.

    >>> came_by_ad(glance(LeadProfile(lead_id="e-1"), now=0.0))
    0.0
    """
    first = lead.profile.first_visit
    return 1.0 if first and first.at <= lead.now and (first.click_id or first.medium.lower() in PAID_MEDIA) else 0.0


def warming(lead: Glance) -> float:
    """How much of the month's activity is today's: 1 = all of it.

    >>> round(warming(glance(LeadProfile(lead_id="e-1", days=[Day(day=0, counts={"page": 3})]), now=0.0)), 2)
    0.75
    """
    return sum(lead.day.values()) / (sum(lead.month.values()) + 1.0)


def has_account(lead: Glance) -> float:
    """Whether the lead writes from a company's domain.

    >>> has_account(glance(LeadProfile(lead_id="e-1", account="example.com"), now=0.0))
    1.0
    """
    return 1.0 if lead.profile.account else 0.0


def company_size(lead: Glance) -> float:
    """The number of employees as its decimal logarithm: 0 unknown or alone, 2 a hundred, 3 a thousand, 5 at most.

    >>> lead = LeadProfile(lead_id="e-1", traits={"employees": Trait(value="100-249", at=0.0)})
    >>> company_size(glance(lead, now=0.0))
    2.0
    """
    trait = lead.profile.traits.get("employees")
    return _size(trait.value) if trait and trait.at <= lead.now else 0.0


def company_size_unknown(lead: Glance) -> float:
    """Whether nobody said how large the company is.

    >>> company_size_unknown(glance(LeadProfile(lead_id="e-1"), now=0.0))
    1.0
    """
    trait = lead.profile.traits.get("employees")
    return 0.0 if trait and trait.at <= lead.now else 1.0


def seniority(lead: Glance) -> float:
    """How much a title lets one decide: 1 chief, 0.9 vice, 0.7 head, 0.5 manager, 0.1 trainee, 0.3 other, 0 unknown.

    >>> seniority(glance(LeadProfile(lead_id="e-1", traits={"title": Trait(value="Head of IT", at=0.0)}), now=0.0))
    0.7
    """
    traits = lead.profile.traits
    trait = traits.get("seniority") or traits.get("title")
    return _rank(trait.value) if trait and trait.at <= lead.now else 0.0


def seniority_unknown(lead: Glance) -> float:
    """Whether nobody said what the lead does there.

    >>> seniority_unknown(glance(LeadProfile(lead_id="e-1"), now=0.0))
    1.0
    """
    traits = lead.profile.traits
    trait = traits.get("seniority") or traits.get("title")
    return 0.0 if trait and trait.at <= lead.now else 1.0


def industry_match(lead: Glance) -> float:
    """Whether the company is in an industry we sell to (`INDUSTRIES`).

    >>> lead = LeadProfile(lead_id="e-1", traits={"industry": Trait(value="SaaS", at=0.0)})
    >>> industry_match(glance(lead, now=0.0))
    1.0
    """
    trait = lead.profile.traits.get("industry")
    return 1.0 if trait and trait.at <= lead.now and trait.value.strip().lower() in INDUSTRIES else 0.0


Feature = Callable[[Glance], float]
FIT: tuple[Feature, ...] = (
    has_account,
    company_size,
    company_size_unknown,
    seniority,
    seniority_unknown,
    industry_match,
)
ENGAGEMENT: tuple[Feature, ...] = (
    hours_since_last_touch,
    hours_since_first_touch,
    active_days,
    pages_1d,
    pages_7d,
    pages_30d,
    pricing_7d,
    pricing_30d,
    docs_30d,
    forms_30d,
    demo_requests_30d,
    email_opens_30d,
    email_clicks_30d,
    email_click_rate,
    rebuffs_30d,
    paid_share,
    came_by_ad,
    warming,
)
FEATURES: Mapping[str, Feature] = {feature.__name__: feature for feature in (*FIT, *ENGAGEMENT)}
FIT_NAMES = frozenset(feature.__name__ for feature in FIT)
_ITEMS = tuple(FEATURES.items())


def features(profile: LeadProfile, now: float) -> dict[str, float]:
    """Return every feature of a profile at `now`, by name; always finite."""
    lead = glance(profile, now)
    found = {name: feature(lead) for name, feature in _ITEMS}
    if profile.traits:
        found.update(trait_features(profile.traits, now))
    return found


def is_fit(name: str) -> bool:
    """Tell whether a feature says who a lead is, rather than what they do."""
    return name in FIT_NAMES or name.startswith(PREFIX)


@lru_cache(maxsize=4096)
def _size(text: str) -> float:
    """Return log10 of the first number in the text, between 0 and 5."""
    found = re.search(r"[0-9]+", text.replace(",", "").replace(" ", ""))
    return log10(min(max(float(found[0][:LONGEST]), 1.0), 1e5)) if found else 0.0


@lru_cache(maxsize=4096)
def _rank(title: str) -> float:
    words = set(re.split(r"[^a-z0-9-]+", title.lower()))
    return next((value for value, signs in SENIORITY if not words.isdisjoint(signs)), 0.3 if title.strip() else 0.0)
