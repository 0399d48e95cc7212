"""The outbox against a broker that is not there: no answer is ever a yes, and none comes late."""

import asyncio
from functools import partial

import pytest
from confluent_kafka import Producer

from connectors.outbox import Letter, NotTaken, Outbox, Unanswered

LETTER = Letter("events.web", b"v-1", b"event")


def nowhere(queue: int = 1_000) -> Producer:
    """A producer whose broker never answers, with room for `queue` messages."""
    return Producer(
        {
            "bootstrap.servers": "127.0.0.1:1",
            "queue.buffering.max.messages": queue,
            "message.timeout.ms": 60_000,
            "log_level": 0,
        }
    )


async def troubles(outbox: Outbox, requests: int, letters: int = 1) -> list[str]:
    answers = await asyncio.gather(
        *(outbox.deliver([LETTER] * letters) for _ in range(requests)), return_exceptions=True
    )
    assert all(isinstance(answer, NotTaken) for answer in answers)
    return [str(answer) for answer in answers]


def test_nothing_is_taken_when_nobody_acknowledges_within_the_deadline() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        outbox, began = Outbox(nowhere, deadline_s=0.3), loop.time()
        assert await troubles(outbox, requests=50, letters=3) == ["deadline"] * 50
        assert 0.3 <= loop.time() - began < 3.0
        assert outbox.failed_at > outbox.taken_at

    asyncio.run(story())


def test_a_full_queue_is_told_at_once() -> None:
    async def story() -> None:
        outbox = Outbox(partial(nowhere, 10), deadline_s=0.3)
        answers = await troubles(outbox, requests=12)
        assert sorted(answers) == ["deadline"] * 10 + ["queue_full"] * 2

    asyncio.run(story())


def test_what_the_client_refuses_is_not_taken() -> None:
    async def story() -> None:
        small = {"bootstrap.servers": "127.0.0.1:1", "message.max.bytes": 1_000}
        outbox = Outbox(lambda: Producer(small), deadline_s=0.3)
        with pytest.raises(NotTaken, match="MSG_SIZE_TOO_LARGE"):
            await outbox.deliver([Letter("events.web", b"v-1", b"x" * 2_000)])

    asyncio.run(story())


def test_the_loop_is_left_alone_once_nobody_waits() -> None:
    async def story() -> None:
        outbox = Outbox(nowhere, deadline_s=0.05)
        await troubles(outbox, requests=2)
        await asyncio.sleep(0.02)
        assert not outbox._ticking
        assert not outbox._waiting

    asyncio.run(story())


def test_whoever_waits_is_told_when_another_producer_takes_over() -> None:
    async def story() -> None:
        outbox = Outbox(nowhere, deadline_s=60.0)
        asked, began = asyncio.create_task(troubles(outbox, requests=5)), asyncio.get_running_loop().time()
        await asyncio.sleep(0.01)
        await outbox.renew(began)
        assert set(await asyncio.wait_for(asked, 10)) <= {"_PURGE_QUEUE", "replaced"}

    asyncio.run(story())


def test_a_producer_is_replaced_once_for_all_that_was_in_vain() -> None:
    made: list[Producer] = []

    def make() -> Producer:
        made.append(nowhere())
        return made[-1]

    async def story() -> None:
        outbox, began = Outbox(make, deadline_s=0.05), asyncio.get_running_loop().time()
        with pytest.raises(Unanswered):
            await outbox.deliver([LETTER])
        await asyncio.gather(*(outbox.renew(began) for _ in range(8)))
        assert len(made) == 2
        outbox.taken_at = asyncio.get_running_loop().time() + 1.0
        await outbox.renew(asyncio.get_running_loop().time())
        assert len(made) == 2

    asyncio.run(story())
