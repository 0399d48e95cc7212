"""Each source's sender with the credentials that the settings here know; raw events as the collector stores them."""

import atexit
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple, cast

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES, Part, Request, Source, sns
from connectors.sources.mapping import mappings
from connectors.wrapping import wrapped
from schemas.records import RawEvent

NOW = 1_795_166_104.0  # 2026-11-20T09:15:04Z
WRITE_KEY, GOOGLE_KEY, CRM_KEY = "wk-public-1", "google-shared-1", "crm-secret-1"
NEW, OLD = "a-new-secret-1", "an-old-secret-1"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:ses-events"
MEASUREMENT_ID = "G-TEST1"
VERIFY_TOKEN = "a-verify-token"
HUBSPOT_URL = "https://leads.example.com/v1/hubspot/events"
GOLDEN = Path(__file__).parent

Signed = tuple[bytes, dict[str, str]]
Told = dict[str, str]
Pair = tuple[str, str]


class Sender(NamedTuple):
    """One source's sender: how it dresses a body at an instant (s) with a secret, and what the collector is told of it.

    `signs` = it shows that the body is its own, not only that it has the key; `tolerance_s` = how old what it has
    signed may be, 0 = as old as it likes.
    """

    sign: Callable[[bytes, float, str], Signed]
    told: Callable[[Pair], Told]
    signs: bool = True
    tolerance_s: int = 0
    secrets: Pair = (NEW, OLD)


def listed(variable: str, **more: str) -> Callable[[Pair], Told]:
    """A setting of the form `new,old`, and others that the source needs."""
    return lambda secrets: {variable: ",".join(secrets), **more}


def named(variable: str, **more: str) -> Callable[[Pair], Told]:
    """A setting of the form `name:new,name:old`, and others that the source needs."""
    return lambda secrets: {
        variable: ",".join(f"{name}:{one}" for name, one in zip(("new", "old"), secrets, strict=True)),
        **more,
    }


def secrets(name: str) -> tuple[str, str]:
    """The secrets under which a source is known here: the new one, and the one it replaces."""
    return SENDERS[name].secrets


@cache
def ec_key(secret: str) -> EllipticCurvePrivateKey:  # noqa: ARG001 - the cache looks at it
    return generate_private_key(SECP256R1())


@cache
def amazon(secret: str) -> tuple[RSAPrivateKey, str]:  # noqa: ARG001 - the cache looks at it
    """A key such as SNS signs with, and the PEM file of its certificate."""
    key = rsa.generate_private_key(65_537, 2_048)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begins = datetime.fromtimestamp(NOW, UTC) - timedelta(days=30)
    made = x509.CertificateBuilder(named, named, key.public_key(), x509.random_serial_number())
    dated = made.not_valid_before(begins).not_valid_after(begins + timedelta(days=365))
    certificate = dated.sign(key, SHA256())
    with NamedTemporaryFile(suffix=".pem", delete=False) as file:
        file.write(certificate.public_bytes(Encoding.PEM))
    atexit.register(Path(file.name).unlink)
    return key, file.name


def settings(**environ: str) -> CollectorSettings:
    """Settings under which every sender here is known; keyword arguments are further variables."""
    told = [sender.told(sender.secrets) for sender in SENDERS.values()]
    return CollectorSettings.read(
        {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "LEADSTREAM_PEPPER": "pepper-for-tests-only",
            **{variable: value for one in told for variable, value in one.items()},
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


def password(key: str = NEW) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'user:{key}'.encode()).decode()}"}


def bearer(key: str = CRM_KEY) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def signed(body: bytes, at: float = NOW, secret: str = NEW) -> dict[str, str]:
    timestamp = str(int(at))
    signature = ec_key(secret).sign(timestamp.encode() + body, ECDSA(SHA256()))
    return {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": timestamp,
    }


def mac(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode(), message, "sha256")


def hexed(secret: str, message: bytes) -> str:
    return mac(secret, message).hex()


def based(secret: str, message: bytes) -> str:
    return base64.b64encode(mac(secret, message)).decode()


