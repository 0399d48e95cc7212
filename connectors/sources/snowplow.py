"""Snowplow's tracker protocol v2: batches of events by POST, single ones as a pixel's query by GET.

https://docs.snowplow.io/docs/events/going-deeper/event-parameters/. Trackers cannot sign: an app id is public, as a
browser's write key is. It says where an event belongs, and strangers' events stay out.
"""

import base64
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.reading import hashed, key_of, text
from connectors.sources.snowplow_event import read
from connectors.sources.sound import PUBLIC, Unsound, parse, parse_event
from schemas.records import Channel, RawEvent
from schemas.sighting import Sighting

POST, GET = "/com.snowplowanalytics.snowplow/tp2", "/i"
PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-"
YEAR_S = 365 * 86_400  # how long Snowplow's collector lets its cookie live
MOST_FIELDS = 200
SAFE = "Secure; HttpOnly; SameSite=Lax"
DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")


class Payload(Struct):
    """A POST's body; `data` holds the events' bytes as they came."""

    data: list[Raw]
    schema: str = ""


_payload = msgspec.json.Decoder(Payload)


class Snowplow:
    """Web events under a known app id. Sets the cookie `sp`, unless asked for anonymity or privacy."""

    name = "snowplow"
    channel = Channel.WEB
    paths: tuple[str, ...] = (POST, GET)
    pixels: tuple[str, ...] = (GET,)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b"ok"

    def __init__(self, settings: CollectorSettings) -> None:
        self._apps = frozenset(settings.snowplow_apps)
        self._pepper = settings.pepper.get_secret_value()
        self._event_bytes, self._batch_items = settings.event_bytes, settings.batch_items
        self._limits = PUBLIC._replace(string=settings.event_bytes)  # its strings hold whole objects

    def verify(self, request: Request) -> None:
        """Let in requests of which at least one event has a known app id; `split` refuses the others one by one."""
        if not self._apps:
            raise Refused(401, "no_snowplow_apps", "set LEADSTREAM_SNOWPLOW_APPS before sending Snowplow events")
        if not any(f'"{app}"'.encode() in body for body in _bodies(request) for app in self._apps):
            raise Refused(401, "unknown_app", "the app id (aid) is not one of LEADSTREAM_SNOWPLOW_APPS")

    def split(self, request: Request) -> list[Part]:
        """Return each event of the request, in its own bytes; a pixel's query as a JSON object."""
        bodies = _bodies(request)
        if not 1 <= len(bodies) <= self._batch_items:
            raise Refused(400, "batch_size", f"data holds 1 to {self._batch_items} events")
        return [self._part(request, body) for body in bodies]

    def _part(self, request: Request, body: bytes) -> Part:
        endpoint = request.path.rpartition("/")[2]
        if len(body) > self._event_bytes:
            return _refused(endpoint, body, "too_large", f"an event may hold {self._event_bytes} bytes")
        try:
            event = parse_event(body, self._limits)
        except Unsound as error:
            return _refused(endpoint, body, error.code, str(error))
        event_id = text(event.get("eid")) or hashed(body)
        if text(event.get("aid")) not in self._apps:
            return _refused(endpoint, body, "unknown_app", "aid is not one of LEADSTREAM_SNOWPLOW_APPS", event_id)
        if not text(event.get("e")):
            return _refused(endpoint, body, "no_type", "an event needs e, its type", event_id)
        anonymous = "sp-anonymous" in request.headers
        network_id = "" if anonymous else _cookie(request)
        visitor, user = text(event.get("duid")) or text(event.get("tnuid")) or network_id, text(event.get("uid"))
        visitor = visitor or text(event.get("sid"))
        if not (visitor or user):
            return _refused(endpoint, body, "no_user_id", "an event needs duid, uid or sid", event_id)
        envelope = msgspec.json.encode({"nuid": network_id}) if network_id else b""
        key = key_of(self._pepper, visitor=visitor, user=user, otherwise=event_id)
        return Part(event_id, endpoint, key, body, envelope, anonymous=anonymous)

    def thank(self, request: Request, parts: list[Part]) -> Reply:
        """Answer 200 whatever became of the parts: trackers send again what is answered otherwise, for ever."""
        anonymous = "sp-anonymous" in request.headers or request.headers.get("sec-gpc") == "1"
        cookie = "" if anonymous else f"sp={_network_id(request)}; Max-Age={YEAR_S}; Path=/; {SAFE}"
        if request.method == "GET":
            return Reply(200, DOT, "image/gif", cookie)
        refused = [{"index": n, "reason": part.problem} for n, part in enumerate(parts) if part.problem]
        return Reply(200, msgspec.json.encode({"refused": refused}) if refused else self.thanks, "text/plain", cookie)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a Snowplow event says."""
        return read(raw)


def _bodies(request: Request) -> list[bytes]:
    """Return each event's JSON. Raises `Refused`."""
    if request.method == "GET":
        try:
            fields = dict(parse_qsl(request.query, strict_parsing=True, max_num_fields=MOST_FIELDS))
        except ValueError:
            raise Refused(400, "invalid_query", f"a pixel's query holds 1 to {MOST_FIELDS} name=value pairs") from None
        return [msgspec.json.encode(fields)]
    try:
        payload = parse(_payload, request.body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None
    if not payload.schema.startswith(PAYLOAD):
        raise Refused(400, "unknown_schema", f"schema is {PAYLOAD}*")
    return [bytes(item) for item in payload.data]


def _cookie(request: Request) -> str:
    """Return the network user id in the cookie `sp`, "" when there is none, or one that we cannot have set."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get("sp")
        return str(UUID(found.value)) if found else ""
    except (CookieError, ValueError):
        return ""


def _network_id(request: Request) -> str:
    """Return the network user id, a new one where there is none: of the request's own bytes and instant."""
    return _cookie(request) or str(UUID(hashed(repr(request).encode())[2:], version=4))


def _refused(endpoint: str, body: bytes, problem: str, advice: str, event_id: str = "") -> Part:
    return Part(event_id, endpoint, "", body, problem=problem, advice=advice)
