"""Segment's HTTP tracking API: web and server libraries that speak it need only our host and a write key.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

import base64
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import hashed, key_of, text
from connectors.sources.segment_event import read
from connectors.sources.signing import from_base64
from connectors.sources.sound import Unsound, cut, parse, parse_event, repeats
from schemas.records import Channel, RawEvent
from schemas.sighting import Sighting

CALLS = ("identify", "track", "page", "screen", "group", "alias")
BATCHES = ("batch", "import")
SHORT = {name[0]: name for name in (*CALLS, "batch")}  # analytics.js calls them so
NEEDED = {"track": ("event",), "group": ("groupId",), "alias": ("previousId", "userId")}
FORM = "application/x-www-form-urlencoded"
LONGEST_ID = 100
SHARED_BYTES = 2_048


class Batch(Struct):
    """A batch's own fields; `batch` holds the events' bytes as they came."""

    batch: list[Raw]
    sentAt: Raw = Raw(b"")  # noqa: N815 - the sender's name
    context: Raw = Raw(b"")


class BodyKey(Struct):
    """The write key in a body: pages that are being closed cannot set headers."""

    writeKey: str = ""  # noqa: N815 - the sender's name


_batch = msgspec.json.Decoder(Batch)
_body_key = msgspec.json.Decoder(BodyKey)


class Segment:
    """Web events under a write key."""

    name = "segment"
    channel = Channel.WEB
    paths: tuple[str, ...] = tuple(f"/v1/{call}" for call in (*CALLS, *BATCHES, *SHORT))
    types: tuple[str, ...] = (*JSON_TYPES, FORM)
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.write_keys
        self._pepper = settings.pepper.get_secret_value()
        self._event_bytes, self._batch_bytes = settings.event_bytes, settings.batch_bytes
        self._batch_items = settings.batch_items

    def verify(self, request: Request) -> None:
        """Look for a write key as Basic user name, as Bearer token, or in the body beside a token that is not ours."""
        if not self._keys:
            raise Refused(401, "no_write_keys", "set LEADSTREAM_WRITE_KEYS before sending Segment events")
        if not self.sender(request):
            raise Refused(401, "invalid_write_key", "the write key is missing or not one of LEADSTREAM_WRITE_KEYS")

    def sender(self, request: Request) -> str:
        """Return whose write key it is, "" of none that we know."""
        origin, given = request.headers.get("origin", ""), _header_key(request.headers.get("authorization", ""))
        return self._keys.owner(given, origin) or self._keys.owner(_key_in(_json(request)), origin)

    def split(self, request: Request) -> list[Part]:
        """Return the one event of a call, or each of a batch."""
        body = _json(request)
        if len(body) > self._batch_bytes:
            raise Refused(400, "too_large", f"a request may hold {self._batch_bytes} bytes of JSON")
        called = request.path.rpartition("/")[2]
        endpoint = SHORT.get(called, called)
        if endpoint not in BATCHES:
            part = self._part(endpoint, cut(body, "writeKey"), b"")
            if part.problem:
                raise Refused(400, part.problem, part.advice)
            return [part]
        try:
            batch = parse(_batch, body)
            doubtful = body.count(b'"batch"') > 1 and repeats(body, top=True)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        if doubtful:
            raise Refused(400, "duplicate_key", "a batch's key is given twice: one of two lists would be lost")
        if not 1 <= len(batch.batch) <= self._batch_items:
            raise Refused(400, "batch_size", f"a batch holds 1 to {self._batch_items} events")
        own = {"sentAt": batch.sentAt, "context": batch.context}
        stated = {name: value for name, value in own.items() if bytes(value)}
        envelope = msgspec.json.encode(stated) if stated else b""
        if len(envelope) > SHARED_BYTES:  # it is stored with each event: a small request would become a huge one
            raise Refused(
                400, "context_too_large", f"a batch's own context may hold {SHARED_BYTES} bytes; use the events'"
            )
        return [self._part(endpoint, cut(bytes(item), "writeKey"), envelope) for item in batch.batch]

    def _part(self, endpoint: str, body: bytes, envelope: bytes) -> Part:
        if len(body) > self._event_bytes:
            return _refused(endpoint, body, "too_large", f"an event may hold {self._event_bytes} bytes")
        try:
            event = parse_event(body)
        except Unsound as error:
            return _refused(endpoint, body, error.code, str(error))
        given = text(event.get("messageId"))
        event_id = given if 0 < len(given) <= LONGEST_ID else hashed(body)
        call = endpoint if endpoint in CALLS else text(event.get("type"))
        visitor = text(event.get("anonymousId")) or (text(event.get("previousId")) if call == "alias" else "")
        user = text(event.get("userId"))
        if wrong := _lacking(event, call, visitor or user):
            return _refused(endpoint, body, *wrong, event_id)
        key = key_of(self._pepper, visitor=visitor, user=user, otherwise=event_id)
        return Part(event_id, endpoint, key, body, envelope)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a web event says."""
        return read(raw, "" if raw.endpoint in BATCHES else raw.endpoint)


def _lacking(event: dict[str, object], call: str, who: str) -> tuple[str, str] | None:
    """Return what an event lacks, and what to do about it."""
    if isinstance(event.get("writeKey"), str):  # its name is written with escapes, and it would be stored
        return "write_key_escaped", "write the name of writeKey without escapes"
    if not call:
        return "no_type", "an event in a batch needs a type"
    if not who:
        return "no_user_anon_id", "an event needs userId or anonymousId"
    missing = next((name for name in NEEDED.get(call, ()) if not event.get(name)), "")
    return (f"no_{missing}", f"a {call} call needs {missing}") if missing else None


def _refused(endpoint: str, body: bytes, problem: str, advice: str, event_id: str = "") -> Part:
    return Part(event_id, endpoint, "", body, problem=problem, advice=advice)


def _header_key(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    return from_base64(credentials).decode(errors="replace").partition(":")[0]


def _json(request: Request) -> bytes:
    """Return the JSON of a request: its body, or a form's field `data`, in base64 or as it is. Raises `Refused`."""
    if not request.headers.get("content-type", "").lower().startswith(FORM):
        return request.body
    try:
        fields = dict(parse_qsl(request.body.decode(), errors="strict", max_num_fields=20))
        data = fields["data"]
        return (
            data.encode() if data.lstrip()[:1] == "{" else base64.b64decode(data.replace(" ", "+"), validate=True)
        )  # a plus that was not escaped
    except (ValueError, KeyError):  # binascii's and Unicode's errors are ValueErrors too
        raise Refused(400, "invalid_form", "a form has its event in the field data, as JSON or in base64") from None


def _key_in(body: bytes) -> str:
    try:
        return parse(_body_key, body).writeKey
    except Unsound:
        return ""
