"""The topics: what travels on each, under which key, over how many partitions, and for how long it is kept.

Topics whose `partitions` are the pipeline's (`None`) all have the same number, so that a key's state, changelog and
input lie on one worker. Every topic is created explicitly (`leadstream topics ensure`); nothing relies on
auto-creation.
"""

from typing import NamedTuple

from schemas.learning import Clock, Lessons, ModelPin, ModelSnapshot, Pending, TrainingExample, Withdrawal
from schemas.quarantine import Crowd, Quarantined
from schemas.records import (
    Audit,
    Channel,
    DeadLetter,
    LeadProfile,
    Link,
    Merge,
    Outcome,
    PlainEvent,
    RawEvent,
    Record,
    Roster,
    RoutedLead,
    Touchpoint,
    Visitor,
)

DAY_S = 86_400
FOREVER_S = -1
RETRY = ".retry."
TOMBSTONES_S = 7 * DAY_S  # how long a deletion can still be read by who has not seen it


class Topic(NamedTuple):
    """One topic. `partitions` None = the pipeline's number; `compacted` keeps the last value of each key."""

    name: str
    records: tuple[type[Record], ...]
    key: str
    partitions: int | None = None
    retention_s: int = FOREVER_S
    compacted: bool = False

    def config(self) -> dict[str, str]:
        """Return the topic's Kafka configuration. State is trusted for less long than tombstones live."""
        if self.compacted:
            return {
                "cleanup.policy": "compact",
                "delete.retention.ms": str(TOMBSTONES_S * 1000),
                "segment.ms": "3600000",
            }
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_s * 1000 if self.retention_s > 0 else -1),
        }


class Emit(NamedTuple):
    """A record on its way to a topic, under its key: what a step returns, and what the engine performs."""

    topic: Topic
    key: str
    record: Record


EVENTS_WEB = Topic("events.web", (RawEvent, PlainEvent), "visitor or user id", retention_s=30 * DAY_S)
EVENTS_AD = Topic("events.ad", (RawEvent, PlainEvent), "identifier", retention_s=30 * DAY_S)
EVENTS_EMAIL = Topic("events.email", (RawEvent, PlainEvent), "identifier", retention_s=30 * DAY_S)
EVENTS_CRM = Topic("events.crm", (RawEvent, PlainEvent), "lead id or identifier", retention_s=30 * DAY_S)
NOTICES = Topic("notices", (RawEvent,), "what is to be fetched", retention_s=30 * DAY_S)
TOUCHPOINTS = Topic("touchpoints", (Touchpoint, Outcome, Link, Merge), "lead id", retention_s=90 * DAY_S)
VISITORS = Topic("visitors", (Visitor,), "visitor id", compacted=True)
CROWDS = Topic("crowds", (Crowd,), "what is counted", compacted=True)
LEADS_PROFILES = Topic("leads.profiles", (LeadProfile,), "lead id", compacted=True)
ROSTERS = Topic("rosters", (Roster,), "pool", compacted=True)
LEADS_ROUTED = Topic("leads.routed", (RoutedLead,), "lead id", retention_s=90 * DAY_S)
LEADS_CONVERSIONS = Topic("leads.conversions", (RoutedLead,), "lead id", retention_s=90 * DAY_S)
QUESTIONS = Topic("questions", (Pending, Outcome, Withdrawal, Clock), "lead id", retention_s=90 * DAY_S)
PENDING = Topic("labels.pending", (Pending,), "lead id", compacted=True)
CLOCKS = Topic("labels.clocks", (Clock,), "clock", compacted=True)
TRAINING_EXAMPLES = Topic("training.examples", (TrainingExample,), "lead id", partitions=1, retention_s=400 * DAY_S)
MODELS = Topic("models", (ModelSnapshot,), "model kind", partitions=1, compacted=True)
LESSONS = Topic("lessons", (Lessons,), "model kind", partitions=1, compacted=True)
MODEL_VERSIONS = Topic("models.versions", (ModelSnapshot,), "shelf place", partitions=1, compacted=True)
MODEL_PINS = Topic("models.pins", (ModelPin,), "model kind", partitions=1)  # which model scores, as people told it
DEAD_LETTERS = Topic("dead-letters", (DeadLetter,), "dead letter id", retention_s=30 * DAY_S)
QUARANTINE = Topic("quarantine", (Quarantined,), "event id", retention_s=30 * DAY_S)
AUDIT = Topic("audit", (Audit,), "agent", retention_s=30 * DAY_S)
DESTINATIONS = Topic("destinations", (), "destination", partitions=1, compacted=True)  # what the relay is told
PROBES = Topic("probes", (), "none", retention_s=3_600)  # what the collector writes to see that it can

TOPICS = (
    EVENTS_WEB,
    EVENTS_AD,
    EVENTS_EMAIL,
    EVENTS_CRM,
    NOTICES,
    TOUCHPOINTS,
    VISITORS,
    CROWDS,
    LEADS_PROFILES,
    ROSTERS,
    LEADS_ROUTED,
    LEADS_CONVERSIONS,
    QUESTIONS,
    PENDING,
    CLOCKS,
    TRAINING_EXAMPLES,
    MODELS,
    LESSONS,
    MODEL_VERSIONS,
    MODEL_PINS,
    DEAD_LETTERS,
    QUARANTINE,
    AUDIT,
    DESTINATIONS,
    PROBES,
)
EVENTS = {
    Channel.WEB: EVENTS_WEB,
    Channel.AD: EVENTS_AD,
    Channel.EMAIL: EVENTS_EMAIL,
    Channel.CRM: EVENTS_CRM,
}


def retry_name(topic: Topic, destination: str) -> str:
    """Return the name of the topic where what is to be told to a destination waits."""
    return f"{topic.name}{RETRY}{destination}"


def retried(name: str) -> str:
    """Return the topic of which a retry topic is one, by their names; "" when it is none.

    >>> retried("leads.routed.retry.hubspot"), retried("leads.routed")
    ('leads.routed', '')
    """
    topic, _, destination = name.partition(RETRY)
    return topic if destination else ""
