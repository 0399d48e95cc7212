"""Which events people did not send: what speaks against a person, as signs that are named, and when they count.

Any sign is enough, and each says where it comes from. Nothing is thrown away: what has a sign waits in quarantine.
Never judged: what withdraws a consent (it must arrive), what CRMs say of leads, and mail (its adapters weigh machines).
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from schemas.person import Fields
from schemas.quarantine import Crowd
from schemas.records import Channel, Kind
from schemas.sighting import Sighting, Sign
from streams.domain.consent import WITHDRAWALS
from streams.domain.crowds import count, counted
from streams.domain.identity import Known
from streams.domain.pranks import is_advertising, is_link, is_made_up, is_made_up_address

JUDGED = frozenset({Channel.WEB, Channel.AD})
FORMS = frozenset({Kind.FORM, Kind.DEMO_REQUEST})
NAMES = ("name", "first_name", "last_name")
NAMES_ITSELF = ("bot", "crawl", "spider", "slurp")


Asked = Callable[[str], bool]


def _no(_: str) -> bool:
    return False


class Judge(NamedTuple):
    """What a verdict is made with: `crawler` asks of a user agent, `hosting` of a network, `disposable` of a domain.

    `heeded` = the signs that count. `network_forms` and `visitor_forms` = most forms in an hour, in one partition.
    """

    crawler: Asked = _no
    hosting: Asked = _no
    disposable: Asked = _no
    heeded: frozenset[Sign] = frozenset(Sign)
    network_forms: int = 60
    visitor_forms: int = 20


LENIENT = Judge(heeded=frozenset())
Names = Callable[[str], str]  # a network's address to its pseudonym


def verdict(
    sighting: Sighting, who: Known, crowd: Crowd | None, named: tuple[str, Names], *, at: float, judge: Judge
) -> tuple[Crowd | None, tuple[Sign, ...]]:
    """Return the crowd after an event received at `at`, and what speaks against a person having sent it.

    `named` = the key of its visitor, and what gives a network its name.
    """
    if not judge.heeded or not judged(sighting):
        return crowd, ()
    found = signs(sighting, who, judge)
    if Sign.VELOCITY in judge.heeded and is_form(sighting):
        visitor, name_of = named
        most = {visitor: judge.visitor_forms}
        if is_public(network := str(sighting.person.get("ip", ""))):
            most[name_of(network)] = judge.network_forms
        for name in most:
            crowd = counted(crowd, name, at)
        if any(count(crowd, name) > limit for name, limit in most.items()):
            found = (*found, Sign.VELOCITY)
    return crowd, found


def judged(sighting: Sighting) -> bool:
    """Tell whether an event is one to be judged at all."""
    return sighting.channel in JUDGED and sighting.kind not in WITHDRAWALS and not sighting.outcome


def signs(sighting: Sighting, who: Known, judge: Judge) -> tuple[Sign, ...]:
    """Return what in an event itself speaks against a person: every sign but `VELOCITY`."""
    person, address = sighting.person, who.email or who.mailbox
    found = [*sighting.signs]
    if sighting.channel is Channel.WEB and (agent := str(person.get("user_agent", ""))):
        if _may_be_crawler(agent) and judge.crawler(agent):
            found.append(Sign.CRAWLER)
        if in_browser(person) and (network := str(person.get("ip", ""))) and judge.hosting(network):
            found.append(Sign.HOSTING)
    if address and judge.disposable(address.rpartition("@")[2]):
        found.append(Sign.DISPOSABLE)
    name = stated_name(person)
    if (name and is_made_up(name)) or (who.email and is_made_up_address(who.email)):
        found.append(Sign.MADE_UP)
    if is_advertising(sighting.said) or (name and is_link(name)):
        found.append(Sign.LINKS)
    return tuple([sign for sign in found if sign in judge.heeded]) if found else ()


def stated_name(person: Fields) -> str:
    """Return the whole name that somebody gives, "" for none.

    >>> stated_name({"first_name": "Jane", "last_name": "Doe"}), stated_name({"name": "Jane Doe"}), stated_name({})
    ('Jane Doe', 'Jane Doe', '')
    """
    return " ".join([str(person[field]) for field in NAMES if person.get(field)]) if person else ""


def in_browser(person: Fields) -> bool:
    """Tell whether a browser sent an event, as its user agent has it: a site's own servers have a network, too."""
    return str(person.get("user_agent", "")).startswith("Mozilla/")


def is_form(sighting: Sighting) -> bool:
    """Tell whether an event is a form that a browser sent: what velocity counts."""
    return sighting.kind in FORMS and sighting.channel is Channel.WEB and in_browser(sighting.person)


@lru_cache(maxsize=16_384)
def is_public(network: str) -> bool:
    """Tell whether an address is on the public internet: inside, many share one, or a proxy stands before all.

    >>> is_public("93.184.216.0"), is_public("10.0.0.0"), is_public("unknown")
    (True, False, False)
    """
    try:
        return ip_address(network).is_global
    except ValueError:
        return False


def _may_be_crawler(agent: str) -> bool:
    """Tell whether an agent may be a visitor's: the lists of crawlers name the tools that sites send events with, too.

    >>> _may_be_crawler("python-requests/2.32"), _may_be_crawler("Googlebot/2.1"), _may_be_crawler("Mozilla/5.0 (X11)")
    (False, True, True)
    """
    return agent.startswith("Mozilla/") or any(word in agent.lower() for word in NAMES_ITSELF)
