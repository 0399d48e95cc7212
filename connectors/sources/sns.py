"""Messages of Amazon SNS: whose topic, whose signature. Nothing is fetched to find out: the certificates are pinned.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import re
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate
from msgspec import Struct

from connectors.settings import SettingsError
from connectors.sources.contract import Refused
from connectors.sources.signing import from_base64, unsigned
from connectors.sources.sound import Unsound, parse

AMAZON = re.compile(r"https://sns\.[a-z0-9-]{1,32}\.amazonaws\.com(\.cn)?/")
NOTIFICATION, SUBSCRIPTION, END = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: CONFIRMATION_FIELDS,
    END: CONFIRMATION_FIELDS,
}
HASHES: dict[str, type[SHA1 | SHA256]] = {"1": SHA1, "2": SHA256}  # which one is the topic's owner's choice


class Envelope(Struct, rename="pascal"):
    """A message; Amazon's names."""

    type: str
    message: str
    message_id: str
    timestamp: str
    topic_arn: str
    signature: str
    signature_version: str
    signing_cert_url: str = msgspec.field(name="SigningCertURL")
    subject: str | None = None
    subscribe_url: str | None = msgspec.field(name="SubscribeURL", default=None)
    token: str | None = None

    def signed(self) -> bytes:
        """Return what the signature covers: each field's name and value on lines of their own; no absent field."""
        values = {info.encode_name: getattr(self, info.name) for info in msgspec.structs.fields(self)}
        named = [(name, values[name]) for name in SIGNED[self.type] if values[name] is not None]
        return "".join(f"{name}\n{value}\n" for name, value in named).encode(errors="replace")


_envelope = msgspec.json.Decoder(Envelope)


def opened(body: bytes) -> Envelope:
    """Return the message in a body. Raises `Refused`."""
    try:
        return parse(_envelope, body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None


def certificates(paths: tuple[str, ...], setting: str) -> list[Certificate]:
    """Return the certificates in PEM files. Raises `SettingsError`."""
    found = []
    for path in paths:
        try:
            certificate = load_pem_x509_certificate(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError(f"{setting} is wrong: {path} is no PEM file ({type(error).__name__})") from None
        if not isinstance(certificate.public_key(), RSAPublicKey):
            raise SettingsError(f"{setting} is wrong: the certificate in {path} holds no RSA key")
        found.append(certificate)
    return found


def checked(it: Envelope, topics: tuple[str, ...], pinned: list[Certificate], now: float) -> None:
    """Raise `Refused` unless a topic of ours has signed the message, with a certificate that is pinned and not over."""
    if it.type not in SIGNED:
        raise Refused(400, "unknown_type", "Type is none of those that SNS sends")
    if it.topic_arn not in topics:
        raise Refused(401, "unknown_topic", "TopicArn is none of LEADSTREAM_SNS_TOPICS")
    if not AMAZON.match(it.signing_cert_url):
        raise Refused(401, "unknown_host", "SigningCertURL is not on a host of Amazon SNS")
    hashed, signature = HASHES.get(it.signature_version), from_base64(it.signature)
    if hashed is None or not any(_fits(one, signature, it.signed(), hashed(), now) for one in pinned):
        raise unsigned("Signature, by a certificate of LEADSTREAM_SNS_CERTIFICATES,")


def _fits(certificate: Certificate, signature: bytes, message: bytes, hashed: SHA1 | SHA256, now: float) -> bool:
    key = certificate.public_key()
    begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    if not (isinstance(key, RSAPublicKey) and begins <= now <= ends):
        return False
    try:
        key.verify(signature, message, PKCS1v15(), hashed)
    except InvalidSignature:
        return False
    return True
