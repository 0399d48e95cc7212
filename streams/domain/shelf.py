"""The shelf of model versions: the latest, and one for each hour of a day and each day of a month, on one topic.

The topic is compacted and its keys are a fixed number of places, so that a shelf never grows: a new version takes the
place of an old one. A version that is pinned travels in the pin itself, and cannot be lost.
"""

from schemas.learning import ModelSnapshot

LATEST = 31  # prime: however many examples lie between two versions, all places are used
PLACES = (("hour", 3_600, 24), ("day", 86_400, 30))


def places(before: ModelSnapshot | None, new: ModelSnapshot) -> list[str]:
    """Return the places that a new version takes: one among the latest; the first of an hour or a day keeps that, too.

    >>> model = ModelSnapshot(version=33, kind="c", created_at=7_300.0, examples=1, intercept=0.0, terms=[], metrics={})
    >>> places(None, model)
    ['c/latest/2', 'c/hour/2', 'c/day/0']
    >>> places(model, model)
    ['c/latest/2']
    """
    found = [f"{new.kind}/latest/{new.version % LATEST}"]
    for name, seconds, count in PLACES:
        number = int(new.created_at // seconds)
        if before is None or number > int(before.created_at // seconds):
            found.append(f"{new.kind}/{name}/{number % count}")
    return found
