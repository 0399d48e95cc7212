"""The model versions there are, which of them is to score, and how to say so: what `leadstream model` works with.

A pin is an event on `models.pins`. Workers heed it from their next slice of records on, and the slice's audit names the
version that scored it: so a replay uses the same version at the same offset, however the two topics interleaved.
"""

import time
from typing import NamedTuple, cast

from confluent_kafka import KafkaError

from connectors import kafka
from connectors.reading import everything
from connectors.settings import WorkerSettings
from schemas.codec import Codec
from schemas.learning import ModelPin, ModelSnapshot
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import MODEL_PINS, MODEL_VERSIONS, MODELS
from streams.domain.scoring import KIND
from streams.domain.snapshots import NEWEST, SCORECARD, pin_refusal, refusal, sign_pin

ASK_S = 10.0


class NoSuchVersion(Exception):
    """The version is not kept; the text says which are."""


class Shelf(NamedTuple):
    """The good versions by number, the highest being the newest; the pin that holds; how many were refused, and why."""

    kept: dict[int, ModelSnapshot]
    pin: ModelPin | None
    refused: dict[str, int]

    @property
    def newest(self) -> int:
        """The newest version; 0 where there is none but the scorecard."""
        return max(self.kept, default=SCORECARD)

    @property
    def in_use(self) -> int:
        """The version that is to score now."""
        return self.newest if self.pin is None or self.pin.version == NEWEST else self.pin.version

    def version(self, number: int) -> ModelSnapshot:
        """Return a version. Raises `NoSuchVersion`."""
        if number not in self.kept:
            there = ", ".join(map(str, sorted(self.kept, reverse=True)[:12]))
            kept = f"kept are {there}" if there else "nothing has been learned yet"
            raise NoSuchVersion(f"there is no model version {number}; {kept} (`leadstream model list` shows all)")
        return self.kept[number]

    def before(self) -> int:
        """Return the newest version older than the one in use; 0 = the scorecard. Raises `NoSuchVersion`."""
        if self.in_use == SCORECARD:
            raise NoSuchVersion("the scorecard scores: there is nothing before it to go back to")
        return max((number for number in self.kept if number < self.in_use), default=SCORECARD)


def shelf(settings: WorkerSettings) -> Shelf:
    """Return what there is. Raises `BrokerUnreachable`, `RegistryUnavailable`."""
    codec, key = _codec(settings), settings.snapshot_key.get_secret_value()
    kept: dict[int, ModelSnapshot] = {}
    refused: dict[str, int] = {}
    held: ModelPin | None = None
    for message in everything(settings, (MODELS, MODEL_VERSIONS, MODEL_PINS)):
        try:
            record = codec.decode(message.value(), (ModelSnapshot, ModelPin))
        except Rejected as rejected:
            refused[rejected.reason] = refused.get(rejected.reason, 0) + 1
            continue
        if isinstance(record, ModelPin):
            why = pin_refusal(record, key, held.number if held else 0)
            held = record if why is None else held
        else:
            snapshot = cast("ModelSnapshot", record)
            why = refusal(snapshot, key, SCORECARD)
            if why is None:
                kept[snapshot.version] = snapshot
        if why is not None:
            refused[why] = refused.get(why, 0) + 1
    if held is not None and held.snapshot is not None:
        kept[held.version] = held.snapshot
    return Shelf(kept, held, refused)


def pin(settings: WorkerSettings, there: Shelf, version: int, why: str = "") -> ModelPin:
    """Say that a version (or `NEWEST`, or `SCORECARD`) scores from now on; returns when the broker has it.

    Raises `NoSuchVersion`, `BrokerUnreachable`, `RegistryUnavailable`.
    """
    unsigned = ModelPin(
        number=there.pin.number + 1 if there.pin else 1,
        kind=KIND,
        version=version,
        at=time.time(),
        why=why,
        snapshot=None if version in (NEWEST, SCORECARD) else there.version(version),
    )
    pin = sign_pin(unsigned, settings.snapshot_key.get_secret_value())
    outcome: list[KafkaError | None] = []
    producer = kafka.producer(settings, ASK_S)
    producer.produce(
        MODEL_PINS.name, _codec(settings).encode(pin), KIND, on_delivery=lambda error, _: outcome.append(error)
    )
    producer.flush()
    if outcome != [None]:
        raise kafka.BrokerUnreachable(f"{MODEL_PINS.name} cannot be written: {outcome[0]}")
    return pin


def _codec(settings: WorkerSettings) -> Codec:
    return Codec(open_registry(settings.schema_registry_url or None), ["ModelSnapshot", "ModelPin"])
