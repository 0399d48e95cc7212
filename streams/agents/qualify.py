"""qualify: what a lead did becomes what we know of it, its score and its reasons, its stage, and where it goes.

One fold per lead, no topic between. An absorbed lead leaves a stub behind that forwards whatever still comes for it.
Anonymous leads are folded, not scored: there is nobody to route. A canary is routed, and nothing of it is kept.
Each time a lead's decision, stage or day is another, its score is a question to `label`: does it convert? Once it has
been given to sales there are no more: what they do with a lead must not teach us whom to give them.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import cast

from msgspec.structs import replace

from schemas.keys import is_canary, partition_of, rank
from schemas.learning import Pending, Snapshot, Withdrawal
from schemas.person import seal
from schemas.records import Kind, LeadProfile, Link, Merge, Outcome, Record, Roster, RoutedLead, Stage, Touchpoint
from schemas.step import Agent, Applied, States
from schemas.topics import LEADS_PROFILES, LEADS_ROUTED, QUESTIONS, ROSTERS, TOUCHPOINTS, Emit
from streams.domain import profile as profiles
from streams.domain import seen
from streams.domain.blend import Blend, Score
from streams.domain.features import features
from streams.domain.lifecycle import CONVERSIONS, SIGNALS, UNSOLD, Signal, advance
from streams.domain.rotation import share
from streams.domain.routing import HOLD, NURTURE, POOL, SALES, Case, Decision, Routing, improves, is_hot, route

Told = Touchpoint | Outcome | Link | Merge
GIVEN_BACK = {Stage.RECYCLED: NURTURE, Stage.DISQUALIFIED: HOLD}  # by sales, who know: no new decision
Holder = Callable[[], Blend]  # gives the scorer to use from now on; asked before each slice


def make_qualify(scorer: Holder, routing: Routing, partitions: int = 1) -> Agent:
    """Return the agent. `routing` holds whole daily caps; each of the `partitions` gives away its share of them."""
    now = _Now(scorer)
    shares = [_shared(routing, partition, partitions) for partition in range(partitions)]

    def decide(lead: LeadProfile, roster: Roster | None, cause: Touchpoint | Merge, was: LeadProfile) -> Applied:
        """Score a lead and route it, as of the latest that we know of it; `was` = before we knew of `cause`."""
        fate = "merged" if isinstance(cause, Merge) else "applied"
        if rank(lead.lead_id) < 1:
            return Applied((lead, roster), (), fate)
        at = max(lead.last_seen, cause.occurred_at)
        values, model = features(lead, at), now()
        scored = _scored(lead, model.score(lead, values, at), at)
        here = partition_of(lead.lead_id.encode(), partitions)
        scored, decision = _decided(Case(scored, at, shares[here], lot(lead.lead_id, lead.route_seq + 1)), roster)
        emits: list[Emit] = []
        asked = is_asked(was, lead, scored, at)
        said = model.scores(values) if asked or decision else {}
        if decision:
            roster = decision.roster
            routed = _announce(scored, cause, decision.propensity, _other(said, model.champion))
            emits.append(Emit(LEADS_ROUTED, lead.lead_id, routed))
        if asked:
            emits.append(_question(scored, values, said, at))
        return Applied((scored, roster), tuple(emits), fate)

    def step(states: States, record: Record) -> Applied:
        lead, roster = cast("LeadProfile | None", states[0]), cast("Roster | None", states[1])
        told = cast("Told", record)
        if isinstance(told, Link):
            return _absorb(lead, roster, told)
        lead = lead or LeadProfile(lead_id=told.lead_id)
        if lead.merged_into:
            return _forward(lead, roster, told)
        return _learn_of(lead, roster, told) if isinstance(told, Outcome) else see(lead, roster, told)

    def see(lead: LeadProfile, roster: Roster | None, told: Touchpoint | Merge) -> Applied:
        after = _join(lead, told) if isinstance(told, Merge) else profiles.observe(lead, told)
        if after is lead:
            return Applied((lead, roster), (), "merge_repeated" if isinstance(told, Merge) else "deduplicated")
        return decide(after, roster, told, lead)

    kept = (LEADS_PROFILES, ROSTERS)
    return Agent("qualify", (TOUCHPOINTS,), kept, _keys, _asking_nothing_of_some(step), lean=now.lean)


class _Now:
    """The scorer of the slice under way; the newest for who works without slices."""

    def __init__(self, scorer: Holder) -> None:
        self._newest, self._now = scorer, scorer

    def __call__(self) -> Blend:
        return self._now()

    def lean(self) -> int:
        """Fix the scorer for a slice; return its version."""
        scorer = self._newest()
        self._now = lambda: scorer
        return scorer.version


def _keys(record: Record) -> tuple[str, str]:
    return cast("Told", record).lead_id, POOL


def _asking_nothing_of_some(step: Callable[[States, Record], Applied]) -> Callable[[States, Record], Applied]:
    """Return the step, after which nothing is left of a canary: no row, no owner's turn.

    Of a canary, and of who asks to be forgotten, nothing is learned: what waits for them is withdrawn. (A canary's
    withdrawal finds nothing; it tells `label` the time, which stands still where nobody comes.)
    """

    def step_of_all(states: States, record: Record) -> Applied:
        applied, told = step(states, record), cast("Told", record)
        if is_canary(told.lead_id):
            applied = applied._replace(states=(None, states[1]))
        elif not isinstance(told, Touchpoint) or told.kind is not Kind.ERASURE:
            return applied
        return applied._replace(emits=(*_routings(applied.emits), _withdrawn(told.lead_id, "", told.occurred_at)))

    return step_of_all


def _routings(emits: tuple[Emit, ...]) -> tuple[Emit, ...]:
    """Return what is sent, without questions."""
    return tuple(emit for emit in emits if emit.topic is not QUESTIONS)


def _scored(lead: LeadProfile, score: Score, at: float) -> LeadProfile:
    """Return the lead with a new score; whoever is scored has been identified."""
    stage = advance(lead.stage, Signal.IDENTIFIED)
    return replace(
        lead,
        stage=stage,
        stage_at=lead.stage_at if stage == lead.stage else at,
        score=score.probability,
        fit=score.fit,
        engagement=score.engagement,
        reasons=score.reasons,
        model_version=score.model_version,
        led_by=score.led_by,
        model_share=score.share,
        card=score.card,
        card_points=score.card_points,
    )


def _moved(lead: LeadProfile, signal: Signal, at: float) -> LeadProfile:
    """Return the lead after a signal; the very same lead when that changes nothing."""
    stage = advance(lead.stage, signal)
    return lead if stage == lead.stage else replace(lead, stage=stage, stage_at=at)


def _decided(case: Case, roster: Roster | None) -> tuple[LeadProfile, Decision | None]:
    """Return the lead after the decision, and the decision itself, if it is news."""
    lead, decision = case.lead, route(case, roster)
    if is_hot(case):
        lead = _moved(lead, Signal.SCORED_READY, case.at)
    return (_routed(lead, decision, case.at), decision) if improves(lead, decision) else (lead, None)


def _other(said: dict[str, float], champion: str) -> tuple[str, float]:
    """Return the scorer that did not decide, and what it said."""
    return next(((name, score) for name, score in said.items() if name != champion), ("", 0.0))


def lot(lead_id: str, route_seq: int) -> float:
    """Return the number from 0 to 1 that a decision draws: by its id, the same in every replay.

    >>> lot("e-1", 1) == lot("e-1", 1) != lot("e-1", 2)
    True
    """
    return int(decision_id(lead_id, route_seq)[:13], 16) / 16**13


def is_asked(was: LeadProfile, known: LeadProfile, scored: LeadProfile, at: float) -> bool:
    """Tell whether a score is a question: decision, stage or day are news, and sales had never been given the lead.

    `was` = the lead before its touchpoint, `known` = with it, `scored` = once it is decided on.
    """
    if known.stage not in UNSOLD or known.destination == SALES or known.owner:
        return False  # what is known of it may be their doing
    if scored.route_seq != was.route_seq or scored.stage is not was.stage:
        return True
    return at // profiles.DAY_S > was.last_seen // profiles.DAY_S


def _question(lead: LeadProfile, values: dict[str, float], scores: dict[str, float], at: float) -> Emit:
    """Ask what becomes of a lead that is scored like this."""
    snapshot = Snapshot(features=values, score=lead.score, model_version=lead.model_version, asked_at=at, scores=scores)
    return Emit(QUESTIONS, lead.lead_id, Pending(lead_id=lead.lead_id, snapshots=[snapshot]))


def _withdrawn(lead_id: str, into: str, at: float) -> Emit:
    return Emit(QUESTIONS, lead_id, Withdrawal(lead_id=lead_id, into=into, at=at))


def _routed(lead: LeadProfile, decision: Decision, at: float) -> LeadProfile:
    """Return the lead with a new decision."""
    return replace(
        lead,
        route_seq=lead.route_seq + 1,
        destination=decision.destination,
        owner=decision.owner,
        rule=decision.rule,
        candidates=decision.candidates,
        routed_at=at,
    )


def _announce(
    lead: LeadProfile, cause: Touchpoint | Merge, propensity: float, challenger: tuple[str, float]
) -> RoutedLead:
    """Return the decision as subscribers see it."""
    person, person_key = seal(profiles.person(lead))
    return RoutedLead(
        decision_id=decision_id(lead.lead_id, lead.route_seq),
        lead_id=lead.lead_id,
        route_seq=lead.route_seq,
        account=lead.account,
        stage=lead.stage,
        destination=lead.destination,
        owner=lead.owner,
        rule=lead.rule,
        candidates=lead.candidates,
        score=lead.score,
        fit=lead.fit,
        engagement=lead.engagement,
        reasons=lead.reasons,
        model_version=lead.model_version,
        led_by=lead.led_by,
        model_share=lead.model_share,
        card=lead.card,
        card_points=lead.card_points,
        cause=cause.cause if isinstance(cause, Merge) else cause.id,
        occurred_at=cause.occurred_at,
        received_at=cause.received_at,
        first_visit=lead.first_visit,
        last_visit=lead.last_visit,
        consent={purpose: stated.granted for purpose, stated in lead.consent.items()},
        person=person,
        person_key=person_key,
        propensity=propensity,
        challenger=challenger[0],
        challenger_score=challenger[1],
    )


def _learn_of(lead: LeadProfile, roster: Roster | None, outcome: Outcome) -> Applied:
    """Move the stage; a conversion answers what was asked of the lead."""
    entry = seen.entry(outcome.id, outcome.digest)
    if seen.has(lead.seen, entry):
        return Applied((lead, roster), (), "deduplicated")
    after = replace(
        _moved(lead, SIGNALS[outcome.kind], outcome.occurred_at),
        version=lead.version + 1,
        seen=seen.add(lead.seen, entry),
    )
    if after.stage != lead.stage and after.stage in GIVEN_BACK:
        after = replace(after, destination=GIVEN_BACK[after.stage], owner="", rule=after.stage.value, candidates=[])
    emits = (Emit(QUESTIONS, lead.lead_id, outcome),) if outcome.kind in CONVERSIONS else ()
    return Applied((after, roster), emits, "applied")


def _absorb(lead: LeadProfile | None, roster: Roster | None, link: Link) -> Applied:
    """Leave a stub, and send what was known to the lead that absorbs this one: upward only, and only once."""
    merged_into = lead.merged_into if lead else ""
    if merged_into == link.into:
        return Applied((lead, roster), (), "link_repeated")
    if merged_into or rank(link.into) <= rank(link.lead_id):
        return Applied((lead, roster), (), "link_refused")
    stub = LeadProfile(lead_id=link.lead_id, version=lead.version + 1 if lead else 1, merged_into=link.into)
    if lead is None:
        return Applied((stub, roster), (), "linked")
    merge = Merge(
        id=_id(link.lead_id, link.into),
        lead_id=link.into,
        absorbed=lead,
        cause=link.cause,
        occurred_at=link.occurred_at,
        received_at=link.received_at,
    )
    moves = (Emit(TOUCHPOINTS, link.into, merge), _withdrawn(link.lead_id, link.into, link.occurred_at))
    return Applied((stub, roster), moves if rank(link.lead_id) else moves[:1], "linked")


def _join(lead: LeadProfile, merge: Merge) -> LeadProfile:
    """Return the lead with an absorbed one taken in; the very same lead when that was done before."""
    entry = seen.entry(merge.id, 0)
    if seen.has(lead.seen, entry):
        return lead
    joined = profiles.merge(lead, merge.absorbed)
    told_otherwise = bool(lead.destination) and joined.owner != lead.owner
    return replace(
        joined,
        seen=seen.add(joined.seen, entry),
        destination="" if told_otherwise else joined.destination,  # who had the person first is announced as the owner
    )


def _forward(stub: LeadProfile, roster: Roster | None, record: Touchpoint | Outcome | Merge) -> Applied:
    """Send on what came for a lead that was absorbed."""
    into = stub.merged_into
    return Applied((stub, roster), (Emit(TOUCHPOINTS, into, replace(record, lead_id=into)),), "forwarded")


def decision_id(lead_id: str, route_seq: int) -> str:
    """Return the id of a lead's decision number `route_seq`: to decide again gives the same id, no second decision."""
    return _id(lead_id, str(route_seq))


def _id(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _shared(routing: Routing, partition: int, partitions: int) -> Routing:
    owners = (o if o.cap is None else o._replace(cap=share(o.cap, partition, partitions)) for o in routing.owners)
    return routing._replace(owners=tuple(owners))
