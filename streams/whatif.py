"""Who would have been routed differently: the log since a time, with another model version or another scorecard.

Read only. The log is folded from its beginning as it was scored; from the time on it is folded a second time, from the
same state, the other way. Outcomes stay as they came: what sales would have made of other leads, no log can say.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from confluent_kafka import Message

from connectors.reading import everything
from connectors.settings import WorkerSettings
from schemas.codec import Codec
from schemas.learning import ModelSnapshot, TrainingExample
from schemas.records import Audit, LeadProfile, Record, RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import AUDIT, LEADS_ROUTED, TOUCHPOINTS, TRAINING_EXAMPLES, Topic
from streams.cards import card
from streams.domain.snapshots import SCORECARD
from streams.replay import Replay, Used, learned_again
from streams.routes import routing
from streams.versions import NoSuchVersion, shelf

Progress = Callable[[str, int], None]  # what is being done, and how many records it has come to
EACH = 2_000  # records between two words of progress


class NothingSince(Exception):
    """There is nothing to be scored since then."""


class Otherwise(NamedTuple):
    """One lead's score and route as they are, and as they would have been. Scores are chances, 0 to 1."""

    lead_id: str
    account: str
    was: str
    would: str
    was_owner: str
    would_owner: str
    was_score: float
    would_score: float


class WhatIf(NamedTuple):
    """What would have been: of `leads` with something since then, `differently` routed, the largest changes first.

    `decisions` were made since then; `as_recorded` of them come out to the byte when replayed. `stood_in` records were
    scored by a version that is gone, and are replayed with the one before it. `others` = leads that go to the same
    destination, but to another owner: one decision more or less moves every turn after it.
    """

    leads: int
    differently: list[Otherwise]
    others: int
    routes: dict[str, int]
    decisions: int
    as_recorded: int
    stood_in: int


def what_if(
    settings: WorkerSettings, version: int | None, since: float, card_file: str | None, progress: Progress
) -> WhatIf:
    """Fold the log both ways. `version` None = as it was, `card_file` None = the card in use; `since` in seconds.

    Raises `NoSuchVersion`, `NothingSince`, `SettingsError`, `BrokerUnreachable`.
    """
    codec = Codec(open_registry(settings.schema_registry_url or None))
    now, other = card(settings.scorecard_file), card(settings.scorecard_file if card_file is None else card_file)
    used = Used(cast("Audit", it) for it in _records(settings, codec, AUDIT))
    kept = _versions(settings, codec, version, used)
    route = routing(settings.routing_file)
    as_it_was, otherwise = (Replay(kept, it, route, settings.partitions) for it in (now, other))
    begun: set[int] = set()
    touched: dict[str, int] = {}
    decided: dict[str, bytes] = {}
    for number, (message, record) in enumerate(_read(settings, codec, TOUCHPOINTS), start=1):
        if number % EACH == 0:
            progress("touchpoints", number)
        partition, key = message.partition() or 0, (message.key() or b"").decode(errors="replace")
        scored_by = used.version(partition, message.offset() or 0)
        lately = message.timestamp()[1] / 1_000.0 >= since
        if lately and partition not in begun:
            otherwise.begin_as(as_it_was, partition)
            begun.add(partition)
        emits = as_it_was.apply(partition, key, record, scored_by)
        if partition not in begun:
            continue
        otherwise.apply(partition, key, record, scored_by if version is None else version)
        touched[str(getattr(record, "lead_id", ""))] = partition
        routed = [it.record for it in emits if it.topic is LEADS_ROUTED and isinstance(it.record, RoutedLead)]
        decided |= {it.decision_id: codec.encode(it) for it in routed}
    if not touched:
        raise NothingSince("nothing was told of any lead since then; `--since` an earlier time")
    return _compared(as_it_was, otherwise, touched, decided, _recorded(settings, codec, decided))


def _versions(settings: WorkerSettings, codec: Codec, version: int | None, used: Used) -> dict[int, ModelSnapshot]:
    """Return the versions that scored and the one asked for; what is no longer kept is learned again."""
    there = shelf(settings)
    wanted = {*used.versions(), *([] if version is None else [version])} - {SCORECARD}
    if version is not None and version > there.newest:
        there.version(version)  # says which there are
    if not wanted - there.kept.keys():
        return there.kept
    key, ends = settings.snapshot_key.get_secret_value(), settings.bucket_ends_s
    told = (cast("TrainingExample", it) for it in _records(settings, codec, TRAINING_EXAMPLES))
    again = learned_again(told, wanted - there.kept.keys(), key, ends)
    if version not in (None, SCORECARD, *there.kept, *again):
        raise NoSuchVersion(f"model version {version} is not kept, and the examples it was learned from are gone")
    return again | there.kept


def _compared(
    as_it_was: Replay, otherwise: Replay, touched: dict[str, int], decided: dict[str, bytes], recorded: dict[str, bytes]
) -> WhatIf:
    found: list[Otherwise] = []
    routes: dict[str, int] = {}
    leads = others = 0
    for lead_id, partition in touched.items():
        was, would = as_it_was.lead(partition, lead_id), otherwise.lead(partition, lead_id)
        if was is None or would is None or not (was.destination or would.destination):
            continue
        leads += 1
        if was.destination != would.destination:
            found.append(_otherwise(was, would))
            route = f"{was.destination or 'nowhere'} to {would.destination or 'nowhere'}"
            routes[route] = routes.get(route, 0) + 1
        elif was.owner != would.owner:
            others += 1
    return WhatIf(
        leads=leads,
        differently=sorted(found, key=lambda it: (-abs(it.would_score - it.was_score), it.lead_id)),
        others=others,
        routes=routes,
        decisions=len(decided),
        as_recorded=sum(recorded.get(decision) == value for decision, value in decided.items()),
        stood_in=sum(as_it_was.stood_in.values()),
    )


def _otherwise(was: LeadProfile, would: LeadProfile) -> Otherwise:
    return Otherwise(
        lead_id=was.lead_id,
        account=was.account,
        was=was.destination,
        would=would.destination,
        was_owner=was.owner,
        would_owner=would.owner,
        was_score=was.score,
        would_score=would.score,
    )


def _recorded(settings: WorkerSettings, codec: Codec, decided: dict[str, bytes]) -> dict[str, bytes]:
    """Return the decisions of these ids as they lie in the log."""
    found = (cast("RoutedLead", it) for it in _records(settings, codec, LEADS_ROUTED))
    return {it.decision_id: codec.encode(it) for it in found if it.decision_id in decided}


def _records(settings: WorkerSettings, codec: Codec, topic: Topic) -> Iterator[Record]:
    return (record for _, record in _read(settings, codec, topic))


def _read(settings: WorkerSettings, codec: Codec, topic: Topic) -> Iterator[tuple[Message, Record]]:
    """Return what is on a topic; what cannot be read was buried then, and is passed over now."""
    for message in everything(settings, [topic]):
        try:
            yield message, codec.decode(message.value(), topic.records)
        except Rejected:
            continue
