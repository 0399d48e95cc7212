"""Webhooks that a YAML file explains: those that have no source of their own. See `mapping.py` and `maps/`."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl

import jmespath.exceptions
import msgspec

from connectors.keyring import Secrets
from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.mapping import CAME, IDENTITY, PERSON, TRAITS, Hmac, Mapping, expression, mappings
from connectors.sources.reading import filled, instant, key_of, landing, number, open_raw, text
from connectors.sources.signing import fits, fresh, from_base64, from_hex, needed, presented, seconds, unsigned
from connectors.sources.sound import SIGNED, Unsound, parse, parse_event
from connectors.sources.splitting import composed, one, query_of
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS, MOST_EVENTS = 500, 500
MILLISECONDS = 10**11  # a number beyond this counts milliseconds: in seconds it lies after the year 5000
_any: "msgspec.json.Decoder[object]" = msgspec.json.Decoder()


class Mapped:
    """One source for all mapped webhooks; the endpoint of an event is the name of its map."""

    name = "mapped"
    channel = Channel.AD
    paths: tuple[str, ...] = tuple(mapping.path for mapping in mappings().values())
    types: tuple[str, ...] = (*JSON_TYPES, FORM)
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._maps = {mapping.path: (name, mapping) for name, mapping in mappings(settings.maps).items()}
        self.paths = tuple(self._maps)
        self._secrets = settings.map_secrets
        self._pepper = settings.pepper.get_secret_value()

    def answer(self, request: Request) -> Reply:
        """Say to who proves it that we are here: Mailchimp asks with GET before it keeps a webhook."""
        self.verify(request)
        return Reply(200, self.thanks)

    def verify(self, request: Request) -> None:
        """Check what the map says: a signature, or a key."""
        name, mapping = self._maps[request.path]
        secrets = self._secrets.of(name)
        needed(secrets, "LEADSTREAM_MAP_SECRETS", f"{name}:SECRET, among others")
        if isinstance(mapping.auth, Hmac):
            _signed(mapping.auth, secrets, request)
        elif not secrets.includes(presented(request) or query_of(request).get("key", "")):
            raise Refused(401, "invalid_key", f"send one of the secrets that LEADSTREAM_MAP_SECRETS has for {name}")

    def split(self, request: Request) -> list[Part]:
        """Return each event that the map finds; one without an id is told from others by its bytes."""
        name, mapping = self._maps[request.path]
        whole = _form(request.body) if mapping.content == "form" else _json(request.body)
        found = _search(mapping.events, whole)
        events = [it for it in (found if isinstance(found, list) else [found]) if isinstance(it, dict)]
        if len(events) > MOST_EVENTS:
            raise Refused(413, "too_many", f"a request holds at most {MOST_EVENTS} events")
        return [self._part(name, mapping, event) for event in events]

    def _part(self, name: str, mapping: Mapping, event: dict[str, object]) -> Part:
        body = msgspec.json.encode(event)
        event_id = composed(name, text(_search(mapping.id, event)) or body.decode())
        who = {field: text(_search(mapping.map.get(field, ""), event)) for field in IDENTITY if field != "lead"}
        return Part(event_id, name, key_of(self._pepper, **who, otherwise=event_id), body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an event means by a ready map; `adapter` knows the customer's, too."""
        return read(raw, mappings())


def adapter(paths: tuple[str, ...]) -> Callable[[RawEvent], Sighting]:
    """Return what reads events by the ready maps and those in the customer's files. Raises `SettingsError`."""
    maps = mappings(paths)
    return lambda raw: read(raw, maps)


