"""What we lean on in aiokafka: how its fetcher hands records out, its positions, its membership. And in librdkafka."""

import asyncio
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Spot

from streams.engine import group
from streams.engine.transport import BatchConsumerThread
from tests.unit.faust.memory import Log, stock

A, B = TopicPartition("a", 0), TopicPartition("b", 0)
CONTROL, ATTRIBUTES_AT = 0x20, 21


def batch(first: int, count: int, producer_id: int = -1, *, control: bytes | None = None) -> bytes:
    """A record batch as the broker stores it; `control` = the key of a transaction's marker."""
    options = {"producer_id": producer_id, "producer_epoch": 0, "base_sequence": 0}
    builder = DefaultRecordBatchBuilder(2, 0, producer_id >= 0, **options, batch_size=1 << 16)
    for place in range(count):
        builder.append(place, timestamp=1_000, key=control or b"k", value=b"%d" % (first + place), headers=[])
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, first)
    if control is not None:
        attributes = struct.unpack_from(">h", made, ATTRIBUTES_AT)[0]
        struct.pack_into(">h", made, ATTRIBUTES_AT, attributes | CONTROL)
    return bytes(made)


ABORT, COMMIT = (struct.pack(">hh", 0, kind) for kind in (0, 1))


def fetched(*batches: bytes, aborted: Iterable[tuple[int, int]] = ()) -> PartitionRecords:
    """What a fetch brought of partition A, to be read from offset 0."""
    records = MemoryRecords(b"".join(batches))
    return PartitionRecords(A, records, list(aborted), 0, None, None, False, READ_COMMITTED)


class Fetching:
    """aiokafka's own subscription state and fetcher, given what a broker would have answered."""

    def __init__(self, *parts: TopicPartition) -> None:
        self.state = SubscriptionState()
        self.state.subscribe({part.topic for part in parts})
        self.state.assign_from_subscribed(set(parts))
        ready = SimpleNamespace(force_metadata_update=lambda: None)
        self.fetcher = Fetcher.__new__(Fetcher)
        self.fetcher._subscriptions, self.fetcher._client, self.fetcher._records = self.state, ready, {}
        self.fetcher._wait_consume_future, self.fetcher._fetch_waiters, self.fetcher._closed = None, set(), False
        self.assignment = self.state.subscription.assignment
        for part in parts:
            self.assignment.state_value(part).seek(0)

    def give(self, part: TopicPartition, records: PartitionRecords) -> None:
        """Let a fetch have come back."""
        records._tp = part
        self.fetcher._records[part] = FetchResult(
            part, assignment=self.assignment, partition_records=records, backoff=0
        )

    def position(self, part: TopicPartition) -> int | None:
        """Where the partition is read next, as `BatchConsumerThread.positions` looks at it."""
        found: int | None = self.assignment.state_value(part)._position
        return found


def test_a_poll_brings_lists_of_consecutive_records_and_no_more_than_asked_for() -> None:
    # A round is one poll; a slice's offsets commit from its first to its last.
    async def scenario() -> None:
        fetching = Fetching(A, B)
        fetching.give(A, fetched(batch(0, 4)))
        fetching.give(B, fetched(batch(0, 4)))
        polls = [await fetching.fetcher.fetched_records({A, B}, 0, 3) for _ in range(4)]
        offsets_of = [{tp.topic: [it.offset for it in records] for tp, records in poll.items()} for poll in polls]
        assert offsets_of == [{"a": [0, 1, 2]}, {"a": [3], "b": [0, 1]}, {"b": [2, 3]}, {}]
        assert fetching.position(A) == fetching.position(B) == 4

    asyncio.run(scenario())


def test_a_seek_drops_what_was_fetched_and_not_yet_handed_out() -> None:
    # An undone round is read again from its beginning, not from the middle of a buffer.
    async def scenario() -> None:
        fetching = Fetching(A)
        fetching.give(A, fetched(batch(0, 4)))
        await fetching.fetcher.fetched_records({A}, 0, 2)
        fetching.fetcher.seek_to(A, 0)
        assert (fetching.position(A), fetching.fetcher._records) == (0, {})

    asyncio.run(scenario())


def test_records_of_partitions_that_went_are_not_handed_out() -> None:
    async def scenario() -> None:
        fetching = Fetching(A, B)
        fetching.give(A, fetched(batch(0, 4)))
        fetching.state.assign_from_subscribed({B})
        assert await fetching.fetcher.fetched_records({B}, 0, 9) == {}
        assert fetching.fetcher._records == {}

    asyncio.run(scenario())


