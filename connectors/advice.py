"""What Kafka clients say when the broker does not let them in, and which setting to look at."""

import re

__all__ = ["advice"]

# What librdkafka says of a refusal, and what to do about it; the first that fits.
REFUSALS = tuple(
    (re.compile(pattern, re.IGNORECASE), told)
    for pattern, told in (
        (
            r"unsupported.*mechanism|mechanism.*not (?:enabled|supported)",
            "KAFKA_SASL_MECHANISM is none of those that the broker takes",
        ),
        (
            r"sasl authentication error|authentication failed|invalid credentials",
            "the broker refuses KAFKA_SASL_USERNAME with KAFKA_SASL_PASSWORD; correct them",
        ),
        (
            r"certificate verify failed|certificate could not be verified",
            "KAFKA_SSL_CA is not the authority that signed the broker's certificate, or it is for another host name",
        ),
        (
            r"connecting to a plaintext broker|wrong version number|packet length too long",
            "KAFKA_SECURITY_PROTOCOL speaks TLS to a port that does not; correct it, or the port",
        ),
        (
            r"security\.protocol|connecting to a ssl listener|disconnected.*state apiversion_query",
            "KAFKA_SECURITY_PROTOCOL does not speak TLS, and the port may want it; correct it, or the port",
        ),
        (
            r"peer did not return a certificate|certificate required|bad certificate",
            "the broker asks for a certificate of ours; set KAFKA_SSL_CERTIFICATE and KAFKA_SSL_KEY",
        ),
        (r"authorization failed", "the broker does not let KAFKA_SASL_USERNAME do this; grant it (ACL)"),
    )
)


def advice(text: str) -> str:
    """Return which setting to look at, given what librdkafka says; "" when it is no refusal.

    >>> advice("SASL authentication error: Authentication failed during authentication")
    'the broker refuses KAFKA_SASL_USERNAME with KAFKA_SASL_PASSWORD; correct them'
    >>> advice("Connect to ipv4#127.0.0.1:9092 failed: Connection refused")
    ''
    """
    return next((told for pattern, told in REFUSALS if pattern.search(text)), "")
