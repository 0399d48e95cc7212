"""`python -m tests.benchmarks.soak --minutes 30 --rate 500`: does a worker grow that has no reason to?

One worker, ever new events of the same people: its state is bounded, so memory that rises is a leak. The first third is
warm-up; over the rest the slope of the resident memory is fitted by least squares.
"""

import csv
import json
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import msgspec
from confluent_kafka import Producer
from rich.console import Console

from schemas.records import RawEvent
from schemas.topics import Emit
from streams.runtime.provider import Wish, choose
from tests.benchmarks.__main__ import REAL, SCRATCH
from tests.benchmarks.process import open_files, rss_mib
from tests.pipeline import CODEC, QUIET, ROOT, Worker, fresh_topics, until
from tests.traffic import raw_events

POPULATION = 200  # raw events, repeated for ever under new ids: so few that what leads remember is full by the warm-up
EVERY_S = 10.0


class Sight(NamedTuple):
    """One look at the worker, `at_s` after the start."""

    at_s: float
    rss_mib: float
    files: int


def slope(seen: Sequence[Sight]) -> float:
    """Return how fast resident memory rises once warm, MiB an hour.

    >>> round(slope([Sight(1800.0 * n, 100.0 + n, 9) for n in range(9)]), 6)
    2.0
    """
    warm = seen[len(seen) // 3 :]
    mean_s = sum(it.at_s for it in warm) / len(warm)
    mean_mib = sum(it.rss_mib for it in warm) / len(warm)
    rise = sum((it.at_s - mean_s) * (it.rss_mib - mean_mib) for it in warm)
    return 3_600 * rise / sum((it.at_s - mean_s) ** 2 for it in warm)


def endless(population: Sequence[Emit]) -> Iterator[Emit]:
    """Yield the population's events again and again, each time as events that nobody has seen."""
    lap = 0
    while True:
        for topic, key, record in population:
            assert isinstance(record, RawEvent)
            yield Emit(topic, key, msgspec.structs.replace(record, event_id=f"{record.event_id}-{lap}"))
        lap += 1


def feed(bootstrap: str, rate: float, stop: Event) -> None:
    """Write events at a rate until told to stop."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 5, **QUIET})
    began = time.monotonic()
    for number, emit in enumerate(endless(list(raw_events(POPULATION)))):
        if stop.wait(max(0.0, began + number / rate - time.monotonic())):
            break
        producer.produce(emit.topic.name, CODEC.encode(emit.record), emit.key.encode())
        producer.poll(0)
    producer.flush(30)


def watch(worker: Worker, seconds: float) -> Iterator[Sight]:
    """Look at the worker now and then. Fails when it has ended."""
    began = time.monotonic()
    while (at_s := time.monotonic() - began) < seconds:
        now, _ = rss_mib(worker.pid)
        yield Sight(at_s, now, open_files(worker.pid))
        time.sleep(EVERY_S)


def soak(options: Namespace, folder: Path, console: Console) -> list[Sight]:
    """Run a worker for as long as told; return what was seen of it."""
    broker = choose(REAL, options.broker).start(Wish(folder / "broker"))
    state = str(folder / "state") if options.store == "rocksdb" else ""
    worker, stop = Worker(broker.bootstrap, "w0", folder / "worker.log", state_dir=state), Event()
    feeder = Thread(target=feed, args=(broker.bootstrap, options.rate, stop))
    try:
        fresh_topics(broker.bootstrap)
        worker.start()
        until(lambda: len(worker.owned) > 0)
        feeder.start()
        seen = []
        for sight in watch(worker, options.minutes * 60):
            seen.append(sight)
            console.print(f"{sight.at_s:6.0f} s  {sight.rss_mib:7.1f} MiB  {sight.files} files")
        return seen
    finally:
        stop.set()
        if feeder.is_alive():
            feeder.join()
        worker.kill()
        broker.stop()


def main() -> None:
    """Soak as told; leave every look in build/soak-STORE.csv and the outcome in build/soak-STORE.json."""
    parser = ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=500.0, help="raw events a second")
    parser.add_argument("--store", choices=("memory", "rocksdb"), default="memory")
    parser.add_argument("--broker", default="auto", help=f"auto, {', '.join(provider.name for provider in REAL)}")
    options, console = parser.parse_args(), Console()
    with tempfile.TemporaryDirectory(prefix="leadstream-soak-", dir=SCRATCH) as folder:
        seen = soak(options, Path(folder), console)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with (build / f"soak-{options.store}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([Sight._fields, *seen])
    first, *_, last = seen[len(seen) // 3 :]
    told = {
        "store": options.store,
        "minutes": options.minutes,
        "rate": options.rate,
        "slope_mib_h": round(slope(seen), 2),
        "rss_mib": [round(first.rss_mib, 1), round(last.rss_mib, 1)],
        "files": [first.files, last.files],
    }
    (build / f"soak-{options.store}.json").write_text(json.dumps(told) + "\n")
    console.print_json(json.dumps(told))


if __name__ == "__main__":
    main()
