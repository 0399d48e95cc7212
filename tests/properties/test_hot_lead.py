"""A lead that is busy all day costs no more an event than others: its profile does not grow with what it has seen."""

from msgspec.structs import replace

from schemas.records import LeadProfile, Touchpoint
from schemas.topics import LEADS_PROFILES
from streams.domain.profile import DAYS
from streams.engine.fold import Fold
from tests.pipeline import CODEC
from tests.traffic import raw_events
from tests.worker import pipeline


def profiles(events: int) -> list[LeadProfile]:
    """Return the profile of one lead that everything happens to, after each touchpoint."""
    folds = {agent.name: Fold(agent) for agent in pipeline()}
    seen = []
    for raw in raw_events(events):
        for emit in folds["resolve"].apply(0, raw.record):
            if isinstance(emit.record, Touchpoint):
                folds["qualify"].apply(0, replace(emit.record, lead_id="hot"))
                seen.append(folds["qualify"].rows[LEADS_PROFILES.name, 0, "hot"])
    return [one for one in seen if isinstance(one, LeadProfile)]


def test_a_busy_leads_profile_grows_with_its_days_only_and_they_are_thirty() -> None:
    later = profiles(6_000)[1_500:]
    assert {len(profile.seen) for profile in later} == {len(later[0].seen)}
    assert max(len(profile.days) for profile in later) == DAYS
    by_days: dict[int, set[int]] = {}
    for profile in later:
        by_days.setdefault(len(profile.days), set()).add(len(CODEC.encode(profile)))
    assert max(by_days[DAYS]) < 1.5 * min(min(sizes) for sizes in by_days.values())
