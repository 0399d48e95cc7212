"""GA4's Measurement Protocol: events that servers and apps send beside Google's tag.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference. The API secret travels in the
query, which is never stored or logged. Limits are Google's, https://support.google.com/analytics/answer/9267744.
"""

from math import isfinite, nan
from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.ga4_event import read
from connectors.sources.reading import hashed, key_of
from connectors.sources.sound import Unsound, parse, parse_event
from schemas.records import Channel, RawEvent
from schemas.sighting import Sighting

COLLECT, DEBUG = "/mp/collect", "/debug/mp/collect"
MOST_BYTES, MOST_EVENTS, MOST_PARAMS, LONGEST_NAME, LONGEST_VALUE = 130_000, 25, 25, 40, 100
LONG_VALUES = {"page_location": 1_000, "page_referrer": 420, "page_title": 300}
OLDEST_S = 72 * 3_600


class Sent(Struct, omit_defaults=True):
    """A request's body; `events` holds the events' bytes as they came. All else is said of each of them."""

    events: list[Raw]
    client_id: str = ""
    app_instance_id: str = ""
    user_id: str = ""
    timestamp_micros: int | str = 0
    user_properties: dict[str, dict[str, object]] = {}
    consent: dict[str, str] = {}


_sent = msgspec.json.Decoder(Sent)


class Ga4:
    """Web and app events under a measurement id and its API secret."""

    name = "ga4"
    channel = Channel.WEB
    paths: tuple[str, ...] = (COLLECT, DEBUG)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b""

    def __init__(self, settings: CollectorSettings) -> None:
        self._secrets = settings.ga4_secrets
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Look for the API secret of the measurement id (or of the Firebase app id) in the query."""
        if not self._secrets:
            raise Refused(401, "no_ga4_secrets", "set LEADSTREAM_GA4_SECRETS before sending GA4 events")
        try:
            asked = dict(parse_qsl(request.query, max_num_fields=20))
        except ValueError:
            asked = {}
        stream = asked.get("measurement_id") or asked.get("firebase_app_id", "")
        if not self._secrets.of(stream).includes(asked.get("api_secret", "")):
            raise Refused(
                401, "invalid_api_secret", "LEADSTREAM_GA4_SECRETS has no such measurement_id with this api_secret"
            )

    def split(self, request: Request) -> list[Part]:
        """Return each event; none of a request that only asks to be checked."""
        parts = self._parts(request)
        return [] if request.path == DEBUG else parts

    def _parts(self, request: Request) -> list[Part]:
        if len(request.body) > MOST_BYTES:
            raise Refused(413, "too_large", f"a request may hold {MOST_BYTES} bytes of JSON")
        try:
            sent = parse(_sent, request.body)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        visitor, user = (sent.client_id or sent.app_instance_id).strip(), sent.user_id.strip()
        if not visitor:
            raise Refused(400, "no_client_id", "client_id (or app_instance_id) is missing")
        if not 1 <= len(sent.events) <= MOST_EVENTS:
            raise Refused(400, "batch_size", f"events holds 1 to {MOST_EVENTS} events")
        if len(sent.user_properties) > MOST_PARAMS:
            raise Refused(400, "too_many_user_properties", f"user_properties holds {MOST_PARAMS} at most")
        envelope = msgspec.json.encode(msgspec.structs.replace(sent, events=[]))
        key = key_of(self._pepper, visitor=visitor, user=user, otherwise="")
        parts = []
        for index, item in enumerate(sent.events):
            body = bytes(item)
            event_id = hashed(b"%d %b %b" % (index, envelope, body))
            problem, advice = _problem(body, sent, request.received_at) or ("", "")
            parts.append(Part(event_id, "collect", "" if problem else key, body, envelope, problem, advice))
        return parts

    def thank(self, request: Request, parts: list[Part]) -> Reply:
        """Answer 2xx as Google does, also for what is refused, but say which; tell who asks to be checked all of it."""
        told = self._parts(request) if request.path == DEBUG else parts
        refused = [(index, part) for index, part in enumerate(told) if part.problem]
        if request.path == DEBUG:
            messages = [
                {"fieldPath": f"events[{n}]", "description": part.advice, "validationCode": part.problem.upper()}
                for n, part in refused
            ]
            return Reply(200, msgspec.json.encode({"validationMessages": messages}))
        if not refused:
            return Reply(204, self.thanks)
        results = [{"index": n, "reason": part.problem, "message": part.advice} for n, part in refused]
        return Reply(200, msgspec.json.encode({"accepted": len(told) - len(refused), "results": results}))

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a GA4 event says."""
        return read(raw)


def _problem(body: bytes, sent: Sent, received_at: float) -> tuple[str, str] | None:
    """Return what is wrong with an event, and what to do about it."""
    try:
        event = parse_event(body)
    except Unsound as error:
        return error.code, str(error)
    return _shape(event) or _age(event, sent, received_at)


def _shape(event: dict[str, object]) -> tuple[str, str] | None:
    name, params = event.get("name"), event.get("params", {})
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        return "name_invalid", f"an event's name has 1 to {LONGEST_NAME} characters"
    if not isinstance(params, dict) or len(params) > MOST_PARAMS:
        return "too_many_params", f"params is an object of {MOST_PARAMS} fields at most"
    for param, value in params.items():
        if len(param) > LONGEST_NAME:
            return "param_name_invalid", f"a parameter's name has {LONGEST_NAME} characters at most"
        if isinstance(value, str) and len(value) > (longest := LONG_VALUES.get(param, LONGEST_VALUE)):
            return "param_value_invalid", f"the value of params[{param!r}] has {longest} characters at most"
    return None


def _age(event: dict[str, object], sent: Sent, received_at: float) -> tuple[str, str] | None:
    stated = event.get("timestamp_micros") or sent.timestamp_micros
    try:
        at = float(str(stated)) / 1e6
    except ValueError:
        at = nan
    if not isfinite(at):
        return "timestamp_invalid", "timestamp_micros is a number of microseconds since 1970"
    if stated and not at >= received_at - OLDEST_S:
        return "timestamp_too_old", "timestamp_micros may lie 72 hours back"
    return None
