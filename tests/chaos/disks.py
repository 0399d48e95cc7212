"""I4, its other half: what workers hold on disk is what their changelogs say, up to where each store stands."""

import time
from pathlib import Path

from streams.engine.rocks import RocksStore
from tests.chaos.checks import Verdict
from tests.reference import Log


def held(folder: Path, log: Log) -> Verdict:
    """Compare every store of every worker, all of which have ended. An older owner's stands where it stood.

    Keys that are written again beyond that place are left out: a changelog may have forgotten what they were.
    """
    lost, extra, notes = 0, 0, list[str]()
    for place in sorted(folder.glob("*/*-*")):
        topic, _, partition = place.name.rpartition("-")
        store = RocksStore(place, time.time())
        rows, position = dict(store.items()), store.position
        store.close()
        last = {one.key: one for one in log[topic] if one.partition == int(partition)}
        due = {key.encode(): one.value for key, one in last.items() if one.offset < position and one.value is not None}
        later = {key.encode() for key, one in last.items() if one.offset >= position}
        missing = [key for key, value in due.items() if rows.get(key) != value]
        strange = [key for key in rows if key not in due and key not in later]
        lost, extra = lost + len(missing), extra + len(strange)
        if missing or strange:
            where = f"{place.parent.name}/{place.name} at {position}"
            notes.append(f"{where}: {len(missing)} rows not as in the changelog, {len(strange)} not in it")
    return Verdict(lost, extra, notes=tuple(notes))
