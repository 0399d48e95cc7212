"""resolve and quarantine: held whole, applied to nobody, and once released applied like any other."""

from msgspec.structs import replace

from schemas.quarantine import Quarantined
from schemas.records import Kind, Touchpoint
from schemas.sighting import Sign
from schemas.topics import QUARANTINE, TOUCHPOINTS
from streams.agents.resolve import make_resolve
from streams.domain.identity import Ids, known
from streams.domain.junk import Judge
from tests.builders import raw_event, sighting

TRAPPED = sighting(visitor="anon", email="jane@example.com", kind=Kind.FORM, signs=(Sign.HONEYPOT,))
RESOLVE = make_resolve({"site": lambda _: TRAPPED}, b"pepper", judge=Judge())
RAW = raw_event(key=Ids(b"pepper").visitor(known(TRAPPED.identifiers)))


def test_an_event_with_a_sign_is_held_whole_and_changes_no_visitor() -> None:
    applied = RESOLVE.step((None, None), RAW)
    ((topic, key, held),) = applied.emits
    assert isinstance(held, Quarantined)
    assert (applied.fate, applied.states, topic, key) == ("quarantined", (None, None), QUARANTINE, held.id)
    assert (held.event, held.signs, held.held_at, held.released_at) == (RAW, ["honeypot"], RAW.received_at, 0.0)


def test_a_released_event_is_what_it_would_have_been_and_has_the_id_it_was_held_under() -> None:
    (held,) = (emit.record for emit in RESOLVE.step((None, None), RAW).emits)
    lenient = make_resolve({"site": lambda _: TRAPPED}, b"pepper")
    released = RESOLVE.step((None, None), replace(RAW, released=True))
    assert released == lenient.step((None, None), RAW)
    touch = next(emit.record for emit in released.emits if isinstance(emit.record, Touchpoint))
    assert isinstance(held, Quarantined)
    assert (released.fate, released.emits[-1].topic, touch.id) == ("touchpoint", TOUCHPOINTS, held.id)


def test_a_release_survives_being_moved_to_another_key() -> None:
    moved = RESOLVE.step((None, None), replace(RAW, key="v-elsewhere", released=True))
    assert moved.fate == "rekeyed"
    assert RESOLVE.step((None, None), moved.emits[0].record).fate == "touchpoint"


def test_whoever_withdraws_consent_is_heard_even_by_way_of_a_trap() -> None:
    said = replace(TRAPPED, consent={"contact": False})
    agent = make_resolve({"site": lambda _: said}, b"pepper", judge=Judge())
    assert agent.step((None, None), RAW).fate == "touchpoint"
