"""What a setting may be besides a number or a text: lists and secrets, read from one variable each."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretBytes, SecretStr

from connectors.keyring import KeyRing, NamedSecrets, Secrets, web_origin
from schemas.sighting import Sign

PERSONAL = re.compile(  # under which people, or we, say something else than a trait; without `_`
    "account|address|avatar|birthday|city|company|email|firstname|fullname|id|ip|lastname|mobile|name|phone|postalcode"
    "|street|userid|username|website|zip"
)


def _read_by(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _strong(value: SecretBytes) -> SecretBytes:
    """Refuse keys that are guessed easily, or longer than BLAKE2b takes."""
    if not 16 <= len(value.get_secret_value()) <= 64:
        raise ValueError("give it 16 to 64 bytes, for instance those of `openssl rand -hex 32`")
    return value


def _impersonal(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that no feature can have, and those under which people are usually named."""
    odd = [name for name in names if not re.fullmatch(r"[A-Za-z0-9_.$-]{1,64}", name)]
    if odd:
        raise ValueError("a trait's name is 1 to 64 letters, digits and _ . $ -")
    personal = [name for name in names if PERSONAL.fullmatch(name.lower().replace("_", ""))]
    if personal:
        raise ValueError(f"leave out {', '.join(personal)}: personal, or ours already")
    return names


def _rising(days: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what are no ends of buckets, in days."""
    try:
        ends = [float(day) for day in days]
    except ValueError:
        raise ValueError("the ends of buckets are numbers of days, `3,7,14,30`") from None
    if not 1 <= len(ends) <= 8 or not all(0.0 < end <= 365.0 for end in ends):
        raise ValueError("1 to 8 buckets, each ending after more than 0 and at most 365 days")
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise ValueError("each bucket must end later than the one before")
    return days


def _signs(names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that no sign has."""
    if odd := sorted(set(names) - set(Sign)):
        raise ValueError(f"{', '.join(odd)}: no such sign; there are {', '.join(Sign)}, or none")
    return names


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is no network."""
    for text in texts:
        try:
            ip_network(text)
        except ValueError:
            raise ValueError(f"{text} is no network; write 10.1.2.0/24 or 127.0.0.1") from None
    return texts


Keys = Annotated[KeyRing, _read_by(KeyRing.parse)]
Signing = Annotated[Secrets, _read_by(Secrets.parse)]
SigningByName = Annotated[NamedSecrets, _read_by(NamedSecrets.parse)]
Listed = Annotated[tuple[str, ...], _read_by(_listed)]
StrongKey = Annotated[SecretBytes, AfterValidator(_strong)]
TraitNames = Annotated[Listed, AfterValidator(_impersonal)]
BucketDays = Annotated[Listed, AfterValidator(_rising)]
SignNames = Annotated[Listed, BeforeValidator(lambda text: () if text == "none" else text), AfterValidator(_signs)]
Origins = Annotated[Listed, AfterValidator(lambda texts: tuple(map(web_origin, texts)))]
Networks = Annotated[Listed, AfterValidator(_networks)]
Seconds = Annotated[float, Field(gt=0)]
SECRETS = (KeyRing, Secrets, NamedSecrets, SecretStr, SecretBytes)
