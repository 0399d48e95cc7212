"""Where the pipeline is put together: settings in, a worker out. Importing this module connects to nothing."""

import asyncio
import logging
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from connectors import kafka
from connectors.settings import WorkerSettings
from connectors.sources import SOURCES, direct, listed, wishes
from connectors.sources.mapped import adapter
from connectors.tracing import Tracing, open_tracing
from schemas.codec import Codec
from schemas.keys import is_canary
from schemas.learning import Pending, TrainingExample
from schemas.quarantine import Quarantined
from schemas.records import Record, RoutedLead
from schemas.registry import open_registry
from schemas.step import Agent
from schemas.topics import LEADS_ROUTED, QUARANTINE, QUESTIONS, TRAINING_EXAMPLES
from streams import cards, judges, metrics, routes
from streams.agents.label import LATE_S, make_label
from streams.agents.learn import make_learn
from streams.agents.qualify import make_qualify
from streams.agents.resolve import make_resolve
from streams.domain.blend import Blend
from streams.domain.hazards import ENDS_S
from streams.domain.inputs import Inputs
from streams.domain.junk import LENIENT, Judge
from streams.domain.routing import EXPLORED, Routing
from streams.engine import app as engine
from streams.engine.config import Config
from streams.engine.host import NewStore
from streams.engine.lives import Lives
from streams.health import serve
from streams.models import Models
from streams.names import named
from streams.tracing import RoundTraces

log = logging.getLogger(__name__)


def agents(
    pepper: bytes,
    snapshot_key: bytes,
    partitions: int,
    scorer: Callable[[], Blend],
    routing: Routing,
    *,
    traits: frozenset[str] = frozenset(),
    maps: tuple[str, ...] = (),
    ends: Sequence[float] = ENDS_S,
    late_s: float = LATE_S,
    judge: Judge = LENIENT,
) -> tuple[Agent, ...]:
    """Return the pipeline's agents: the same in a worker, in replay and in the reference fold of the tests."""
    adapters = {name: source.adapt for name, source in SOURCES.items()} | {
        "mapped": adapter(maps),
        listed.NAME: listed.adapt,
        wishes.NAME: wishes.adapt,
        direct.NAME: direct.adapt,
    }
    suffixes = PublicSuffixList()
    return (
        make_resolve(adapters, pepper, lambda host: suffixes.privatesuffix(host) or "", traits, judge)._replace(
            foreign=direct.foreign(pepper)
        ),
        make_qualify(scorer, routing, partitions),
        make_label(ends, late_s, partitions),
        make_learn(snapshot_key, ends),
    )


def build(settings: WorkerSettings, worker: str, tracing: Tracing | None = None) -> tuple[engine.App, Models]:
    """Return a worker's Faust app and the models it scores with. `worker` names the process, uniquely in its group."""
    codec = Codec(open_registry(settings.schema_registry_url))
    client = kafka.client(settings)
    snapshot_key = settings.snapshot_key.get_secret_value()
    models = Models(client, codec, snapshot_key, cards.card(settings.scorecard_file))
    declared = agents(
        settings.pepper.get_secret_value(),
        snapshot_key,
        settings.partitions,
        models,
        routes.routing(settings.routing_file),
        traits=frozenset(settings.traits),
        maps=settings.maps,
        ends=settings.bucket_ends_s,
        late_s=settings.outcome_late_hours * 3_600.0,
        judge=judges.judge(settings.quarantine, settings.hosting_file, settings.forms_per_hour, settings.partitions),
    )
    ready = [agent._replace(prepare=models.catch_up) if agent.name == "qualify" else agent for agent in declared]
    config = Config(
        client,
        worker=worker,
        static=bool(settings.worker_name),
        standby=settings.standby,
        partitions=settings.partitions,
        on_emit=observer(models),
        traces=RoundTraces(tracing) if tracing is not None else None,
    )
    return engine.build(ready, config, codec, stores(settings.state_dir, worker)), models


