"""What a setting may be besides a number or a text: lists and secrets, read from one variable each."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr

from connectors.keyring import KeyRing, NamedSecrets, Secrets


def _read_by(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _strong(value: SecretBytes) -> SecretBytes:
    """Refuse keys that are guessed easily, or longer than BLAKE2b takes."""
    if not 16 <= len(value.get_secret_value()) <= 64:
        raise ValueError("give it 16 to 64 bytes, for instance those of `openssl rand -hex 32`")
    return value


Keys = Annotated[KeyRing, _read_by(KeyRing.parse)]
Signing = Annotated[Secrets, _read_by(Secrets.parse)]
SigningByName = Annotated[NamedSecrets, _read_by(NamedSecrets.parse)]
Listed = Annotated[tuple[str, ...], _read_by(_listed)]
StrongKey = Annotated[SecretBytes, AfterValidator(_strong)]
Seconds = Annotated[float, Field(gt=0)]
SECRETS = (KeyRing, Secrets, NamedSecrets, SecretStr, SecretBytes)
