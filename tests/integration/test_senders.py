"""Senders as their contracts have them, against a real collector: they repeat, overtake one another and are forged.

Nothing that was thanked for is lost, and what came often counts once.
"""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple

import pytest

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES, Request
from schemas.records import Outcome, RawEvent, Touchpoint
from schemas.topics import EVENTS, NOTICES, Emit
from streams.domain.flurries import REASON as SCANNER
from streams.engine.fold import Fold
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import NOW, SENDERS, fetched, ga4_query, goldens, secrets, settings, stored
from tests.traffic import PEPPER
from tests.worker import pipeline

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

AGAIN = {429, 503}  # "later", as every sender hears it but Google's, which gives a lead up at any 4xx
FINAL = {"google_ads": range(400, 500)}
PLATFORMS = [name for name in SOURCES if name != "canary"]  # our own probe leaves no state


class Post(NamedTuple):
    """One delivery of a golden payload; a forged one is signed with a secret that is none."""

    name: str
    path: str
    payload: bytes
    forged: bool

    def signed(self) -> tuple[str, bytes, dict[str, str]]:
        """Path, body and headers as its sender dresses them; GA4's has its secret in the query."""
        secret = "forged" if self.forged else secrets(self.name)[0]
        path = f"{self.path}?{ga4_query(secret)}" if self.name == "ga4" else self.path
        return (path, *SENDERS[self.name].sign(self.payload, NOW, secret))


def posts(random: Random) -> Iterator[Post]:
    """Every golden payload, most of them more than once since an answer was lost, and now and then a forgery."""
    for name in PLATFORMS:
        for file in goldens(name):
            golden = json.loads(file.read_text())
            payload = json.dumps(golden["payload"]).encode()
            for _ in range(1 + random.choice((0, 1, 2))):
                yield Post(name, golden["path"], payload, forged=False)
            if random.random() < 0.5:
                yield Post(name, golden["path"], payload, forged=True)


def deliver(collector: Collecting, post: Post) -> int:
    """Send until the answer is final for that sender; return it."""
    path, body, headers = post.signed()
    for _ in range(500):
        status = collector.ask(path, body, **headers).status
        if status not in AGAIN or status in FINAL.get(post.name, ()):
            return status
        time.sleep(0.02)
    raise AssertionError("the collector never takes it")


def expected(given: CollectorSettings) -> dict[tuple[str, str], RawEvent]:
    """What is to be stored, by source and event id; notices as what the fetcher brings for them."""
    found = {}
    for name in PLATFORMS:
        for file in goldens(name):
            golden = json.loads(file.read_text())
            body, headers = SENDERS[name].sign(json.dumps(golden["payload"]).encode(), NOW, secrets(name)[0])
            brought = iter(golden.get("found", []))
            request = Request("POST", golden["path"], headers, body, NOW)
            for part in SOURCES[name](given).split(request):
                if not part.ignored:
                    found[name, part.event_id] = stored(name, fetched(part, brought))
    return found


def test_nothing_that_was_thanked_for_is_lost_and_each_event_has_one_effect(broker: BrokerHandle) -> None:
    random = Random(7)
    deliveries = list(posts(random))
    random.shuffle(deliveries)
    given = settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
        LEADSTREAM_COLLECTOR_PORT="0",
        LEADSTREAM_RATE_PER_S="25",
        LEADSTREAM_PEPPER=PEPPER.decode(),
    )
    with collecting(given, clock=lambda: NOW) as collector, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda post: (post, deliver(collector, post)), deliveries))
        kept = [raw for topic in (*EVENTS.values(), NOTICES) for _, raw in collector.stored(topic)]
    assert {post.forged for post, _ in answers} == {True, False}
    assert all(status in {200, 204} for post, status in answers if not post.forged)
    assert all(400 <= status < 500 for post, status in answers if post.forged)
    due = expected(given)
    assert {(raw.source, raw.event_id) for raw in kept} == set(due)
    assert len(kept) > len(due)
    effects(due, kept)


def effects(due: dict[tuple[str, str], RawEvent], kept: list[RawEvent]) -> None:
    """Fold what was stored, copies and all; notices are what the fetcher would have brought for them."""
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    waiting: list[Emit | RawEvent] = [due[raw.source, raw.event_id] for raw in kept]
    fates: defaultdict[str, Counter[str]] = defaultdict(Counter)
    while waiting:
        it = waiting.pop(0)
        record = it.record if isinstance(it, Emit) else it
        if isinstance(record, RawEvent):
            waiting[:0] = resolve.apply(0, record)
        else:
            before = qualify.fates.copy()
            waiting[:0] = [emit for emit in qualify.apply(0, record) if emit.topic.name == "touchpoints"]
            if isinstance(record, (Touchpoint, Outcome)) and not (record.id in fates and _undone(record)):
                fates[record.id] += qualify.fates - before
    assert not resolve.rejected
    assert not qualify.rejected
    assert len(fates) > len(PLATFORMS)
    for met in fates.values():  # of who has asked to be forgotten nothing is kept
        assert met["applied"] + met["erased"] == 1 or set(met) == {"suppressed"}
    assert qualify.fates["deduplicated"] > 0


def _undone(record: Touchpoint | Outcome) -> bool:
    """Whether it takes back what a scanner clicked: one effect, and no second one."""
    return isinstance(record, Touchpoint) and record.weight_reason == SCANNER
