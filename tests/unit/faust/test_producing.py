"""Producing through stock Faust and aiokafka, and its exactly_once mode: why every output of ours goes another way.

Ours goes through one transactional librdkafka producer (`streams.engine.outbox`); Faust's producer starts, and is given
nothing to send. `test_overrides.py` holds that.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.errors import KafkaTimeoutError, RequestTimedOutError
from aiokafka.producer.sender import SendProduceReqHandler
from faust.types import TP

from tests.unit.faust.memory import IN, Log, message, raw, running, stock, until

OUT = TP("out", 0)


def exactly_once(log: Log) -> Any:
    """An app as a worker in exactly_once mode has it."""
    app = stock(log, processing_guarantee="exactly_once")
    app.in_worker = True
    return app


def test_a_flush_comes_back_while_messages_still_wait_to_be_sent() -> None:
    # F5. A commit follows it.
    async def scenario() -> None:
        log = Log()
        app = stock(log)
        app.producer.buffer._send_pending = lambda _message: asyncio.sleep(60)  # a slow broker
        await app.producer.buffer.start()
        for value in (b"a", b"b"):
            raw(app, "out").send_soon(value=value)
        await asyncio.wait_for(app.producer.flush(), 5)
        assert (app.producer.buffer.size, log.sent) == (1, [])

    asyncio.run(scenario())


def test_an_output_that_could_not_be_sent_is_forgotten_and_its_input_is_committed() -> None:
    # F5.
    async def scenario() -> None:
        log = Log()
        app = stock(log)
        out = raw(app, "out")

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for value in stream:
                await out.send(value=value)

        log.add(b"a")
        log.fails = KafkaTimeoutError("no answer")
        async with running(app):
            await until(lambda: log.committed.get(IN) == 1)
            assert not app.crashed
        assert [sent.done.exception() for sent in log.sent] == [log.fails]

    asyncio.run(scenario())


def test_aiokafka_gives_up_batches_by_age_unless_it_is_idempotent() -> None:
    # F6. And Faust asks for idempotence in exactly_once mode only.
    batch = SimpleNamespace(expired=lambda: True)
    for transactions, retries in ((None, False), (object(), True)):
        sender = SimpleNamespace(_sender=SimpleNamespace(_txn_manager=transactions))
        assert SendProduceReqHandler._can_retry(sender, RequestTimedOutError(), batch) is retries

    async def settings(app: Any) -> Any:
        return app.producer._settings_extra()

    assert "enable_idempotence" not in asyncio.run(settings(stock(Log())))
    assert asyncio.run(settings(exactly_once(Log())))["enable_idempotence"] is True


def test_publishing_on_commit_publishes_what_the_next_event_has_attached_so_far() -> None:
    # F9. Ours: nothing is attached, stream_publish_on_commit stays off.
    async def scenario() -> None:
        app = stock(Log())
        for offset in (4, 5):
            app._attachments.put(message(app, offset), raw(app, "out"), b"key", b"of %d" % offset)
        committed = 5  # the next offset to read: event 5 is not done
        found = [fut.message.value for fut in app._attachments._attachments_for(IN, committed)]
        assert found == [b"of 4", b"of 5"]

    asyncio.run(scenario())


def test_an_agent_that_yields_answers_to_the_topic_that_a_header_names() -> None:
    # F29. Ours: agents yield nothing, and events of ours carry no headers.
    async def scenario() -> None:
        log = Log()
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> Any:
            async for value in stream:
                yield value

        log.add(b"secret", headers=[("Faust-Ag-ReplyTo", b"wherever"), ("Faust-Ag-CorrelationId", b"1")])
        async with running(app):
            await until(lambda: log.sent)
        assert log.sent[0].topic == "wherever"

    asyncio.run(scenario())


def test_exactly_once_sends_outside_its_transaction_what_goes_to_a_topic_it_does_not_read() -> None:
    # B.3: leads.routed is such a topic.
    async def scenario() -> None:
        app = exactly_once(Log())
        used = []

        async def send(*_args: Any, transactional_id: str | None, **_options: Any) -> None:
            used.append(transactional_id)

        app.producer.send = send
        app.assignor.group_for_topic = lambda _topic: 0
        for known in (0, None):
            app.consumer.key_partition = lambda _topic, _key, _partition, known=known: known
            await app.consumer.transactions.send("out", b"k", b"v", None, None, None)
        assert used == ["probe-0-0", None]

    asyncio.run(scenario())


def test_exactly_once_commits_before_the_buffer_of_changes_is_sent() -> None:
    # B.3, P10: a table's change is sent after the transaction that commits its input.
    async def scenario(app: Any) -> list[str]:
        log: Log = app.memory
        app.consumer._thread.positions = {IN: 0}

        async def commit(*_args: Any, **_options: Any) -> bool:
            log.calls.append("commit")
            return True

        async def flush() -> None:
            log.calls.append("flush")

        app.producer.flush = flush
        app.consumer.transactions.commit = app.consumer._commit = commit
        await app.consumer._commit_offsets({IN: 1})
        return log.calls

    async def both() -> None:
        assert await scenario(stock(Log())) == ["flush", "commit"]
        assert await scenario(exactly_once(Log())) == ["commit"]

    asyncio.run(both())


def test_exactly_once_takes_a_changelog_whose_end_it_does_not_know_for_restored() -> None:
    # B.3, P8. Ours: ends are asked of the broker, to the high watermark (`streams.engine.offsets.ends`).
    async def scenario() -> None:
        app = exactly_once(Log())
        recovery = app.tables.recovery

        async def highwaters(*tps: TP) -> dict[TP, None]:
            return dict.fromkeys(tps)

        app.consumer.highwaters = highwaters
        await recovery._build_highwaters(app.consumer, {OUT}, recovery.active_highwaters, "active")
        recovery.active_offsets[OUT] = -1
        assert not recovery.need_recovery()

    asyncio.run(scenario())
