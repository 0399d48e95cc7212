"""Events in over HTTP: verify the sender, wrap the untouched bytes, thank only after the broker has acknowledged them.

The collector reads no more of an event than its key takes. What an event means is for its adapter, in the pipeline: a
mistake there is repaired by replaying the raw topics, a mistake here would be for ever.
"""

import gc
import socket
import time
from collections.abc import Callable
from functools import cache, partial
from time import perf_counter
from typing import NamedTuple

import msgspec
import uvicorn
from prometheus_client import Counter, Histogram

from connectors import metrics
from connectors.guard import guarded
from connectors.health import Health, watched
from connectors.http import BEGUN, Answer, Headers, Receive, Scope, Send, body_of, headers_of, respond, trouble
from connectors.kafka import producer
from connectors.keyring import digest_of
from connectors.limits import Pace, caller, storable
from connectors.openapi import PATH as OPENAPI
from connectors.openapi import document
from connectors.outbox import Letter, NotTaken, Outbox
from connectors.registry import CONTENT_TYPE, RegistryApi
from connectors.settings import CollectorSettings, SettingsError
from connectors.snippet import PATH as SNIPPET
from connectors.snippet import Snippet
from connectors.sources import SOURCES, Asked, Door, Keyed, Part, Pixel, Refused, Reply, Request, Thankful
from connectors.sources.reading import truncated
from connectors.tracing import TRACEPARENT, Tracing, open_tracing
from connectors.visitor import Visitors
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.registry import open_registry
from schemas.topics import EVENTS, NOTICES

GIVES_UP = {"google_ads": (408, 429), "ses": (408,)}  # what their senders take for the last word: no "later" to them
Carried = tuple[tuple[str, bytes], ...]
RETRY_AFTER: Headers = ((b"retry-after", b"2"),)
FROM_PAGES = b"Authorization, Content-Type, Content-Encoding, SP-Anonymous, X-Retry-Count"  # what their scripts set

requests_of = cache(metrics.INGEST_REQUESTS.labels)  # labels come from closed sets; to look them up costs time


class Entrance(NamedTuple):
    """A door, what else it can do, and its counters: looked up once, not with each request."""

    door: Door
    asked: Asked | None
    pixels: tuple[str, ...]
    thankful: Thankful | None
    keyed: Keyed | None
    seconds: Histogram
    accepted: Counter

    def sender(self, request: Request) -> str:
        """Return who sends a request that is verified: never by a key that anyone could read here."""
        shown = self.keyed.sender(request) if self.keyed else request.headers.get("authorization", "")
        return f"{self.door.name} {digest_of(shown).hex()}"

    @classmethod
    def of(cls, door: Door) -> "Entrance":
        """Look at what a door can do."""
        return cls(
            door,
            door if isinstance(door, Asked) else None,
            door.pixels if isinstance(door, Pixel) else (),
            door if isinstance(door, Thankful) else None,
            door if isinstance(door, Keyed) else None,
            metrics.INGEST_SECONDS.labels(door.name),
            metrics.EVENTS_ACCEPTED.labels(door.name),
        )


