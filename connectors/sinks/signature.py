"""Standard Webhooks 1.0 signatures: what a receiver checks with the official library of its language.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from dataclasses import dataclass, field

__all__ = ["BadSecretError", "Secret", "sign"]

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64


class BadSecretError(ValueError):
    """This is no Standard Webhooks secret; the text says what one looks like, never what was given."""


@dataclass(frozen=True)
class Secret:
    """A signing key of 24 to 64 bytes; quiet in every print."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Secret":
        """Read `whsec_` + base64. Raises `BadSecretError`."""
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except ValueError:
            raise BadSecretError("write whsec_ and base64; `openssl rand -base64 32` makes the second part") from None
        if not SHORTEST <= len(key) <= LONGEST:
            raise BadSecretError(f"a secret holds {SHORTEST} to {LONGEST} bytes, this one {len(key)}")
        return cls(key)


def sign(secrets: tuple[Secret, ...], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` header: one signature for each secret, so that a receiver may change over."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(secret.key, signed, 'sha256')).decode()}" for secret in secrets)
