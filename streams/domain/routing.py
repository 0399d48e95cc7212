"""Where a lead goes: no consent > disqualified > already owned > account owner > hot > explored > nurture.

The first rule that holds decides, and the last always holds. A decision is a value; `improves` says whether it is news.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec import Struct

from schemas.records import Candidate, LeadProfile, Roster, Stage
from streams.domain.consent import may_contact
from streams.domain.lifecycle import UNSOLD
from streams.domain.rotation import Owner, take_turn

HOLD, NURTURE, SALES = "hold", "nurture", "sales"
POOL = "sales"
EXPLORED = "explored"
DAY_S = 86_400.0


class Routing(NamedTuple):
    """How leads are routed.

    `threshold` is a probability; `owners` share the pool; `owners_by_account` maps a company's domain to its owner.
    `contact_unless_denied` decides for those who never said. A recycled lead rests for `rest_s` before it is hot again.
    `explore` = the share of new leads, of those not hot, that sales is given all the same: else who is not contacted
    does not convert, and the model is right for ever.
    """

    threshold: float = 0.3
    owners: tuple[Owner, ...] = (Owner("sales-1"), Owner("sales-2"))
    owners_by_account: Mapping[str, str] = {}
    contact_unless_denied: bool = True
    rest_s: float = 14 * DAY_S
    explore: float = 0.0


class Case(Struct, frozen=True, gc=False):
    """A lead to be routed: its profile, already scored, at the event's time.

    `lot` (0 to 1) is drawn by the decision's id: the same decision always draws the same.
    """

    lead: LeadProfile
    at: float
    routing: Routing
    lot: float = 1.0


class Rule(NamedTuple):
    """One line of the routing table; it holds when `when` says anything true."""

    name: str
    to: str
    when: Callable[[Case], object]
    owner: Callable[[Case], str] | None = None


class Decision(NamedTuple):
    """Where a lead goes, to whom, and why; `roster` is the rotation after it, `propensity` the chance that it does."""

    destination: str
    owner: str
    rule: str
    candidates: list[Candidate]
    roster: Roster | None
    propensity: float = 1.0


def lacks_contact_consent(case: Case) -> bool:
    """The lead does not want to be contacted."""
    return not may_contact(case.lead.consent, case.routing.contact_unless_denied)


def is_disqualified(case: Case) -> bool:
    """Sales said that this is no lead."""
    return case.lead.stage is Stage.DISQUALIFIED


def owner_of_lead(case: Case) -> str:
    """The one who has the lead already."""
    return case.lead.owner


def owner_of_account(case: Case) -> str:
    """The one who has the lead's company."""
    return case.routing.owners_by_account.get(case.lead.account, "") if case.lead.account else ""


def is_hot(case: Case) -> bool:
    """The score is high enough, and sales did not give the lead back just now."""
    lead = case.lead
    return lead.score >= case.routing.threshold and not is_resting(case)


def is_resting(case: Case) -> bool:
    """Sales gave the lead back less than the rest ago."""
    return case.lead.stage is Stage.RECYCLED and case.at - case.lead.stage_at < case.routing.rest_s


def is_explored(case: Case) -> bool:
    """The lead is new, and the lot fell on it."""
    return case.lot < case.routing.explore and is_new(case)


def is_new(case: Case) -> bool:
    """Nothing has been decided on the lead yet, and sales has not spoken."""
    return not case.lead.route_seq and case.lead.stage in UNSOLD


def always(_: Case) -> bool:
    """The default."""
    return True


RULES = (
    Rule("no consent to contact", to=HOLD, when=lacks_contact_consent),
    Rule("disqualified", to=HOLD, when=is_disqualified),
    Rule("already owned", to=SALES, when=owner_of_lead, owner=owner_of_lead),
    Rule(
        "account owner",
        to=SALES,
        when=lambda case: owner_of_account(case) and not is_resting(case),
        owner=owner_of_account,
    ),
    Rule("hot", to=SALES, when=is_hot),
    Rule(EXPLORED, to=SALES, when=is_explored),
    Rule("otherwise", to=NURTURE, when=always),
)
_RANKS = {"": 0, HOLD: 1, NURTURE: 2, SALES: 3}


def route(case: Case, roster: Roster | None) -> Decision:
    """Decide where a lead goes. The rotation takes a turn only when the lead is news to the pool."""
    for rule in RULES:  # the last always holds
        if rule.when(case):
            break
    lead = case.lead
    explore = case.routing.explore if is_new(case) else 0.0
    if rule.to != SALES:
        return Decision(rule.to, lead.owner, rule.name, [], roster, 1.0 - explore if rule.to == NURTURE else 1.0)
    if rule.owner is not None:
        owner = rule.owner(case)
        return Decision(SALES, owner, rule.name, [Candidate(owner=owner)], roster)
    turn = take_turn(roster or Roster(pool=POOL), case.routing.owners, case.at)
    name = rule.name if turn.owner else f"{rule.name}, but every owner is at the daily cap"
    return Decision(SALES, turn.owner, name, turn.candidates, turn.roster, explore if rule.name == EXPLORED else 1.0)


def improves(lead: LeadProfile, decision: Decision) -> bool:
    """Tell whether a decision is news: the first, a better destination, an owner at last, or no more contact."""
    if decision.destination == lead.destination:
        return bool(decision.owner) and not lead.owner
    return decision.destination == HOLD or _RANKS[decision.destination] > _RANKS[lead.destination]