class Collector:
    """The ASGI application. `clock` is the wall clock, seconds since the epoch."""

    def __init__(
        self,
        settings: CollectorSettings,
        outbox: Outbox,
        codec: Codec,
        clock: Callable[[], float],
        tracing: Tracing | None = None,
    ) -> None:
        self._settings, self._outbox, self._codec, self._clock = settings, outbox, codec, clock
        self._tracing = tracing
        self.health = Health(outbox, settings)
        kinds: tuple[type[Door], ...] = (*SOURCES.values(), Visitors)
        doors = [Entrance.of(kind(settings)) for kind in kinds]
        self._routes = {path: entrance for entrance in doors for path in entrance.door.paths}
        self._snippet = Snippet()
        self._pace = Pace(settings.rate_per_s)
        self._key_pace = Pace(settings.key_rate_per_s, "LEADSTREAM_KEY_RATE_PER_S")
        self._registry = RegistryApi()
        described = document((it.door for it in doors), registry=not settings.schema_registry_url)
        self._pages: dict[str, Callable[[], Answer]] = {
            "/healthz": lambda: Answer(200, b'{"alive":true}'),
            "/readyz": self._ready,
            "/metrics": self._metrics,
            OPENAPI: lambda: Answer(200, described),
        }
        self._origins = {origin.encode() for origin in (*settings.cors_origins, *settings.write_keys.origins)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif entrance := self._routes.get(scope["path"].rstrip("/")):
            await self._take(entrance, scope, receive, send)
        else:
            await respond(send, self._aside(scope))

    async def _take(self, entrance: Entrance, scope: Scope, receive: Receive, send: Send) -> None:
        began, status, also = perf_counter(), 500, self._cors(scope)
        try:
            answer = await self._answer(entrance, scope, receive)
            status = answer.status
            await respond(send, answer, also)
        finally:
            requests_of(entrance.door.name, f"{status // 100}xx").inc()
            entrance.seconds.observe(perf_counter() - began)

    async def _answer(self, entrance: Entrance, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return Answer(204, headers=())
        source, method, path = entrance.door, scope["method"], scope["path"].rstrip("/")
        asked = entrance.asked if method == "GET" else None
        pixel = method == "GET" and path in entrance.pixels
        if method != "POST" and asked is None and not pixel:
            return trouble(405, "method_not_allowed", "send events with POST", ((b"allow", b"POST, OPTIONS"),))
        address = scope["client"][0] if scope["client"] else ""
        try:
            if self._pace:
                self._pace.check(caller(address), perf_counter())
            headers = headers_of(scope)
            body = await body_of(receive, headers, self._settings, source.types, begun=BEGUN in scope)
            query = scope["query_string"].decode("latin-1")
            request = Request(method, path, headers, body, self._clock(), query)
            if asked is not None:
                return _said(asked.answer(request))
            source.verify(request)
            if self._key_pace:
                self._key_pace.check(entrance.sender(request), perf_counter())
            parts = storable(source.split(request))
            if (tracing := self._tracing) is not None and tracing.sampled():
                with tracing.root("collect", **{"leadstream.source": source.name}) as parent:
                    await self._keep(entrance, request, parts, truncated(address), ((TRACEPARENT, parent.encode()),))
            else:
                await self._keep(entrance, request, parts, truncated(address))
        except Refused as refused:
            metrics.EVENTS_REFUSED.labels(source.name, refused.code).inc()
            hold = RETRY_AFTER if refused.status in (408, 429) else ()
            status = 503 if refused.status in GIVES_UP.get(source.name, ()) else refused.status
            return trouble(status, refused.code, refused.message, hold)
        except NotTaken as error:
            return trouble(503, "not_stored", f"not everything is stored ({error}): send it all again", RETRY_AFTER)
        return _said(entrance.thankful.thank(request, parts)) if entrance.thankful else _thanks(source, parts)

    async def _keep(
        self, entrance: Entrance, request: Request, parts: list[Part], network: str, headers: Carried = ()
    ) -> None:
        """Return when the broker has acknowledged every part that is not refused. Raises `NotTaken`."""
        source = entrance.door
        events, gpc = EVENTS[source.channel], request.headers.get("sec-gpc") == "1"
        agent = request.headers.get("user-agent", "")
        letters = []
        for part in parts:
            if why := part.problem or part.ignored:
                metrics.EVENTS_REFUSED.labels(source.name, why).inc()
                continue
            event = wrapped(source.name, part, request.received_at, ip=network, user_agent=agent, gpc=gpc)
            topic = NOTICES if part.notice else events
            letters.append(Letter(topic.name, part.key.encode(), self._codec.encode(event), headers=headers))
        if letters:
            with metrics.INGEST_INFLIGHT.track_inprogress():
                await self._outbox.deliver(letters)
            entrance.accepted.inc(len(letters))

    def _aside(self, scope: Scope) -> Answer:
        """Answer what is not an event."""
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD"):
            return trouble(404, "not_found", "no source listens on this path")
        if page := self._pages.get(path):
            return page()
        if path == SNIPPET:
            return self._snippet.answer(scope["headers"])
        # With a registry of the operator's own, ours would hand out other ids than those on the wire.
        if not self._settings.schema_registry_url and (found := self._registry.answer(path)):
            return Answer(*found, headers=((b"content-type", CONTENT_TYPE),))
        return trouble(404, "not_found", "nothing is served on this path")

    def _ready(self) -> Answer:
        red = self.health.trouble
        return trouble(503, "not_ready", red, RETRY_AFTER) if red else Answer(200, b'{"ready":true}')

    def _metrics(self) -> Answer:
        return Answer(200, metrics.exposition(), ((b"content-type", metrics.CONTENT_TYPE.encode()),))

    def _cors(self, scope: Scope) -> Headers:
        """Return the headers that let pages on allowed origins send events, with our cookies, and read the answer."""
        if not self._origins:
            return ()
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        if origin not in self._origins:
            return ((b"vary", b"Origin"),)
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-allow-headers", FROM_PAGES),
            (b"access-control-expose-headers", b"Retry-After"),  # else a page's script cannot heed it
            (b"access-control-max-age", b"3600"),
            (b"vary", b"Origin"),
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with watched(self.health):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await self._outbox.close()
        if self._tracing is not None:
            self._tracing.close()
        await send({"type": "lifespan.shutdown.complete"})


def _said(reply: Reply) -> Answer:
    cookie: Headers = ((b"set-cookie", reply.cookie.encode()),) if reply.cookie else ()
    return Answer(reply.status, reply.body, ((b"content-type", reply.content_type.encode()), *cookie))


def _thanks(source: Door, parts: list[Part]) -> Answer:
    """Say what became of each part; a lone accepted one is thanked for in its source's words."""
    if len(parts) == 1 and not parts[0].problem:
        return Answer(200, source.thanks)
    refused = [
        {
            "index": index,
            "messageId": part.event_id,
            "status": "refused",
            "reason": part.problem,
            "message": part.advice,
        }
        for index, part in enumerate(parts)
        if part.problem
    ]
    accepted = len(parts) - len(refused)
    body = {"success": bool(accepted) or not parts, "accepted": accepted, "refused": len(refused)}
    return Answer(
        400 if parts and not accepted else 200, msgspec.json.encode(body | ({"results": refused} if refused else {}))
    )


def build(settings: CollectorSettings, clock: Callable[[], float] = time.time) -> Collector:
    """Return the application; its producer looks for the brokers from now on."""
    codec = Codec(open_registry(settings.schema_registry_url or None), ("RawEvent",))
    tracing = open_tracing("collector", settings)
    outbox = Outbox(partial(producer, settings, settings.ack_deadline_s), settings.ack_deadline_s)
    return Collector(settings, outbox, codec, clock, tracing)


def run(settings: CollectorSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished and what waits is sent. Raises `SettingsError`."""
    _listens(settings.host, settings.port)
    app = build(settings)
    gc.collect()
    gc.freeze()  # what start-up has made stays; to look through it again and again would hold answers up
    server(app, settings).run()


def _listens(host: str, port: int) -> None:
    """Raise `SettingsError` where nobody can listen: the server's own complaint names no setting."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        where = f"LEADSTREAM_COLLECTOR_HOST={host} LEADSTREAM_COLLECTOR_PORT={port}"
        raise SettingsError(f"requests cannot be taken at {where}: {error.strerror}") from None


def server(app: Collector, settings: CollectorSettings) -> uvicorn.Server:
    """Return the HTTP server, not yet started."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=guarded(settings.head_timeout_s, settings.address_connections, settings.connections),
            host=settings.host,
            port=settings.port,
            ws="none",
            lifespan="on",
            access_log=False,  # request lines may carry personal values
            log_config=None,  # its lines go where ours go
            server_header=False,
            forwarded_allow_ips=list(settings.trusted_proxies),
            backlog=1_024,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=int(settings.ack_deadline_s) + 1,
        )
    )
