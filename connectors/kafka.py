"""Kafka as the doors use it: clients with our settings, topics made explicitly, their faults in sentences."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from connectors.advice import advice
from connectors.settings import Connection
from schemas.topics import TOMBSTONES_S, TOPICS, Topic

Config = dict[str, str | int | float | bool]
PATIENCE_S = 10.0
TAKEN_S = 30.0  # of who does not wait for a person: the broker has that long to say that it has what we wrote
TO_THE_END: Config = {  # of who reads up to an end: a broker that has nothing to tell waits 500 ms by default
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
}
LEADERS_S = 60.0  # new partitions have their leader in a moment, unless the broker has much else to do
NAMED = 3  # topics that a sentence names before it counts the rest
logging.getLogger("librdkafka").addHandler(logging.NullHandler())  # commands say it themselves, in one sentence
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class BrokerUnreachable(Exception):
    """No broker answers; the text names the setting."""


class TopicsUnfit(Exception):
    """Topics are missing or not as declared: work on them would go wrong; one line for each kind of fault."""


class Ensured(NamedTuple):
    """What `ensure` did: names of the topics it made, and sentences about those that are not as declared."""

    created: tuple[str, ...]
    problems: tuple[str, ...]


class Said(logging.Handler):
    """Keeps what librdkafka says while it tries to get in."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def client(settings: Connection) -> Config:
    """Return the configuration that all our Kafka clients share."""
    return {
        **settings.librdkafka(),
        "client.id": "leadstream",
        "reconnect.backoff.max.ms": 1_000,  # the default of 10 s keeps /readyz red long after the broker is back
        "log_level": 3,
        "logger": cast("str", logging.getLogger("librdkafka")),  # the one value that is none of the types
    }


def producer(settings: Connection, timeout_s: float) -> Producer:
    """Return a producer that loses nothing it says was sent: every replica acknowledges, retries are not doubled.

    A message that is not acknowledged within `timeout_s` is given up, so that nothing is delivered long after its
    sender was told that it failed. Keys go to the partitions that Java's default partitioner gives them.
    """
    return Producer(
        {
            **client(settings),
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 1,  # measured: 0 halves the throughput, 2 adds a millisecond to every answer
            "batch.size": 262_144,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 131_072,
            "message.timeout.ms": int(timeout_s * 1000),
            "socket.nagle.disable": True,
        }
    )


def consumer(settings: Connection, group: str, offset_reset: str = "earliest", extra: Config | None = None) -> Consumer:
    """Return a consumer of committed records that commits only when it is told to."""
    return Consumer(
        {
            **client(settings),
            **(extra or {}),
            "group.id": group,
            "auto.offset.reset": offset_reset,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
        }
    )


def names(settings: Connection) -> set[str]:
    """Return the names of the topics that are there. Raises `BrokerUnreachable`."""
    return set(_partitions(settings)[1])


def partitions_of(topic: Topic, settings: Connection) -> int:
    """Return over how many partitions a topic is spread in this pipeline."""
    return topic.partitions or settings.partitions


def reach(settings: Connection) -> None:
    """Return when a broker answers. Raises `BrokerUnreachable`: commands do not wait for one that is away."""
    _partitions(settings)


def ensure(settings: Connection, topics: Iterable[Topic] = TOPICS) -> Ensured:
    """Make the topics that are missing, wait until they serve, and tell what is wrong with the others.

    Raises `BrokerUnreachable`.
    """
    wanted = tuple(topics)
    admin, there = _partitions(settings)
    missing = [topic for topic in wanted if topic.name not in there]
    created = []
    if missing:
        made = admin.create_topics(
            [
                NewTopic(
                    topic.name, partitions_of(topic, settings), settings.replication, config=_config(topic, settings)
                )
                for topic in missing
            ],
            operation_timeout=PATIENCE_S,
        )
        for name, done in made.items():
            try:
                done.result()
                created.append(name)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else was quicker
                    raise BrokerUnreachable(f"topic {name} cannot be made: {error.args[0].str()}") from error
        _await_leaders(admin, [topic for topic in wanted if topic.name in created], settings)
    return Ensured(tuple(sorted(created)), tuple(check(settings, wanted)))


def _config(topic: Topic, settings: Connection) -> dict[str, str]:
    """Return a topic's configuration; with three copies, two must have a record before it counts as written."""
    return topic.config() | ({"min.insync.replicas": "2"} if settings.replication >= 3 else {})