def _mapped(body: bytes, at: float, secret: str) -> Signed:
    """Every map's proof at once: a Bearer key, and TikTok's signature."""
    stamp = str(int(at))
    return body, bearer(secret) | {"tiktok-signature": f"t={stamp},s={hexed(secret, stamp.encode() + b'.' + body)}"}


def _calendly(body: bytes, at: float, secret: str) -> Signed:
    stamp = str(int(at))
    return body, {"calendly-webhook-signature": f"t={stamp},v1={hexed(secret, stamp.encode() + b'.' + body)}"}


def _hubspot(body: bytes, at: float, secret: str) -> Signed:
    stamp = str(int(at * 1000))
    signature = based(secret, b"POST" + HUBSPOT_URL.encode() + body + stamp.encode())
    return body, {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": stamp}


def _snowplow(body: bytes, _: float, secret: str) -> Signed:
    """The app id is in each event of a batch."""
    try:
        found = json.loads(body)
        events = [event | {"aid": secret} for event in found["data"]]
    except (ValueError, RecursionError, TypeError, KeyError):
        return body, {}
    return json.dumps(found | {"data": events}).encode(), {}


def _google(body: bytes, _: float, secret: str) -> Signed:
    return _with(body, google_key=secret), {}


def _mailgun(body: bytes, at: float, secret: str) -> Signed:
    stamp, token = str(int(at)), hashlib.sha256(body).hexdigest()[:50]
    signature = {"timestamp": stamp, "token": token, "signature": hexed(secret, (stamp + token).encode())}
    return _with(body, signature=signature), {}


def _ses(body: bytes, at: float, secret: str) -> Signed:
    key = amazon(secret)[0]
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = _with(
        body,
        TopicArn=TOPIC,
        Timestamp=stamp,
        SignatureVersion="2",
        Signature="",
        SigningCertURL="https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem",
    )
    try:
        message = msgspec.json.decode(body, type=sns.Envelope).signed()
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError, RecursionError):
        return body, {}
    return _with(body, Signature=base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()), {}


