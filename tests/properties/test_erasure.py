"""Whatever a person did, in whichever order: once they are erased, no state row and nothing sent gives them away."""

from collections import deque
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.keys import pseudonym
from schemas.records import Channel, Kind, LeadProfile, OutcomeKind, Record
from schemas.sighting import Campaign, Identifiers, Sighting
from schemas.topics import EVENTS, LEADS_CONVERSIONS, LEADS_ROUTED, QUESTIONS
from streams.agents.label import make_label
from streams.agents.qualify import make_qualify
from streams.agents.resolve import make_resolve
from streams.domain.consent import PURPOSES
from streams.domain.routing import Routing
from tests.builders import NOON, raw_event
from tests.folding import SCORER
from tests.pipeline import CODEC
from tests.traces import found, traces

PEPPER = b"pepper"
E = pseudonym("e", "jane-c0ffee@c0ffee.example", PEPPER)
USER, DEVICES = "user-c0ffee", ("phone-c0ffee", "laptop-c0ffee")
WORDS = ["jane-c0ffee@c0ffee.example", "+442079460958", "c0ffee", USER, *DEVICES]
KNOWN = traces(WORDS)
WISHES = {
    "email": Identifiers(email=WORDS[0]),
    "user": Identifiers(user=USER),
    "lead": Identifiers(lead=E),
    "device": Identifiers(visitor=DEVICES[0], email=WORDS[0]),
}


class Act(NamedTuple):
    """One thing that happens: an event, or what the CRM says of the lead."""

    device: str
    user: bool
    email: bool
    kind: Kind
    consent: dict[str, bool]
    outcome: OutcomeKind | None

    def told(self, number: int, at: float) -> Sighting:
        """Return it as a source tells it, each of whose fields gives the person away."""
        address, user = WORDS[0] if self.email else "", USER if self.user else ""
        crm = self.outcome is not None
        return Sighting(
            id=str(number),
            kind=self.kind,
            channel=Channel.WEB,
            occurred_at=at,
            identifiers=Identifiers(email=WORDS[0])
            if crm
            else Identifiers(visitor=self.device, user=user, email=address),
            page="/c0ffee",
            campaign=Campaign(source="c0ffee", medium="cpc", name="c0ffee", click_id="gclid:c0ffee"),
            traits={"title": "Director c0ffee", "industry": "c0ffee"},
            consent=self.consent,
            person={"email": address, "phone": WORDS[1], "first_name": "c0ffee"} if address else {},
            outcome=self.outcome,
            reason="c0ffee" if crm else "",
        )


def acts(allowed: st.SearchStrategy[dict[str, bool]]) -> st.SearchStrategy[list[Act]]:
    """What they do: with a consent of these."""
    act = st.builds(
        Act,
        device=st.sampled_from(DEVICES),
        user=st.booleans(),
        email=st.booleans(),
        kind=st.sampled_from([Kind.PAGE, Kind.DEMO_REQUEST, Kind.IDENTIFY, Kind.UNSUBSCRIBE]),
        consent=allowed,
        outcome=st.none() | st.none() | st.none() | st.sampled_from(OutcomeKind),
    )
    return st.lists(act, max_size=8)


class Pipeline:
    """resolve, qualify and label over rows in memory, each record in its turn."""

    def __init__(self) -> None:
        self.said: dict[str, Sighting] = {}
        resolve = make_resolve({"site": lambda raw: self.said[raw.event_id]}, PEPPER)
        self.agents = (resolve, make_qualify(lambda: SCORER, Routing()), make_label())
        self.rows: dict[tuple[str, str], Record | None] = {}
        self.sent: list[Record] = []

    def tell(self, said: Sighting, received_at: float) -> None:
        """Let an event through, and all that comes of it."""
        event_id = str(len(self.said))
        self.said[event_id] = said
        waiting: deque[tuple[str, Record]] = deque(
            [(EVENTS[said.channel].name, raw_event(event_id=event_id, received_at=received_at))]
        )
        while waiting:
            topic, record = waiting.popleft()
            agent = next(it for it in self.agents if topic in {one.name for one in it.inputs})
            keys = [(table.name, key) for table, key in zip(agent.tables, agent.keys(record), strict=True)]
            applied = agent.step(tuple(self.rows.get(key) for key in keys), record)
            self.rows.update(zip(keys, applied.states, strict=True))
            for emit in applied.emits:
                if emit.topic in (LEADS_ROUTED, LEADS_CONVERSIONS, QUESTIONS):
                    self.sent.append(emit.record)
                if emit.topic not in (LEADS_ROUTED, LEADS_CONVERSIONS):
                    waiting.append((emit.topic.name, emit.record))

    def stored(self) -> list[bytes]:
        """Return every row as its changelog has it, and all that was sent, with the topics' keys."""
        rows = [key.encode() + CODEC.encode(row) for (_, key), row in self.rows.items() if row is not None]
        return [*rows, *(CODEC.encode(record) for record in self.sent)]

    def gives_away(self) -> list[str]:
        """Return what gives the person away."""
        return [name for stored in self.stored() for name in found(stored, KNOWN)]


ANY = st.dictionaries(st.sampled_from(sorted(map(str, PURPOSES))), st.booleans(), max_size=2)
SILENT = st.dictionaries(st.sampled_from(sorted(map(str, PURPOSES))), st.just(False), max_size=2)


@settings(max_examples=150)
@given(acts(ANY), acts(SILENT), st.sampled_from(sorted(WISHES)), st.data())
def test_once_they_are_erased_nothing_that_is_stored_or_sent_gives_them_away(
    before: list[Act], after: list[Act], wish: str, draw: st.DataObject
) -> None:
    world = Pipeline()
    known = [Act(device, True, True, Kind.FORM, {"contact": True}, None) for device in DEVICES]
    done = [(act, NOON + number) for number, act in enumerate([*before, *known])]
    for number, (act, at) in enumerate(done):
        world.tell(act.told(number, at), at)
    assert world.gives_away()  # else the scan is blind
    asked_at = NOON + 1_000
    world.sent.clear()
    world.tell(
        Sighting(
            id="wish",
            kind=Kind.ERASURE,
            channel=Channel.CRM,
            occurred_at=asked_at,
            identifiers=WISHES[wish],
            weight=0.0,
            consent=dict.fromkeys(PURPOSES, False),
        ),
        asked_at,
    )
    assert world.gives_away() == []
    again = draw.draw(st.permutations(done))
    for number, (act, at) in enumerate(again, 500):
        world.tell(act.told(number, at), asked_at + number)
        assert world.gives_away() == []
    for number, act in enumerate(after, 2_000):
        world.tell(act.told(number, NOON + number), NOON + number)
        assert world.gives_away() == []
    row = world.rows["leads.profiles", E]
    assert isinstance(row, LeadProfile)
    assert (row.erased_at, row.touches) == (asked_at, 0)
