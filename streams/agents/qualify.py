"""qualify: what a lead did becomes what we know of it, its score and its reasons, its stage, and where it goes.

One fold per lead, no topic between. How leads become one, and how one is forgotten, is in `joining`.
Anonymous leads are folded, not scored: there is nobody to route. A canary is routed, and nothing of it is kept.
Each stage that a lead comes to, and each deal it signs, is a conversion for ad platforms, where it may be told to them.
Each time a lead's decision, stage or day is another, its score is a question to `label`: does it convert? Once it has
been given to sales there are no more: what they do with a lead must not teach us whom to give them.
"""

from collections.abc import Callable
from typing import cast

from msgspec.structs import replace

from schemas.erased import is_erased
from schemas.keys import is_canary, partition_of, rank
from schemas.learning import Pending, Snapshot
from schemas.person import seal
from schemas.records import LeadProfile, Merge, Outcome, OutcomeKind, Record, Roster, RoutedLead, Stage, Touchpoint
from schemas.step import Agent, Applied, States
from schemas.topics import LEADS_CONVERSIONS, LEADS_PROFILES, LEADS_ROUTED, QUESTIONS, ROSTERS, TOUCHPOINTS, Emit
from streams.agents.joining import Told, conversion_id, decision_id, join, passed_by, withdrawn
from streams.domain import profile as profiles
from streams.domain import seen
from streams.domain.blend import Blend, Score
from streams.domain.features import features
from streams.domain.lifecycle import CONVERSIONS, SIGNALS, UNSOLD, Signal, advance
from streams.domain.rotation import share
from streams.domain.routing import HOLD, NURTURE, POOL, SALES, Case, Decision, Routing, improves, is_hot, route

GIVEN_BACK = {Stage.RECYCLED: NURTURE, Stage.DISQUALIFIED: HOLD}  # by sales, who know: no new decision
Holder = Callable[[], Blend]  # gives the scorer to use from now on; asked before each slice


def make_qualify(scorer: Holder, routing: Routing, partitions: int = 1) -> Agent:
    """Return the agent. `routing` holds whole daily caps; each of the `partitions` gives away its share of them."""
    now = _Now(scorer)
    shares = [_shared(routing, partition, partitions) for partition in range(partitions)]

    def decide(lead: LeadProfile, roster: Roster | None, cause: Touchpoint | Merge, was: LeadProfile) -> Applied:
        """Score a lead and route it, as of the latest that we know of it; `was` = before we knew of `cause`."""
        fate = "merged" if isinstance(cause, Merge) else "applied"
        if rank(lead.lead_id) < 1 or is_erased(lead):
            return Applied((lead, roster), (), fate)
        at, model = max(lead.last_seen, cause.occurred_at), now()
        values = features(lead, at) if model.modelled else {}  # the card does not look at them
        score = model.score(lead, values, at)
        scored = _scored(lead, score, at)
        here = shares[partition_of(lead.lead_id.encode(), partitions)]
        scored, decision = _decided(_case(scored, at, here), roster)
        asked = is_asked(was, lead, scored, at)
        said = model.scores(values, score) if asked or decision else {}
        emits: list[Emit] = []
        if decision:
            roster = decision.roster
            routed = _announce(scored, cause, decision.propensity, _other(said, model.champion))
            emits.append(Emit(LEADS_ROUTED, lead.lead_id, routed))
        emits += _converted(scored, cause, news=scored.stage is not lead.stage)
        if asked:
            emits.append(_question(scored, values or features(lead, at), said, at))
        return Applied((scored, roster), tuple(emits), fate)

    def step(states: States, record: Record) -> Applied:
        lead, roster = cast("LeadProfile | None", states[0]), cast("Roster | None", states[1])
        told = cast("Touchpoint | Outcome | Merge", record)  # a link is passed by
        passed = passed_by(lead, roster, told)
        if passed is not None:
            return passed
        lead = lead or LeadProfile(lead_id=told.lead_id)
        return _learn_of(lead, roster, told) if isinstance(told, Outcome) else see(lead, roster, told)

    def see(lead: LeadProfile, roster: Roster | None, told: Touchpoint | Merge) -> Applied:
        after, gone = join(lead, told) if isinstance(told, Merge) else (profiles.observe(lead, told), ())
        if after is lead:
            return Applied((lead, roster), (), "merge_repeated" if isinstance(told, Merge) else "deduplicated")
        decided = decide(after, roster, told, lead)
        return decided._replace(emits=(*gone, *decided.emits)) if gone else decided

    kept = (LEADS_PROFILES, ROSTERS)
    return Agent("qualify", (TOUCHPOINTS,), kept, _keys, _keeping_no_canary(step), lean=now.lean)


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


def _keeping_no_canary(step: Callable[[States, Record], Applied]) -> Callable[[States, Record], Applied]:
    """Return the step, after which nothing is left of a canary: no row, no owner's turn, no question, no conversion.

    (Its withdrawal finds nothing; it tells `label` the time, which stands still where nobody comes.)
    """

    def step_of_all(states: States, record: Record) -> Applied:
        applied, told = step(states, record), cast("Told", record)
        if not is_canary(told.lead_id):
            return applied
        emits = (*_routings(applied.emits), withdrawn(told.lead_id, "", told.occurred_at))
        return applied._replace(states=(None, states[1]), emits=emits)

    return step_of_all


def _routings(emits: tuple[Emit, ...]) -> tuple[Emit, ...]:
    """Return what is sent, without questions and conversions."""
    return tuple(emit for emit in emits if emit.topic not in (QUESTIONS, LEADS_CONVERSIONS))


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


def _case(lead: LeadProfile, at: float, routing: Routing) -> Case:
    """Return a scored lead as it is to be routed; a lot is drawn only where some leads are explored."""
    return Case(lead, at, routing, lot(lead.lead_id, lead.route_seq + 1) if routing.explore else 1.0)


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


def _converted(lead: LeadProfile, cause: Touchpoint | Merge | Outcome, *, news: bool) -> list[Emit]:
    """Tell of the stage that a lead has come to, or of another deal, if that is news: of those who granted it."""
    granted = lead.consent.get("ads")
    if not news or granted is None or not granted.granted:
        return []
    told = _announce(lead, cause, 1.0, ("", 0.0))
    said = {"outcome": str(cause.kind), "value": cause.value} if isinstance(cause, Outcome) else {}
    told = replace(told, decision_id=conversion_id(lead.lead_id, lead.stage, cause.id), **said)
    return [Emit(LEADS_CONVERSIONS, lead.lead_id, told)]


def _announce(
    lead: LeadProfile, cause: Touchpoint | Merge | Outcome, propensity: float, challenger: tuple[str, float]
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
        after = replace(after, destination=GIVEN_BACK[after.stage], owner="", rule=str(after.stage), candidates=[])
    news = after.stage is not lead.stage or outcome.kind is OutcomeKind.WON
    asked = [Emit(QUESTIONS, lead.lead_id, outcome)] if outcome.kind in CONVERSIONS else []
    return Applied((after, roster), (*asked, *_converted(after, outcome, news=news)), "applied")


def _shared(routing: Routing, partition: int, partitions: int) -> Routing:
    owners = (o if o.cap is None else o._replace(cap=share(o.cap, partition, partitions)) for o in routing.owners)
    return routing._replace(owners=tuple(owners))
