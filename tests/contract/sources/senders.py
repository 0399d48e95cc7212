"""Each source's sender with the credentials that the settings here know; raw events as the collector stores them."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES, Part, Request, Source
from schemas.person import seal
from schemas.records import RawEvent

NOW = 1_795_166_104.0  # 2026-11-20T09:15:04Z
WRITE_KEY, GOOGLE_KEY, CRM_KEY = "wk-public-1", "google-shared-1", "crm-secret-1"
GOLDEN = Path(__file__).parent


@cache
def sendgrid_key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def settings(**environ: str) -> CollectorSettings:
    """Settings under which every sender here is known; keyword arguments are further variables."""
    public = sendgrid_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return CollectorSettings.read(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "LEADSTREAM_PEPPER": "pepper-for-tests-only",
            "LEADSTREAM_WRITE_KEYS": f"shop:{WRITE_KEY}",
            "LEADSTREAM_GOOGLE_KEY": GOOGLE_KEY,
            "LEADSTREAM_CRM_KEYS": f"crm:{CRM_KEY}",
            "LEADSTREAM_SENDGRID_PUBLIC_KEY": base64.b64encode(public).decode(),
            **environ,
        }
    )


def strangers() -> CollectorSettings:
    """Settings that know no sender at all."""
    return CollectorSettings.read(
        {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LEADSTREAM_PEPPER": "pepper-for-tests-only"}
    )


def basic(key: str = WRITE_KEY) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


def bearer(key: str = CRM_KEY) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def signed(body: bytes, at: float = NOW) -> dict[str, str]:
    timestamp = str(int(at))
    signature = sendgrid_key().sign(timestamp.encode() + body, ECDSA(SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": timestamp,
    }


HEADERS: dict[str, Callable[[bytes], dict[str, str]]] = {
    "segment": lambda _: basic(),
    "google_ads": lambda _: {},
    "sendgrid": signed,
    "crm": lambda _: bearer(),
}


def request(name: str, body: bytes, path: str = "", headers: Mapping[str, str] | None = None) -> Request:
    """A request of the source's own sender."""
    return Request("POST", path or SOURCES[name].paths[0], headers or HEADERS[name](body), body, NOW)


def source(name: str) -> Source:
    return SOURCES[name](settings())


def stored(name: str, part: Part, received_at: float = NOW, gpc: bool = False) -> RawEvent:
    """The part as the collector stores it."""
    fields: dict[str, object] = {"body": part.body, "ip": "203.0.113.0", "user_agent": "Sender/1.0"}
    person, person_key = seal(fields | ({"envelope": part.envelope} if part.envelope else {}))
    return RawEvent(
        event_id=part.event_id,
        source=name,
        endpoint=part.endpoint,
        key=part.key,
        received_at=received_at,
        gpc=gpc,
        person=person,
        person_key=person_key,
    )


def goldens(name: str) -> list[Path]:
    return sorted((GOLDEN / name).glob("*.json"))


def golden_events(name: str) -> list[RawEvent]:
    """Every event in the source's golden payloads, as stored."""
    return [event for path in goldens(name) for event in events_of(name, json.loads(path.read_text()))]


def events_of(name: str, golden: Mapping[str, object]) -> list[RawEvent]:
    """The events of one golden payload: {path, received_at, gpc, payload, sightings}."""
    body = json.dumps(golden["payload"]).encode()
    parts = source(name).split(request(name, body, str(golden["path"])))
    at = datetime.fromisoformat(str(golden["received_at"])).timestamp()
    return [stored(name, part, at, bool(golden.get("gpc"))) for part in parts]