def _with(body: bytes, **fields: object) -> bytes:
    """The JSON object with these fields before its own; what is none stays as it is."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return (
        json.dumps(fields | {k: v for k, v in found.items() if k not in fields}).encode()
        if isinstance(found, dict)
        else body
    )


def _sendgrid_keys(secrets: Pair) -> Told:
    keys = [ec_key(one).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in secrets]
    return {"LEADSTREAM_SENDGRID_PUBLIC_KEY": ",".join(base64.b64encode(key).decode() for key in keys)}


def _maps(secrets: Pair) -> Told:
    return {"LEADSTREAM_MAP_SECRETS": ",".join(f"{name}:{secret}" for name in mappings() for secret in secrets)}


def _topics(secrets: Pair) -> Told:
    certificates = ",".join(amazon(secret)[1] for secret in secrets)
    return {"LEADSTREAM_SNS_TOPICS": TOPIC, "LEADSTREAM_SNS_CERTIFICATES": certificates}


def _bearer(body: bytes, _: float, secret: str) -> Signed:
    return body, bearer(secret)


SENDERS: dict[str, Sender] = {
    "segment": Sender(
        lambda body, _, secret: (body, basic(secret)),
        named("LEADSTREAM_WRITE_KEYS"),
        signs=False,
        secrets=(WRITE_KEY, "wk-public-0"),
    ),
    "snowplow": Sender(_snowplow, listed("LEADSTREAM_SNOWPLOW_APPS"), signs=False, secrets=("shop", "blog")),
    "ga4": Sender(
        lambda body, _, __: (body, {}),  # its secret is in the query
        lambda secrets: {"LEADSTREAM_GA4_SECRETS": ",".join(f"{MEASUREMENT_ID}:{secret}" for secret in secrets)},
        signs=False,
    ),
    "google_ads": Sender(_google, listed("LEADSTREAM_GOOGLE_KEY"), signs=False, secrets=(GOOGLE_KEY, "google-0")),
    "sendgrid": Sender(lambda body, at, secret: (body, signed(body, at, secret)), _sendgrid_keys, tolerance_s=3_600),
    "meta_ads": Sender(
        lambda body, _, secret: (body, {"x-hub-signature-256": f"sha256={hexed(secret, body)}"}),
        listed("LEADSTREAM_META_SECRETS", LEADSTREAM_META_VERIFY_TOKEN=VERIFY_TOKEN),
    ),
    "linkedin_ads": Sender(
        lambda body, _, secret: (body, {"x-li-signature": hexed(secret, b"hmacsha256=" + body)}),
        listed("LEADSTREAM_LINKEDIN_SECRETS"),
    ),
    "typeform": Sender(
        lambda body, _, secret: (body, {"typeform-signature": f"sha256={based(secret, body)}"}),
        listed("LEADSTREAM_TYPEFORM_SECRETS"),
    ),
    "calendly": Sender(_calendly, listed("LEADSTREAM_CALENDLY_KEYS"), tolerance_s=300),
    "hubspot": Sender(
        _hubspot, listed("LEADSTREAM_HUBSPOT_SECRETS", LEADSTREAM_HUBSPOT_URL=HUBSPOT_URL), tolerance_s=300
    ),
    "salesforce": Sender(
        _bearer, named("LEADSTREAM_SALESFORCE_KEYS", LEADSTREAM_SALESFORCE_CLIENT="Leadstream"), signs=False
    ),
    "mapped": Sender(_mapped, _maps, signs=False),  # TikTok's map does: see test_vectors.py and test_mapping.py
    "mailgun": Sender(_mailgun, listed("LEADSTREAM_MAILGUN_KEYS"), tolerance_s=30_600),
    "postmark": Sender(
        lambda body, _, secret: (body, password(secret)), named("LEADSTREAM_POSTMARK_KEYS"), signs=False
    ),
    "ses": Sender(_ses, _topics, tolerance_s=3_600),
    "brevo": Sender(_bearer, named("LEADSTREAM_BREVO_KEYS"), signs=False),
    "crm": Sender(_bearer, named("LEADSTREAM_CRM_KEYS"), signs=False, secrets=(CRM_KEY, "crm-0")),
    "canary": Sender(_bearer, named("LEADSTREAM_CANARY_KEYS"), signs=False),
}


def ga4_query(secret: str = NEW) -> str:
    return f"measurement_id={MEASUREMENT_ID}&api_secret={secret}"


def request(
    name: str,
    body: bytes,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    at: float = NOW,
    secret: str = "",
) -> Request:
    """A request of the source's own sender, received now; `headers` = as they are, and the body too."""
    query = ""
    if headers is None:
        shown = secret or secrets(name)[0]
        body, headers = SENDERS[name].sign(body, at, shown)
        query = ga4_query(shown) if name == "ga4" else ""
    return Request("POST", path or SOURCES[name].paths[0], headers, body, NOW, query)


def source(name: str) -> Source:
    return SOURCES[name](settings())


def stored(name: str, part: Part, received_at: float = NOW, gpc: bool = False) -> RawEvent:
    """The part as the collector stores it."""
    return wrapped(name, part, received_at, ip="203.0.113.0", user_agent="Sender/1.0", gpc=gpc)


def goldens(name: str) -> list[Path]:
    return sorted((GOLDEN / name).glob("*.json"))


def golden_events(name: str) -> list[RawEvent]:
    """Every event in the source's golden payloads, as stored."""
    return [event for path in goldens(name) for event in events_of(name, json.loads(path.read_text()))]


def events_of(name: str, golden: Mapping[str, object]) -> list[RawEvent]:
    """The events of one golden payload: {path, received_at, gpc, payload, found, sightings}.

    `found` is what the fetcher brings for the notices among them: {endpoint, body} each.
    """
    body = json.dumps(golden["payload"]).encode()
    parts = source(name).split(request(name, body, str(golden["path"])))
    at = datetime.fromisoformat(str(golden["received_at"])).timestamp()
    found = iter(cast("list[dict[str, object]]", golden.get("found", [])))
    kept = [part for part in parts if not part.ignored]
    return [stored(name, fetched(part, found), at, bool(golden.get("gpc"))) for part in kept]


def fetched(part: Part, found: Iterator[dict[str, object]]) -> Part:
    """The part, or what the fetcher brings for it."""
    if not part.notice:
        return part
    brought = next(found)
    return part._replace(endpoint=str(brought["endpoint"]), body=json.dumps(brought["body"]).encode(), notice=False)
