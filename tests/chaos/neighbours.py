"""What stands beside the pipeline, where a case asks for it: the view with its Redis, the relay with its CRM."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import redis
import yaml
from aiohttp import web

from schemas.records import LeadProfile, RoutedLead
from schemas.topics import LEADS_PROFILES, LEADS_ROUTED
from streams.runtime.handle import RedisHandle
from streams.runtime.process import Process
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis
from tests.chaos.child import Child
from tests.pipeline import PARTITIONS
from tests.reference import Log

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBjaGFvcyByb3dzIQ=="
ROUTE = "/leads"


class View:
    """The serving view, its Redis, and a look into it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        own = folder / "view"
        self.redis: RedisHandle = start_redis(Wish(own))
        environ = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "REDIS_URL": self.redis.url}
        self.child = Child((sys.executable, "-m", "streams", "view"), environ, folder / "view.log")

    async def start(self) -> None:
        """Start to follow."""
        self.child.start()

    async def stop(self) -> None:
        """End both."""
        await asyncio.to_thread(self.child.end)
        self.redis.stop()

    def server(self) -> Process:
        """Return Redis' own process."""
        found = self.redis.nodes[0]
        assert isinstance(found, Process)
        return found

    def missing(self, log: Log) -> int:
        """Return how many leads Redis shows otherwise than the log's last word on them, or not at all, or too many."""
        due: dict[str, tuple[int, int]] = {}
        for one in log[LEADS_PROFILES.name]:
            profile = one.record
            assert isinstance(profile, LeadProfile)
            due[profile.lead_id] = profile.version, -1
        for one in log[LEADS_ROUTED.name]:
            routed = one.record
            assert isinstance(routed, RoutedLead)
            version, seq = due.get(routed.lead_id, (-1, -1))
            due[routed.lead_id] = version, max(seq, routed.route_seq)
        there = self._shown()
        return sum(there.get(name) != place for name, place in due.items()) + len(there.keys() - due.keys())

    def doubled(self) -> int:
        """A view shows each lead once."""
        return 0

    def _shown(self) -> dict[str, tuple[int, int]]:
        """Return the version and the number of the last decision that Redis shows, by lead; -1 = none."""
        client = redis.Redis.from_url(self.redis.url)
        names = [key.decode() for key in client.scan_iter("lead:*", count=1000) if not key.endswith(b":timeline")]
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(name, "version", "route_seq")
            found = pipe.execute()
        return {
            name[5:]: (int(version or -1), int(seq or -1)) for name, (version, seq) in zip(names, found, strict=True)
        }


class Delivery(NamedTuple):
    """What a CRM was sent: its `webhook-id`, and the status it answered with."""

    id: str
    status: int


class Crm:
    """A CRM's endpoint. `mood` is the status of its answers, 0 = none ever comes; `slow_s` how long each takes.

    Bodies with the word `refuses` in them are answered with 400.
    """

    def __init__(self) -> None:
        self.mood, self.slow_s, self.refuses = 204, 0.0, b""
        self.deliveries: list[Delivery] = []

    async def start(self) -> str:
        """Listen; return the address."""
        app = web.Application()
        app.router.add_post(ROUTE, self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}{ROUTE}"

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    def taken(self) -> Counter[str]:
        """Return how often each decision was taken."""
        return Counter(it.id for it in self.deliveries if it.status < 300)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        status = 400 if self.refuses and self.refuses in body else self.mood
        await asyncio.sleep(self.slow_s if status else 3600.0)
        self.deliveries.append(Delivery(request.headers["webhook-id"], status))
        return web.Response(status=status)


class Relay:
    """The relay and two CRMs that it delivers to: one that faults befall, and one that is well."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.sick, self.well = Crm(), Crm()
        self._file, self._log = folder / "destinations.yaml", folder / "relay.log"
        self._environ = {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSTREAM_PARTITIONS": str(PARTITIONS),
            "LEADSTREAM_REPLICATION": "3",
            "LEADSTREAM_DESTINATIONS_FILE": str(self._file),
            "LEADSTREAM_EGRESS_ALLOW": "127.0.0.1",
        }

    async def start(self) -> None:
        """Start all three."""
        crms = {"sick": self.sick, "well": self.well}
        entries = {name: {"sink": "webhook", "url": await crm.start(), "secret": SECRET} for name, crm in crms.items()}
        self._file.write_text(yaml.safe_dump({"destinations": entries}))
        self.child = Child((sys.executable, "-m", "streams", "relay"), self._environ, self._log)
        self.child.start()

    async def stop(self) -> None:
        """End all three."""
        await asyncio.to_thread(self.child.end)
        await self.sick.stop()
        await self.well.stop()

    def missing(self, log: Log) -> int:
        """Return how many decisions of the log the CRMs have not taken, those of both counted."""
        due = {routed.decision_id for one in log[LEADS_ROUTED.name] if isinstance(routed := one.record, RoutedLead)}
        return sum(len(due - crm.taken().keys()) for crm in (self.sick, self.well))

    def doubled(self) -> int:
        """Return how often a CRM took a decision that it had taken before."""
        return sum(count - 1 for crm in (self.sick, self.well) for count in crm.taken().values())


NEIGHBOURS: dict[str, Callable[[str, Path], View | Relay]] = {"view": View, "relay": Relay}