def test_what_was_aborted_is_not_handed_out_and_is_passed_over() -> None:
    # Inputs of ours are outputs of ours: touchpoints of an aborted round must not count.
    async def scenario() -> None:
        fetching = Fetching(A)
        kept = batch(4, 2, 7), batch(6, 1, 7, control=COMMIT)
        fetching.give(A, fetched(batch(0, 3, 9), batch(3, 1, 9, control=ABORT), *kept, aborted=[(9, 0)]))
        found = await fetching.fetcher.fetched_records({A}, 0, 9)
        assert [record.offset for record in found[A]] == [4, 5]
        assert fetching.position(A) == 7

    asyncio.run(scenario())


def test_a_partition_that_has_just_come_has_no_position_yet() -> None:
    # The watchdog takes it for 0.
    async def scenario() -> None:
        state = SubscriptionState()
        state.subscribe({"a"})
        state.assign_from_subscribed({A})
        assignment = state.subscription.assignment
        assert (assignment.tps, assignment.state_value(A)._position) == ({A}, None)

    asyncio.run(scenario())


def coordinator(interval_s: float, then: Callable[[GroupCoordinator], Any]) -> Any:
    """Ask aiokafka's own coordinator, which reaches no broker."""

    async def scenario() -> Any:
        consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id="g")
        consumer._subscription.subscribe({"a"})
        made = GroupCoordinator(
            consumer._client,
            consumer._subscription,
            group_id="g",
            max_poll_interval_ms=int(interval_s * 1000),
            retry_backoff_ms=1,
        )
        try:
            return await then(made)
        finally:
            consumer._closed = True
            made._coordination_task.cancel()
            with suppress(BaseException):
                await made._coordination_task

    return asyncio.run(scenario())


def test_a_member_that_was_expelled_forgets_its_generation_at_once() -> None:
    # F23. A commit under what it holds then would be fenced by nobody: `group.metadata` refuses to name it.
    async def then(made: GroupCoordinator) -> tuple[int, str]:
        made.generation, made.member_id = 7, "m"
        made.reset_generation()
        return made.generation, made.member_id

    generation, member = coordinator(300.0, then)
    assert (generation, member) == (-1, "")
    with pytest.raises(ValueError, match="no member"):
        group.metadata("g", generation, member)


@pytest.mark.parametrize(("interval_s", "rejoins"), [(0.0, False), (7 * 86_400.0, True)])
def test_a_member_that_was_idle_for_too_long_does_not_join_again(interval_s: float, rejoins: bool) -> None:
    # F20: a worker without partitions, a standby, would never come back. Ours: the interval is a week.
    async def then(made: GroupCoordinator) -> bool:
        asked = []

        async def rejoin(_subscription: Any) -> bool:
            asked.append(1)
            return False

        made._do_rejoin_group, made._performed_join_prepare = rejoin, True
        subscription = made._subscription.subscription
        await made.ensure_active_group(subscription, object())
        return bool(asked)

    assert coordinator(interval_s, then) is rejoins


def test_our_consumer_is_made_as_we_mean_it() -> None:
    # F17, F20; and `_max_poll_records`, which the thread sets before each poll.
    async def scenario() -> None:
        app = stock(Log(), broker_max_poll_interval=7 * 86_400.0, broker_max_poll_records=77)
        app.engine = SimpleNamespace(config=SimpleNamespace(kafka={}))
        thread = BatchConsumerThread(app.consumer)
        made = thread._create_worker_consumer(SimpleNamespace(url=[], default_port=9092))
        thread.thread_loop.close()
        assert made._isolation_level == "read_committed"
        assert made._auto_offset_reset == "earliest"
        assert made._enable_auto_commit is False
        assert made._max_poll_records == 77
        assert made._max_poll_interval_ms == 7 * 86_400_000
        made._closed = True

    asyncio.run(scenario())


def test_librdkafka_takes_group_metadata_as_bytes_and_looks_at_them() -> None:
    # `send_offsets_to_transaction` wants a consumer's metadata; ours is written by `group.metadata`.
    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0, "transactional.id": "t"})
    spot = [Spot("a", 0, 1)]
    with pytest.raises(KafkaException) as told:
        producer.send_offsets_to_transaction(spot, group.metadata("g", 1, "m"), 0.1)
    assert told.value.args[0].code() == KafkaError._STATE  # no transaction is open: the bytes were in order
    with pytest.raises((KafkaException, ValueError)) as refused:
        producer.send_offsets_to_transaction(spot, b"another form", 0.1)
    assert "_STATE" not in str(refused.value)


def test_librdkafka_still_has_the_names_we_use() -> None:
    assert (OFFSET_BEGINNING, OFFSET_END) == (-2, -1)  # as timestamps, what ListOffsets calls earliest and latest
    assert {KafkaError._FENCED, KafkaError._PARTITION_EOF} == {-144, -191}
    for name in ("fatal", "retriable", "txn_requires_abort"):
        assert getattr(KafkaError(KafkaError._FENCED), name)() is False
