"""Faults of those who send: too much at once, all for one lead, an id twice, bodies that nobody can use."""

import asyncio
import time
from collections.abc import Iterator

import msgspec

from streams.demo.payloads import iso
from streams.demo.sends import Door, Send
from tests.chaos.world import World

TICK_S = 0.1
ELSEWHERE = {"url": "https://shop.example/elsewhere", "path": "/elsewhere", "title": "Elsewhere"}
HUGE = 10 * 1024 * 1024
FOREVER, LONG_AGO = "2066-01-01T00:00:00.000Z", "1999-01-01T00:00:00.000Z"


async def burst(world: World, factor: float = 10.0, for_s: float = 60.0) -> None:
    """The load is so many times what it was, for a while."""
    before = world.load.sent
    world.load.haste = factor
    await asyncio.sleep(for_s)
    world.load.haste = 1.0
    world.say(f"{(world.load.sent - before) / for_s:.0f} events a second were sent")


async def heat(world: World, share: float = 0.5, for_s: float = 60.0) -> None:
    """One lead has this share of all events, for a while: a robot, or a test that was left on."""
    until, due = time.monotonic() + for_s, 0.0
    async with asyncio.TaskGroup() as group:
        while time.monotonic() < until:
            due += world.load.rate * share / (1 - share) * TICK_S
            count, due = int(due), due % 1
            bodies = [_hot(f"hot-{len(world.hot) + number}") for number in range(count)]
            if bodies:
                ids = tuple(f"hot-{len(world.hot) + number}" for number in range(count))
                world.hot.update(ids)
                body = b'{"batch":[' + b",".join(bodies) + b"]}"
                group.create_task(world.load.post(Send(0.0, Door.SEGMENT, "/v1/batch", body, ids)))
            await asyncio.sleep(TICK_S)


async def collide(world: World, count: int = 1_000, rate: float = 50.0) -> None:
    """Ids that were thanked for come again with another page: as many as there are, up to `count`."""
    pages = [page for send in world.load.done for page in _pages(send) if page["messageId"] not in world.collided]
    for page in world.rng.sample(pages, min(count, len(pages))):
        id_ = str(page["messageId"])
        world.collided.add(id_)
        body = msgspec.json.encode(page | {"name": "Elsewhere", "properties": ELSEWHERE})
        await world.load.post(Send(0.0, Door.SEGMENT, "/v1/page", body, (id_,)))
        await asyncio.sleep(1 / rate)


async def spoil(world: World, count: int = 200, rate: float = 20.0) -> None:
    """Requests that nobody can use, of every kind: what a collector can tell it refuses, the rest is to be buried."""
    for number in range(count):
        id_ = f"spoilt-{number}"
        kinds = list(_spoilt(id_, world.rng.randbytes(200)))
        body, reason = kinds[number % len(kinds)]
        world.smuggled[id_] = reason
        await world.load.post(Send(0.0, Door.SEGMENT, "/v1/batch" if b'"batch"' in body else "/v1/page", body, (id_,)))
        await asyncio.sleep(1 / rate)


def _hot(id_: str) -> bytes:
    allowed = {"consent": {"categoryPreferences": {"analytics": True, "marketing": True, "contact": True}}}
    who = {"type": "page", "messageId": id_, "anonymousId": "hot-visitor", "userId": "hot@hot.example"}
    return msgspec.json.encode(who | {"timestamp": iso(time.time()), "context": allowed, "properties": ELSEWHERE})


def _pages(send: Send) -> Iterator[dict[str, object]]:
    """Yield the pages that a request viewed, those that came with an opt-out header left aside."""
    if send.door is not Door.SEGMENT or send.gpc:
        return
    told = msgspec.json.decode(send.body)
    yield from (it for it in told.get("batch", [told]) if it.get("type") == "page" and "messageId" in it)


def _spoilt(id_: str, noise: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield a body of each kind, and the reason for which it is buried, "" when it must be refused."""
    page = {
        "type": "page",
        "messageId": id_,
        "anonymousId": id_,
        "properties": ELSEWHERE,
        "timestamp": iso(time.time()),
    }
    sound = msgspec.json.encode(page)
    yield noise, ""
    yield sound[: len(sound) // 2], ""
    yield sound[:-1] + b',"padding":"' + b"x" * HUGE + b'"}', ""
    yield sound[:-1] + b',"deep":' + b"[" * 5_000 + b"]" * 5_000 + b"}", ""
    yield sound[:-1] + b',"value":NaN}', ""
    yield sound.replace(b"Elsewhere", b"Else\xc3\x28where"), ""
    yield msgspec.json.encode(page | {"timestamp": FOREVER}), "future"
    yield msgspec.json.encode(page | {"timestamp": LONG_AGO}), "ancient"
    yield msgspec.json.encode(page | {"anonymousId": "null"}), "junk_id"
    yield b'{"batch":[' + msgspec.json.encode(page | {"type": "dance"}) + b"]}", "unknown_type"
