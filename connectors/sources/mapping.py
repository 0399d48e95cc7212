"""The YAML of a mapped webhook: where it is sent, how it proves itself, and which fields mean what (JMESPath).

Fields of `map` are those of `FIELDS`; each is an expression over one event. https://jmespath.org/specification.html
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import jmespath
import jmespath.exceptions
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.settings import SettingsError
from connectors.written import NotReadError, loaded
from schemas.records import Channel, Kind

READY = Path(__file__).parent / "maps"
IDENTITY = ("visitor", "user", "email", "phone", "lead")
CAME = ("campaign_source", "campaign_medium", "campaign_name", "click_id", "url")
PERSON = ("name", "first_name", "last_name", "company", "city", "postal_code", "region")
TRAITS = ("title", "industry", "employees", "seniority", "country")
FIELDS = frozenset({*IDENTITY, *CAME, *PERSON, *TRAITS, "value"})


def _compiles(text: str) -> str:
    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"is no JMESPath ({type(error).__name__})") from None
    return text


Expression = Annotated[str, AfterValidator(_compiles)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hmac(_Part):
    """A signature: `pattern` finds `sig`, and `ts` where it is dated, in the header; `signed` says what is signed."""

    header: str
    pattern: str = "(?P<sig>.+)"
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signed: str = "{body}"
    tolerance_s: Annotated[float, Field(gt=0)] = 300.0

    @model_validator(mode="after")
    def _sound(self) -> Self:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error:
            raise ValueError("pattern is no regular expression") from None
        if "sig" not in groups or "{body}" not in self.signed or ("{ts}" in self.signed) != ("ts" in groups):
            raise ValueError("pattern names the group sig, and ts when signed holds {ts}; signed holds {body}")
        return self


class Mapping(_Part):
    """One webhook. `auth` is a signature, or `key`: a Bearer token, a Basic password or `?key=` in the URL."""

    path: Annotated[str, Field(pattern=r"^/v1/in/[a-z0-9_-]{1,64}$")]
    auth: Hmac | Literal["key"] = "key"
    content: Literal["json", "form"] = "json"
    channel: Channel = Channel.AD
    kind: Kind | None = None
    kinds: dict[str, Kind] = {}
    kind_by: Expression = ""
    events: Expression = "@"
    id: Expression
    occurred_at: Expression = ""
    test_if: Expression = ""
    map: dict[str, Expression]
    consent: dict[Literal["contact", "ads", "analytics"], Expression] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if unknown := sorted(set(self.map) - FIELDS):
            raise ValueError(
                f"map: {', '.join(unknown)}: there is no such field; there are {', '.join(sorted(FIELDS))}"
            )
        if not set(self.map) & set(IDENTITY):
            raise ValueError(f"map: name at least one of {', '.join(IDENTITY)}")
        if (self.kind is None) == (not self.kinds) or bool(self.kinds) != bool(self.kind_by):
            raise ValueError("give kind, or kinds and kind_by")
        return self


@lru_cache(maxsize=4_096)
def expression(text: str) -> Any:
    """Return a compiled expression."""
    return jmespath.compile(text)


@lru_cache(maxsize=16)
def mappings(paths: tuple[str, ...] = ()) -> dict[str, Mapping]:
    """Return the ready maps and those in the customer's files, by file name; a customer's replaces a ready one.

    Raises `SettingsError`, naming file and key.
    """
    files = [*sorted(READY.glob("*.yaml")), *map(Path, paths)]
    found = {file.stem: _read(file) for file in files}
    taken = [mapping.path for mapping in found.values()]
    if twice := sorted({path for path in taken if taken.count(path) > 1}):
        raise SettingsError(f"LEADSTREAM_MAPS is wrong: two maps have the path {', '.join(twice)}")
    return found


def _read(file: Path) -> Mapping:
    try:
        return Mapping.model_validate(loaded(file))
    except NotReadError as error:
        raise SettingsError(f"LEADSTREAM_MAPS {file}: {error}") from None
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, it['loc']))}: {it['msg']}"
            if it["loc"] or it["type"] != "model_type"
            else "is no mapping; write keys and values, as connectors/sources/maps has them"
            for it in error.errors(include_url=False)
        ]
        raise SettingsError("\n".join(f"LEADSTREAM_MAPS {file}: {fault}" for fault in faults)) from None