def read(raw: RawEvent, maps: dict[str, Mapping]) -> Sighting:
    """Return what an event means. Raises `Rejected`."""
    mapping = maps.get(raw.endpoint)
    if mapping is None:
        raise Rejected(Reason.UNKNOWN_TYPE, "there is no map of this name")
    try:
        event = parse_event(open_raw(raw)[0], SIGNED)
    except Unsound as error:
        raise Rejected(Reason.UNPARSEABLE, str(error)) from None
    said = {field: _search(path, event) for field, path in mapping.map.items()}
    words = {field: text(value) for field, value in said.items()}
    who = {field: words.get(field, "") for field in IDENTITY}
    if not any(who.values()):
        raise Rejected(Reason.MISSING_ID, f"none of {', '.join(sorted(set(mapping.map) & set(IDENTITY)))}")
    page, linked = landing(words.get("url", ""))
    source, medium, campaign, click = (words.get(field, "") for field in CAME[:4])
    asked = {purpose: _search(path, event) for purpose, path in mapping.consent.items()}
    agreed: dict[str, bool] = {purpose: bool(answer) for purpose, answer in asked.items() if answer is not None}
    return Sighting(
        id=raw.event_id,
        kind=_kind(mapping, event),
        channel=mapping.channel,
        occurred_at=_when(mapping, event, raw.received_at),
        identifiers=Identifiers(**who),
        page=page,
        campaign=Campaign(
            source=source or linked.source or raw.endpoint,
            medium=medium or linked.medium,
            name=campaign or linked.name,
            click_id=click or linked.click_id,
        ),
        value=number(said.get("value"), "value"),
        traits=filled({field: words.get(field, "") for field in TRAITS}),
        consent={**agreed, **({"ads": False} if raw.gpc else {})},
        person={**filled({field: words.get(field, "") for field in ("email", "phone", *PERSON)})},
        test=bool(mapping.test_if and _search(mapping.test_if, event)),
    )


def _kind(mapping: Mapping, event: dict[str, object]) -> Kind:
    if mapping.kind is not None:
        return mapping.kind
    try:
        return mapping.kinds[text(_search(mapping.kind_by, event))]
    except KeyError:
        raise Rejected(Reason.UNKNOWN_TYPE, "the map names no such kind") from None


def _when(mapping: Mapping, event: dict[str, object], received_at: float) -> float:
    """Return when it happened: an ISO 8601 instant, seconds or milliseconds; when it came, where nothing says."""
    said = _search(mapping.occurred_at, event)
    if said is None or said == "":
        return received_at
    if isinstance(said, str) and not said.isdecimal():
        return instant(said.removesuffix(" UTC"), "occurred_at")
    at = number(said, "occurred_at")
    return at / 1000 if at > MILLISECONDS else at


def _search(path: str, event: object) -> object:
    """Return what an expression finds, None where it finds nothing or cannot be applied to what is there."""
    if not path:
        return None
    try:
        return expression(path).search(event)
    except (jmespath.exceptions.JMESPathError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _signed(auth: Hmac, secrets: Secrets, request: Request) -> None:
    found = re.search(auth.pattern, request.headers.get(auth.header.lower(), ""))
    stamp = found.groupdict().get("ts") or "" if found else ""
    before, _, after = auth.signed.replace("{ts}", stamp).partition("{body}")
    message = before.encode(errors="replace") + request.body + after.encode(errors="replace")
    given = (from_hex if auth.encoding == "hex" else from_base64)(found["sig"]) if found else b""
    if not fits(secrets, message, given, auth.algorithm):
        raise unsigned(auth.header)
    if "{ts}" in auth.signed:
        fresh(auth.header, seconds(stamp), request, auth.tolerance_s)


def _json(body: bytes) -> object:
    """Return a body that may be one event, or hold several."""
    if body.lstrip()[:1] == b"[":
        try:
            return parse(_any, body)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
    return one(body)


def _form(body: bytes) -> dict[str, object]:
    """Return a form's fields; `data[email]` stays one name, to be quoted in expressions."""
    try:
        found = dict(parse_qsl(body.decode(), max_num_fields=MOST_FIELDS))
    except (UnicodeDecodeError, ValueError):
        raise Refused(400, "invalid_form", f"a form is UTF-8 and holds at most {MOST_FIELDS} fields") from None
    if not found:
        raise Refused(400, "invalid_form", "a form without fields")
    return dict(found)
