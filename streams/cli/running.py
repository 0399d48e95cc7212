"""What may be wrong with a pipeline that runs: lag, stalled workers, dead letters, destinations, alerts."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping

from confluent_kafka import KafkaException

from connectors.controls import State
from connectors.destinations import groups
from connectors.kafka import BrokerUnreachable
from connectors.probe import Lag
from connectors.pulse import Beat, Pulse
from connectors.settings import Connection, ProbeSettings, SettingsError
from schemas.registry import RegistryUnavailable, SchemaRefused
from schemas.topics import DEAD_LETTERS, EVENTS
from streams.cli.finding import Finding

__all__ = ["alerts", "running", "told_of"]

LATE_S = 60.0  # as the alert LeadstreamLagHigh has it
BURIED, FEW = 0.05, 20  # share, as the alert LeadstreamDeadLetters has it, and from how many on
HOUR_S = 3_600.0
BETWEEN_S = 1.5  # two looks tell whether somebody works
WHO = {"leadstream": "worker", "leadstream-fetcher": "fetcher", "leadstream-view": "view"}
RUNBOOK = "docs/runbook/leadstream{}.md"


def running(connection: Connection, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the pipeline twice, a moment apart."""
    try:
        settings = ProbeSettings.read(environ)
        pulse = Pulse(connection, groups(settings.destinations_file))
    except (SettingsError, BrokerUnreachable, RegistryUnavailable, SchemaRefused) as error:
        yield Finding("pipeline", "", str(error))
        return
    try:
        first = pulse.look(time.time())
        time.sleep(BETWEEN_S)
        beat = pulse.look(time.time())
        members = pulse.members(beat.lags) if beat.lags else {}
        for group in beat.lags:
            yield told_of(group, first, beat, members.get(group))
        yield _letters(pulse, beat.at)
        yield from _destinations(beat)
        yield _model(beat)
    except (KafkaException, BrokerUnreachable, KeyError) as error:  # KeyError: a topic is not there
        yield Finding("pipeline", "", f"it cannot be seen ({type(error).__name__}); look at the lines above")
    finally:
        pulse.close()


def told_of(group: str, before: Beat, beat: Beat, members: int | None) -> Finding:
    """Return what two looks tell of a group that has worked before. `members` = processes in it; None = unknown."""
    subject, lag = f"lag of {WHO.get(group, group.removeprefix('leadstream-'))}", beat.lag(group)
    told = f"{lag.records} records, {lag.seconds:.0f} s" if lag.seconds else "nothing is due"
    if members == 0:
        return Finding(subject, told, f"{told}, and nobody is there: start `leadstream {WHO.get(group, 'relay')}`")
    if lag.seconds < LATE_S:
        return Finding(subject, told)
    if not _moved(before.lags.get(group, {}), beat.lags[group]):
        return Finding(subject, told, f"{told} behind, and nothing is committed; {RUNBOOK.format('workerstalled')}")
    return Finding(subject, told, f"{told} behind, and working; {RUNBOOK.format('laghigh')}")


def _moved(before: Mapping[str, Lag], after: Mapping[str, Lag]) -> bool:
    """Tell whether more was committed than before: the end less what is due."""
    return any(
        lag.end - lag.records > before[topic].end - before[topic].records
        for topic, lag in after.items()
        if topic in before
    )


def _letters(pulse: Pulse, now: float) -> Finding:
    buried, came = pulse.since((DEAD_LETTERS,), now - HOUR_S), pulse.since(EVENTS.values(), now - HOUR_S)
    told = f"{buried} in the last hour, of {came} events"
    if buried >= FEW and buried > BURIED * max(came, 1):
        return Finding("dead letters", told, f"{told}; `leadstream deadletters list` says why they are")
    return Finding("dead letters", told)


def _destinations(beat: Beat) -> Iterator[Finding]:
    for name, state in sorted(beat.destinations.items()):
        if state is not State.RUNNING:
            again = f"`leadstream destinations resume {name}` lets it go on"
            yield Finding(f"destination {name}", "", f"it is {state}; {again}")


def _model(beat: Beat) -> Finding:
    if beat.model is None:
        return Finding("model", "none yet: the scorecard scores")
    return Finding("model", f"version {beat.model.version}, of {beat.model.examples} labels")


def alerts(prometheus: str) -> Iterator[Finding]:
    """Return what Prometheus, at this address, says is firing."""
    url = f"{prometheus.rstrip('/')}/api/v1/alerts"
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        yield Finding("alerts", "", "LEADSTREAM_PROMETHEUS_URL is no address that begins with http:// or https://")
        return
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:  # noqa: S310 - looked at above
            told = json.load(answer)["data"]["alerts"]
        firing = [it for it in told if it["state"] == "firing"]
    except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError) as error:
        why = f"Prometheus at LEADSTREAM_PROMETHEUS_URL does not answer ({type(error).__name__})"
        yield Finding("alerts", "", f"{why}; start it or correct the setting")
        return
    for alert in firing:
        labels, notes = alert["labels"], alert.get("annotations", {})
        summary = str(notes.get("summary", "it fires"))
        wrong = f"{summary} ({labels.get('severity', 'ticket')}; {notes.get('runbook', 'no runbook')})"
        yield Finding(f"alert {labels['alertname']}", "", wrong)
    if not firing:
        yield Finding("alerts", "none fires")
