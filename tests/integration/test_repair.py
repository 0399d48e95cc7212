"""A bug in our code buries events; once it is mended, replaying them gives the state that would have been."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import asdict

from schemas.records import DeadLetter, LeadProfile
from schemas.topics import DEAD_LETTERS, LEADS_PROFILES
from streams.runtime.handle import BrokerHandle
from tests.pipeline import ROOT, Worker, caught_up, fresh_topics, handled, landed, produce, until
from tests.reference import differences, everything, folded, imagined
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
OBSERVED = ("touches", "days", "traits", "consent", "first_visit", "last_visit", "first_seen", "last_seen", "account")


def crashed(bootstrap: str) -> int:
    found = [one.record for one in landed(bootstrap, DEAD_LETTERS)]
    return sum(isinstance(letter, DeadLetter) and letter.reason == "crash" for letter in found)


def observed(profiles: dict[str, LeadProfile]) -> dict[str, dict[str, object]]:
    """Return what is known of the leads, without what depends on when decisions were taken."""
    return {
        lead_id: {name: value for name, value in asdict(profile).items() if name in OBSERVED}
        for lead_id, profile in profiles.items()
        if not profile.merged_into and profile.touches
    }


def test_replay_after_a_fix_gives_the_state_that_would_have_been(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    traffic = list(raw_events(2_000))
    produce(broker.bootstrap, traffic)
    broken = Worker(broker.bootstrap, "w0", tmp_path / "broken.log", broken_share=12)
    broken.start()
    try:
        until(lambda: handled(broker.bootstrap) >= len(traffic), timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        broken.kill()
    lost = crashed(broker.bootstrap)
    assert lost > len(traffic) / 24
    command = [sys.executable, "-m", "streams", "deadletters", "replay", "--reason", "crash"]
    environ = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=60)
    sent = int(told.stdout.split()[0])  # exact copies of one event are sent once
    assert 0.9 * lost <= sent <= lost
    mended = Worker(broker.bootstrap, "w0", tmp_path / "mended.log")
    mended.start()
    try:
        until(lambda: handled(broker.bootstrap) >= len(traffic) + sent, timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        mended.kill()
    last = {one.key: one.record for one in landed(broker.bootstrap, LEADS_PROFILES) if one.value is not None}
    there = {key: row for key, row in last.items() if isinstance(row, LeadProfile)}
    assert observed(there) == observed(imagined(traffic))
    assert crashed(broker.bootstrap) == lost


def test_the_reference_agrees_with_a_quiet_run(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    count = produce(broker.bootstrap, raw_events(1_000))
    worker = Worker(broker.bootstrap, "w0", tmp_path / "worker.log")
    worker.start()
    try:
        until(lambda: handled(broker.bootstrap) >= count, timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        worker.kill()
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []
