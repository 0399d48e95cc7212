"""What is wrong with topics is told in a sentence for each kind of fault, however many topics have it."""

import pytest

from connectors.kafka import partitions_of, shapes
from connectors.settings import Connection
from schemas.topics import EVENTS_WEB, MODELS, TOPICS, TOUCHPOINTS, Topic

SETTINGS = Connection.read({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LEADSTREAM_PARTITIONS": "6"})
WELL: dict[Topic, int | None] = {topic: partitions_of(topic, SETTINGS) for topic in TOPICS}
OURS = [topic for topic in TOPICS if topic.partitions is None]


def test_nothing_is_wrong_with_topics_as_they_were_made() -> None:
    assert shapes(WELL, SETTINGS) == []


def test_another_number_of_partitions_is_one_fault_and_its_remedy_is_that_number() -> None:
    [said] = shapes(WELL | dict.fromkeys(OURS, 4), SETTINGS)
    assert said == (
        f"topics events.web, events.ad, events.email and {len(OURS) - 3} more have 4 partitions instead of 6; "
        "set LEADSTREAM_PARTITIONS=4, as they were made"
    )


def test_topics_that_differ_among_each_other_cannot_be_mended_by_a_setting_alone() -> None:
    [said] = shapes(WELL | {EVENTS_WEB: 4, TOUCHPOINTS: 4}, SETTINGS)
    assert said == (
        "topics events.web, touchpoints have 4 partitions instead of 6; all must have the same number: "
        "set LEADSTREAM_PARTITIONS to it, and make those that differ anew"
    )


def test_a_topic_with_a_number_of_its_own_is_not_mended_by_the_setting() -> None:
    assert shapes(WELL | {MODELS: 6}, SETTINGS) == [
        "topic models has 6 partitions instead of 1; make it anew with as many"
    ]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, "topic events.web is missing"),
        (4, "topics events.web, events.ad, events.email, events.crm are missing"),
        (5, "topics events.web, events.ad, events.email and 2 more are missing"),
        (len(TOPICS), f"topics events.web, events.ad, events.email and {len(TOPICS) - 3} more are missing"),
    ],
)
def test_missing_topics_are_named_up_to_four_and_counted_from_there_on(count: int, told: str) -> None:
    [said] = shapes(WELL | dict.fromkeys(TOPICS[:count]), SETTINGS)
    assert said == f"{told}; run `leadstream topics ensure`"
