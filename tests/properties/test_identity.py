"""Whatever is said, resolve answers or refuses; and whoever shares a device, two people stay two."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.keys import pseudonym, rank
from schemas.records import Channel, Kind, Link, OutcomeKind, RawEvent, Record, Touchpoint
from schemas.rejected import Rejected
from schemas.sighting import Identifiers, Sighting, Sign
from schemas.topics import TOUCHPOINTS
from streams.agents.qualify import make_qualify
from streams.agents.resolve import make_resolve
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.junk import Judge
from streams.domain.routing import Routing
from tests.builders import NOON, raw_event

PEPPER = b"pepper"
FATES = {"touchpoint", "outcome", "test", "consent_dropped", "quarantined", "rekeyed"}
WORDS = st.text(max_size=20) | st.sampled_from(["null", "jane@example.com", "+4420794609580", "e-" + "0" * 24, "42"])
NUMBERS = st.floats() | st.floats(NOON - 1e5, NOON + 1e5)

SCORER = Blend(card())
ANY_SIGHTING = st.builds(
    Sighting,
    id=WORDS,
    kind=st.sampled_from(Kind),
    channel=st.sampled_from(Channel),
    occurred_at=NUMBERS,
    identifiers=st.builds(Identifiers, visitor=WORDS, user=WORDS, email=WORDS, phone=WORDS, lead=WORDS),
    weight=st.floats() | st.just(1.0),
    page=WORDS,
    value=st.floats() | st.just(0.0),
    traits=st.dictionaries(WORDS, WORDS, max_size=2),
    consent=st.dictionaries(st.sampled_from(["analytics", "contact", "x"]), st.booleans(), max_size=2),
    outcome=st.none() | st.sampled_from(OutcomeKind),
    test=st.booleans(),
    signs=st.lists(st.sampled_from(Sign), max_size=2).map(tuple),
    person=st.dictionaries(st.sampled_from(["ip", "user_agent"]), WORDS | st.just("Mozilla/5.0")),
)


@settings(max_examples=300)
@given(ANY_SIGHTING, NUMBERS)
def test_nothing_but_a_rejection_escapes_resolve(said: Sighting, received_at: float) -> None:
    agent = make_resolve({"site": lambda _: said}, PEPPER, judge=Judge(visitor_forms=0))
    raw: Record = raw_event(received_at=received_at)
    try:
        applied = agent.step((None, None), raw)
        if applied.fate == "rekeyed":
            raw = applied.emits[0].record
            applied = agent.step((None, None), raw)
            assert applied.fate != "rekeyed"
    except Rejected:
        return
    assert applied.fate in FATES
    for emit in applied.emits:
        assert isinstance(emit.record, Touchpoint | Link) or applied.fate in {"outcome", "quarantined", "rekeyed"}
        assert emit.topic is not TOUCHPOINTS or rank(emit.key) >= 0


PEOPLE = {"ann": ("1", "ann@example.com"), "bob": ("2", "bob@example.com")}


@st.composite
def acts(draw: st.DrawFn) -> list[tuple[str, str, str, str]]:
    """What two people do on two devices: (visitor, user id, e-mail, who), in any order."""
    done = []
    for _ in range(draw(st.integers(1, 12))):
        device, who = draw(st.sampled_from(["phone", "laptop"])), draw(st.sampled_from(sorted(PEOPLE)))
        user, address = PEOPLE[who]
        given_ = draw(st.sampled_from([("", ""), (user, ""), ("", address), (user, address)]))
        done.append((draw(st.sampled_from([device, ""])) if any(given_) else device, *given_, who))
    return done


@settings(max_examples=300)
@given(acts())
def test_people_who_share_devices_never_become_one_and_nothing_is_lost(done: list[tuple[str, str, str, str]]) -> None:
    said: dict[str, Sighting] = {}
    resolve = make_resolve({"site": lambda raw: said[raw.event_id]}, PEPPER)
    qualify = make_qualify(lambda: SCORER, Routing())
    rows: dict[tuple[str, str], Record | None] = {}

    def run(record: Record) -> list[Record]:
        agent = resolve if isinstance(record, RawEvent) else qualify
        keys = [(table.name, key) for table, key in zip(agent.tables, agent.keys(record), strict=True)]
        applied = agent.step(tuple(rows.get(key) for key in keys), record)
        rows.update(zip(keys, applied.states, strict=True))
        return [emit.record for emit in applied.emits if emit.topic.name.startswith(("events.", TOUCHPOINTS.name))]

    for number, (visitor, user, address, _) in enumerate(done):
        said[str(number)] = Sighting(
            id=str(number),
            kind=Kind.PAGE,
            channel=Channel.WEB,
            occurred_at=NOON + number,
            identifiers=Identifiers(visitor=visitor, user=user, email=address),
        )
        waiting: deque[Record] = deque([raw_event(event_id=str(number), received_at=NOON + number)])
        while waiting:
            waiting.extend(run(waiting.popleft()))

    leads = {key: row for (table, key), row in rows.items() if table == "leads.profiles" and row is not None}
    assert sum(lead.touches for lead in leads.values()) == len(done)  # type: ignore[attr-defined]

    def end(lead_id: str) -> str:
        into = getattr(leads.get(lead_id), "merged_into", "")
        return end(into) if into else lead_id

    ann, bob = ({pseudonym("u", user, PEPPER), pseudonym("e", address, PEPPER)} for user, address in PEOPLE.values())
    assert {end(it) for it in ann}.isdisjoint({end(it) for it in bob})
