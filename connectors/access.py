"""How Kafka and Redis are reached: addresses, TLS, and as whom. One place for the settings and for what they mean.

What is not complete is refused at start; what the other side refuses is told with the setting to look at.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import redis
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationInfo

__all__ = ["KafkaAccess", "RedisAccess", "open_redis", "refusal"]


def _pem(path: str) -> str:
    """Refuse a file that cannot be read, or in which there is nothing of the kind."""
    if path:
        try:
            text = Path(path).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the file cannot be read ({type(error).__name__})") from None
        if "-----BEGIN " not in text:
            raise ValueError("the file is not PEM: it has no line `-----BEGIN ...-----`")
    return path


def _with_sasl(value: Any, info: ValidationInfo) -> Any:
    """Refuse to leave out what the protocol needs."""
    protocol = str(info.data.get("security_protocol", ""))
    given = value.get_secret_value() if isinstance(value, SecretStr) else value
    if protocol.startswith("SASL") and not given:
        raise ValueError(f"KAFKA_SECURITY_PROTOCOL={protocol} needs it; set it")
    return value


def _beside_certificate(path: str, info: ValidationInfo) -> str:
    if bool(path) != bool(info.data.get("ssl_certificate")):
        raise ValueError("KAFKA_SSL_CERTIFICATE and KAFKA_SSL_KEY go together; set both or neither")
    return path


Pem = Annotated[str, AfterValidator(_pem)]


class KafkaAccess(BaseModel):
    """Where the brokers are, and how to get in."""

    bootstrap_servers: str = Field(alias="KAFKA_BOOTSTRAP_SERVERS", description="Kafka brokers, `host:port,host:port`")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", alias="KAFKA_SECURITY_PROTOCOL", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", alias="KAFKA_SASL_MECHANISM", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; with SASL_*"
    )
    sasl_username: Annotated[str, AfterValidator(_with_sasl)] = Field(
        "", alias="KAFKA_SASL_USERNAME", description="as whom to come in, with SASL_*", validate_default=True
    )
    sasl_password: Annotated[SecretStr, AfterValidator(_with_sasl)] = Field(
        SecretStr(""), alias="KAFKA_SASL_PASSWORD", description="its password, with SASL_*", validate_default=True
    )
    ssl_ca: Pem = Field(
        "",
        alias="KAFKA_SSL_CA",
        description="PEM file with the authority that signed the brokers' certificates; none = the system's",
    )
    ssl_certificate: Pem = Field(
        "", alias="KAFKA_SSL_CERTIFICATE", description="PEM file with our certificate, where brokers ask for one"
    )
    ssl_key: Annotated[Pem, AfterValidator(_beside_certificate)] = Field(
        "", alias="KAFKA_SSL_KEY", description="PEM file with its key, not encrypted", validate_default=True
    )

    def librdkafka(self) -> dict[str, str]:
        """Return these settings as librdkafka has them."""
        config = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": self.security_protocol}
        if self.security_protocol.startswith("SASL"):
            config["sasl.mechanism"] = self.sasl_mechanism
            config["sasl.username"] = self.sasl_username
            config["sasl.password"] = self.sasl_password.get_secret_value()
        files = {
            "ssl.ca.location": self.ssl_ca,
            "ssl.certificate.location": self.ssl_certificate,
            "ssl.key.location": self.ssl_key,
        }
        return config | {name: path for name, path in files.items() if path}


class RedisAccess(BaseModel):
    """Where Redis is, and how to get in."""

    redis_url: str = Field(
        alias="REDIS_URL",
        description="Redis of the serving view, `redis://host:port/0`, or `rediss://` for TLS",
        repr=False,
    )
    redis_username: str = Field("", alias="REDIS_USERNAME", description="Redis user (ACL); none = the default one")
    redis_password: SecretStr = Field(SecretStr(""), alias="REDIS_PASSWORD", description="its password")
    redis_ca: Pem = Field(
        "",
        alias="REDIS_CA",
        description="PEM file with the authority that signed Redis's certificate; none = the system's",
    )


def open_redis(settings: RedisAccess, answer_s: float = 5.0) -> "redis.Redis":
    """Return a client; nothing connects before it is used. Raises `ValueError` when REDIS_URL is no such address."""
    options: dict[str, Any] = {"socket_timeout": answer_s, "socket_connect_timeout": 2.0}
    if settings.redis_url.startswith("rediss://") and settings.redis_ca:
        options["ssl_ca_certs"] = settings.redis_ca
    if password := settings.redis_password.get_secret_value():
        options |= {"username": settings.redis_username or None, "password": password}
    return redis.Redis.from_url(settings.redis_url, **options)


BROKEN = (  # with TLS or not, what the connection's end says, and what to do about it
    (
        True,
        ("certificate verify failed",),
        "REDIS_CA is not the authority that signed Redis's certificate, or it is for another host name",
    ),
    (
        True,
        ("wrong version", "record layer", "timed out", "timeout"),
        "REDIS_URL says rediss://, and nobody answers in TLS there; correct it, or the port",
    ),
    (
        False,
        ("closed by server", "reset by peer"),
        "REDIS_URL says redis://, and the port may want TLS; write rediss://, or correct the port",
    ),
)


def refusal(error: Exception, settings: RedisAccess) -> str:
    """Return in a sentence why Redis cannot be used, naming the setting; never what is in it."""
    if isinstance(error, redis.exceptions.AuthenticationError):
        if settings.redis_password.get_secret_value():
            return "Redis refuses REDIS_USERNAME with REDIS_PASSWORD; correct them"
        return "Redis wants to know who we are; set REDIS_PASSWORD (and REDIS_USERNAME)"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "Redis does not let REDIS_USERNAME do what we need; docs/access.md has the rule to grant"
    tls, said = settings.redis_url.startswith("rediss://"), str(error).lower()
    told = next((told for by_tls, words, told in BROKEN if by_tls is tls and any(word in said for word in words)), "")
    return told or f"REDIS_URL does not answer ({type(error).__name__}); start it or correct the setting"