def check(settings: Connection, topics: Iterable[Topic] = TOPICS) -> list[str]:
    """Return one sentence for each thing that is wrong with topics, naming those it is true of.

    Raises `BrokerUnreachable`.
    """
    wanted = tuple(topics)
    admin, there = _partitions(settings)
    problems = shapes({topic: there.get(topic.name) for topic in wanted}, settings)
    present = [topic for topic in wanted if topic.name in there]
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in present]
    described = admin.describe_configs(resources) if resources else {}
    try:
        configs = {resource.name: done.result(PATIENCE_S) for resource, done in described.items()}
    except (KafkaException, TimeoutError) as error:
        raise BrokerUnreachable(f"the brokers do not say how topics are configured: {error}") from error
    unfit: dict[str, list[str]] = {}
    for topic in present:
        entry, due_policy = configs[topic.name].get("cleanup.policy"), topic.config()["cleanup.policy"]
        if entry is not None and entry.value != due_policy:
            wrong = f"cleanup.policy={entry.value} instead of {due_policy}; alter it on the broker"
            unfit.setdefault(wrong, []).append(topic.name)
        kept = configs[topic.name].get("delete.retention.ms")
        if topic.compacted and kept is not None and int(kept.value) < TOMBSTONES_S * 1000:
            wrong = f"delete.retention.ms={kept.value}, less than {TOMBSTONES_S * 1000}: erased leads might come back"
            unfit.setdefault(f"{wrong}; alter it on the broker", []).append(topic.name)
    return [*problems, *(f"{_listed(names)} {_has(names)} {wrong}" for wrong, names in unfit.items())]


def shapes(there: Mapping[Topic, int | None], settings: Connection) -> list[str]:
    """Return what is wrong with how many partitions topics have; None = there is no such topic."""
    missing = [topic.name for topic, found in there.items() if found is None]
    odd: dict[tuple[int, int, bool], list[str]] = {}
    for topic, found in there.items():
        due = partitions_of(topic, settings)
        if found is not None and found != due:
            odd.setdefault((found, due, topic.partitions is None), []).append(topic.name)
    alike = {found for topic, found in there.items() if topic.partitions is None and found is not None}
    problems = []
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        problems.append(f"{_listed(missing)} {verb} missing; run `leadstream topics ensure`")
    for (found, due, ours), names in odd.items():
        if not ours:
            remedy = "make it anew with as many"
        elif len(alike) == 1:
            remedy = f"set LEADSTREAM_PARTITIONS={found}, as they were made"
        else:
            remedy = "all must have the same number: set LEADSTREAM_PARTITIONS to it, and make those that differ anew"
        problems.append(f"{_listed(names)} {_has(names)} {found} partitions instead of {due}; {remedy}")
    return problems


def _listed(names: Sequence[str]) -> str:
    """Return names as a sentence's subject, the first of many.

    >>> _listed(["a"]), _listed(["a", "b"]), _listed("abcdef")
    ('topic a', 'topics a, b', 'topics a, b, c and 3 more')
    """
    if len(names) == 1:
        return f"topic {names[0]}"
    rest = f" and {len(names) - NAMED} more" if len(names) > NAMED + 1 else ""
    return f"topics {', '.join(names[: NAMED if rest else NAMED + 1])}{rest}"


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _await_leaders(admin: AdminClient, topics: list[Topic], settings: Connection) -> None:
    """Return when every partition answers: a broker says that a topic is made a little before it serves it.

    Each time the client is made to look at the cluster anew: librdkafka remembers that there was no leader, and with
    three brokers it never looked again in 6 of 80 tries (2.16.0).
    """
    ends = {
        TopicPartition(topic.name, partition): LATEST
        for topic in topics
        for partition in range(partitions_of(topic, settings))
    }
    until = time.monotonic() + LEADERS_S
    while ends:
        answers = admin.list_offsets(ends, request_timeout=PATIENCE_S)
        failed = {place: error for place, answer in answers.items() if (error := answer.exception(PATIENCE_S))}
        ends = dict.fromkeys(failed, LATEST)
        if not ends:
            return
        if time.monotonic() > until:
            names, why = ", ".join(sorted({place.topic for place in ends})), next(iter(failed.values()))
            raise BrokerUnreachable(f"topics without a leader: {names}; look at the brokers ({why})")
        time.sleep(0.05)
        with suppress(KafkaException):
            admin.list_topics(timeout=PATIENCE_S)


def _partitions(settings: Connection) -> tuple[AdminClient, dict[str, int]]:
    """Return a client, and how many partitions each topic has. Raises `BrokerUnreachable`, naming the setting."""
    said = Said()
    told = logging.Logger("asking")  # noqa: LOG001 - not ours, and nobody's parent: what it hears is for the sentence below
    told.addHandler(said)
    admin = AdminClient({**client(settings), "log_level": 6, "logger": cast("str", told)})
    try:
        topics = admin.list_topics(timeout=PATIENCE_S).topics
    except KafkaException as error:
        admin.poll(0)
        where = f"KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}"
        if why := next(filter(None, map(advice, said.lines)), ""):
            raise BrokerUnreachable(f"no way into the brokers at {where}: {why}") from error
        raise BrokerUnreachable(f"no broker answers at {where}: {error.args[0].str()}") from error
    return admin, {name: len(topic.partitions) for name, topic in topics.items()}