def run_worker(settings: WorkerSettings) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises `BrokerUnreachable`, `TopicsUnfit`, `MetadataChanged`."""
    former = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until it works: a start broken off is no death
    try:
        with Lives(exits_file(settings)) as lives:
            for why, count in lives.ended.items():  # from 0 on: a series that begins at 1 has not grown for Prometheus
                metrics.EXITS.labels(why).inc(count)
            if problems := kafka.check(settings):  # state beside the wrong partitions would be wrong for ever
                raise kafka.TopicsUnfit("\n".join(problems))
            asyncio.run(_run(settings))
    finally:
        signal.signal(signal.SIGTERM, former)


async def _run(settings: WorkerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tracing = open_tracing("worker", settings)
    app, models = build(settings, named(settings), tracing)
    models.start()
    metrics.STATE_DISK_FREE.set_function(lambda: free_share(settings.state_dir))
    server = serve(settings.metrics_host, settings.metrics_port, app.engine.ready) if settings.metrics_port else None
    try:
        await engine.run(app, stop)
    finally:
        models.stop()
        if tracing is not None:
            tracing.close()
        if server is not None:
            server.shutdown()


def free_share(folder: str) -> float:
    """Return the free share of a folder's disk, 0 to 1; 1 where there is no folder to fill."""
    if not folder or not Path(folder).exists():
        return 1.0
    disk = shutil.disk_usage(folder)
    return disk.free / disk.total


def exits_file(settings: WorkerSettings) -> Path | None:
    """Return where a worker notes how it ends; None where no folder outlives it, or no name of its own."""
    folder = settings.exits_dir or settings.state_dir
    if not (settings.worker_name or settings.metrics_port):  # named by its process id: nobody follows it
        return None
    return Path(folder) / f"{named(settings)}.exits" if folder else None


def stores(state_dir: str, worker: str) -> NewStore | None:
    """Return what makes the stores of a worker: RocksDB in folders of its own, or memory."""
    if not state_dir:
        return None
    from streams.engine.rocks import RocksStore, room  # a library that only this needs

    folder, shared = Path(state_dir) / worker, room()
    metrics.ROCKSDB_BYTES.labels("cache").set_function(shared.blocks.get_usage)
    metrics.ROCKSDB_BYTES.labels("memtable").set_function(shared.writes.get_usage)
    return lambda topic, partition: RocksStore(folder / f"{topic}-{partition}", time.time(), shared)


def observer(scorer: Callable[[], Blend]) -> Callable[[str, Record], None]:
    """Return what looks at all that a worker has sent, once it is committed."""
    inputs = Inputs()
    metrics.INPUT_DRIFT.labels("psi").set_function(inputs.psi)
    metrics.INPUT_DRIFT.labels("unseen").set_function(inputs.unseen)

    def observe(topic: str, record: Record) -> None:
        if topic == QUESTIONS.name and isinstance(record, Pending):
            for asked in record.snapshots:
                if not asked.number:  # one that moves between leads was looked at before
                    inputs.see(asked.features, asked.score, scorer().traits, scorer().routes)
        _observe(topic, record)

    return observe


def _observe(topic: str, record: Record) -> None:
    """Note how long an event took to become a routed lead, why one was held back, and what labels taught."""
    if topic == TRAINING_EXAMPLES.name and isinstance(record, TrainingExample):
        bucket = "verdict" if record.bucket == record.buckets else str(record.bucket + 1)
        metrics.EXAMPLES.labels(bucket, str(record.label)).inc()
    if topic == LEADS_ROUTED.name and isinstance(record, RoutedLead) and not is_canary(record.lead_id):
        if record.erased_at:
            metrics.ERASED.observe(max(time.time() - record.received_at, 0.0))
            return
        if log.isEnabledFor(logging.DEBUG):
            ids = {"lead": record.lead_id, "decision": record.decision_id}
            log.debug("a lead is routed", extra={"destination": record.destination, **ids})
        metrics.EVENT_TO_ROUTED.observe(max(time.time() - record.received_at, 0.0))
        metrics.ROUTED.labels(record.destination).inc()
        metrics.EXPLORED.inc(record.rule.startswith(EXPLORED))
        metrics.SCORES.observe(record.score)
    elif topic == QUARANTINE.name and isinstance(record, Quarantined):
        for sign in record.signs:
            metrics.QUARANTINED.labels(sign).inc()
