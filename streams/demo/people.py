"""Who takes part: made-up people and companies, with a fit anyone can see and an intent nobody can."""

import random
from enum import StrEnum
from typing import NamedTuple

from streams.demo.odds import INDUSTRIES, SENIORITY


class Role(StrEnum):
    """What a visitor will turn out to be."""

    LEAD = "lead"  # visits, then says who they are
    AD_LEAD = "ad_lead"  # fills in an advertisement's form, perhaps visits
    STRANGER = "stranger"  # visits, never says who they are
    BOT = "bot"  # a crawler


class Company(NamedTuple):
    """A company: `domain` is its account."""

    name: str
    domain: str
    industry: str
    employees: int


class Person(NamedTuple):
    """A visitor. `intent` is latent: standard normal, drives what they do. `consent` None = was not asked."""

    role: Role
    visitor: str
    user: str
    name: str
    email: str
    title: str
    company: Company
    intent: float
    campaign: tuple[str, str, str] | None
    consent: bool | None
    gpc: bool
    agent: str


BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
CAMPAIGNS = (
    ("google", "cpc", "brand-search"),
    ("linkedin", "paid_social", "ops-leaders"),
    ("newsletter", "email", "monthly-digest"),
    None,
    None,
)
PAID = {"cpc", "paid_social"}
SIZES = (8, 20, 45, 90, 180, 400, 900, 2500)
ROLES = {Role.LEAD: 0.50, Role.AD_LEAD: 0.13, Role.STRANGER: 0.34, Role.BOT: 0.03}
DENIED = 0.06
UNASKED = 0.5
GPC = 0.04


def company(number: int, seed: str) -> Company:
    """Return company `number`, always the same one for a seed."""
    rng = random.Random(f"{seed}/company/{number}")
    return Company(
        name=f"Company {number:03d}",
        domain=f"example-{number:03d}.test",
        industry=rng.choice(tuple(INDUSTRIES)),
        employees=rng.choice(SIZES),
    )


def person(number: int, seed: str) -> Person:
    """Return person `number`, always the same one for a seed. About three leads share a company."""
    rng = random.Random(f"{seed}/person/{number}")
    role = rng.choices(tuple(ROLES), tuple(ROLES.values()))[0]
    firm = company(rng.randrange(1 + number // 3), seed)
    asked = rng.random() > UNASKED
    return Person(
        role=role,
        visitor=f"anon-{seed}-{number:04d}",
        user=f"user-{seed}-{number:04d}",
        name=f"Lead {number:04d}",
        email=f"lead-{seed}-{number:04d}@{firm.domain}",
        title=rng.choice(tuple(SENIORITY)),
        company=firm,
        intent=rng.gauss(0.0, 1.0),
        campaign=rng.choice(CAMPAIGNS),
        consent=(rng.random() > DENIED / (1 - UNASKED)) if asked else None,
        gpc=rng.random() < GPC,
        agent=CRAWLER if role is Role.BOT else BROWSER,
    )


def customer(number: int, name: str) -> Person:
    """Return row `number` of a replayed file as a person: all that the file does not say is left neutral."""
    return Person(
        role=Role.LEAD,
        visitor=f"anon-{name}-{number:05d}",
        user=f"user-{name}-{number:05d}",
        name=f"Customer {number:05d}",
        email=f"customer-{name}@example-{number:05d}.test",
        title="",
        company=Company("", "", "", 0),
        intent=0.0,
        campaign=None,
        consent=None,
        gpc=False,
        agent=BROWSER,
    )
