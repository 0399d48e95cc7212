"""Somebody is erased while the pipeline runs: nothing that is kept by key knows them any more, whoever restores it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from schemas.keys import pseudonym
from schemas.records import LeadProfile, PlainEvent
from schemas.topics import EVENTS_WEB, LEADS_PROFILES, LEADS_ROUTED, TOPICS, Emit
from streams.runtime.handle import BrokerHandle
from tests.pipeline import ROOT, Worker, caught_up, fresh_topics, landed, produce, until
from tests.traces import found, traces
from tests.traffic import PEPPER

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
NOW = time.time() - 3_600.0  # a wish counts from when it is made
JANE, BOB = "c0ffee", "decade"


def life(token: str, begin: int = 0) -> list[Emit]:
    """What somebody does on two devices, each word of it theirs alone."""
    address = f"{token}@{token}.example"
    told: list[dict[str, Any]] = [
        {"visitor": f"{token}-phone"},
        {"visitor": f"{token}-phone", "user": f"{token}-user"},
        {"visitor": f"{token}-laptop"},
        {"visitor": f"{token}-laptop", "user": f"{token}-user", "email": address, "phone": "+442079460958"},
        {"visitor": f"{token}-phone", "email": address},
    ]
    return [
        Emit(
            EVENTS_WEB,
            token,
            PlainEvent(
                id=f"{token}-{begin + number}",
                type="demo_request" if "email" in who else "page",
                occurred_at=NOW + number,
                url=f"https://site.example/{token}?utm_source={token}&utm_campaign={token}&gclid={token}",
                properties={"first_name": token, "title": f"Director {token}", "industry": token},
                consent={"contact": True},
                **who,
            ),
        )
        for number, who in enumerate(told)
    ]


def given_away(bootstrap: str, token: str, since: dict[tuple[str, int], int]) -> list[str]:
    """Where somebody shows: in the last value of a key, or in a decision that was sent since."""
    known = traces([token, f"{token}@{token}.example"])
    shown = []
    for topic in (topic for topic in TOPICS if topic.compacted):
        rows = {one.key: one.value for one in landed(bootstrap, topic) if topic.records}
        shown += [f"{topic.name}: {name}" for value in rows.values() if value for name in found(value, known)]
    decisions = landed(bootstrap, LEADS_ROUTED, since=since)
    return shown + [f"{LEADS_ROUTED.name}: {name}" for one in decisions for name in found(one.value or b"", known)]


@pytest.fixture
def bootstrap(broker: BrokerHandle) -> str:
    fresh_topics(broker.bootstrap)
    return broker.bootstrap


@contextmanager
def working(bootstrap: str, log: Path, folder: Path) -> Iterator[Callable[..., None]]:
    """A worker whose state rests in the folder; the value writes events, and returns when all is dealt with."""

    def dealt_with() -> bool:
        try:
            return caught_up(bootstrap)
        except KafkaException:  # a broker that is busy has no coordinator for a while
            return False

    def deal_with(*told: Emit) -> None:
        produce(bootstrap, told)
        until(dealt_with, timeout_s=180)

    worker = Worker(bootstrap, "w0", log, state_dir=str(folder))
    worker.start()
    try:
        yield deal_with
    finally:
        worker.kill()


def test_who_was_erased_is_in_no_row_and_in_no_later_decision_and_no_restore_brings_them_back(
    bootstrap: str, tmp_path: Path
) -> None:
    lead = pseudonym("e", f"{JANE}@{JANE}.example", PEPPER)
    log, disk = tmp_path / "worker.log", tmp_path / "disk"
    with working(bootstrap, log, disk) as deal_with:
        deal_with(*life(JANE), *life(BOB))
        assert given_away(bootstrap, JANE, {})
        ended = {(LEADS_ROUTED.name, one.partition): one.offset + 1 for one in landed(bootstrap, LEADS_ROUTED)}
        wish = [sys.executable, "-m", "streams", "erase", "--user", f"{JANE}-user", "--yes", "--wait", "--json"]
        environ = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": bootstrap, "LEADSTREAM_PEPPER": PEPPER.decode()}
        told = subprocess.run(wish, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=120)
        said = json.loads(told.stdout)
        assert lead in {one["lead"] for one in said["erased"]}
        assert (said["waiting"], max(one["after_s"] for one in said["erased"]) < 60) == ([], True)
        deal_with()
        assert given_away(bootstrap, JANE, ended) == []
    for begin, folder in enumerate((disk, tmp_path / "another"), 1):  # what it had, and nothing at all
        with working(bootstrap, log, folder) as deal_with:
            deal_with(*life(JANE, begin=100 * begin))
        assert given_away(bootstrap, JANE, ended) == []
    assert given_away(bootstrap, BOB, {})
    stub = {one.key: one.record for one in landed(bootstrap, LEADS_PROFILES) if one.value}[lead]
    assert isinstance(stub, LeadProfile)
    assert (stub.touches, stub.erased_at > 0) == (0, True)
