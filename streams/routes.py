"""The routing file: who takes leads, from which score on, in YAML. See docs/examples/routing.yaml."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.settings import SettingsError
from connectors.written import NotReadError, loaded
from streams.domain.rotation import Owner
from streams.domain.routing import DAY_S, Routing

SETTING = "LEADSTREAM_ROUTING_FILE"
DEFAULT = Routing()
Name = Annotated[str, Field(min_length=1, max_length=128)]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OwnerEntry(_Part):
    """One who takes leads; weight 0 = only those of their accounts."""

    name: Name
    weight: Annotated[int, Field(ge=0)] = 1
    cap: Annotated[int, Field(ge=0)] | None = None


class RoutingFile(_Part):
    """The whole file; what is left out is as `Routing` has it."""

    threshold: Annotated[float, Field(ge=0, le=1)] = DEFAULT.threshold
    owners: Annotated[tuple[OwnerEntry, ...], Field(strict=False)] = tuple(
        OwnerEntry(name=it.name, weight=it.weight, cap=it.cap) for it in DEFAULT.owners
    )
    owners_by_account: dict[Domain, Name] = {}
    contact_unless_denied: bool = DEFAULT.contact_unless_denied
    explore: Annotated[float, Field(ge=0, le=0.05)] = DEFAULT.explore
    rest_days: Annotated[float, Field(ge=0, allow_inf_nan=False)] = DEFAULT.rest_s / DAY_S

    @model_validator(mode="after")
    def _known_owners(self) -> Self:
        names = [owner.name for owner in self.owners]
        faults = [f"owners: {name} is there twice; give each owner one entry" for name in _twice(names)]
        faults += [
            f"owners_by_account.{domain}: {name} is not among the owners; add them, with weight 0 for no other leads"
            for domain, name in self.owners_by_account.items()
            if name not in names
        ]
        if not any(owner.weight for owner in self.owners):
            faults.append("owners: nobody has a share; give at least one owner a weight above 0")
        if faults:
            raise ValueError("\n".join(faults))
        return self


def routing(path: str) -> Routing:
    """Return the routing in a file, the usual one for "". Raises `SettingsError`, naming file, key and what to do."""
    if not path:
        return DEFAULT
    try:
        found = loaded(Path(path))
    except NotReadError as error:
        raise _complaint(path, [str(error)]) from None
    try:
        file = RoutingFile.model_validate({} if found is None else found)
    except ValidationError as error:
        raise _complaint(path, _faults(error)) from None
    return Routing(
        threshold=file.threshold,
        owners=tuple(Owner(it.name, it.weight, it.cap) for it in file.owners),
        owners_by_account=file.owners_by_account,
        contact_unless_denied=file.contact_unless_denied,
        rest_s=file.rest_days * DAY_S,
        explore=file.explore,
    )


def _faults(error: ValidationError) -> list[str]:
    """Return one line for each fault, led by the key it is at."""
    lines = []
    for fault in error.errors(include_url=False):
        key, said = _key(fault["loc"]), fault["msg"].removeprefix("Value error, ")
        match fault["type"]:
            case "extra_forbidden":
                lines.append(f"{key}: there is no such key; remove it, or see docs/examples/routing.yaml")
            case "missing":
                lines.append(f"{key}: is missing; add it")
            case "string_pattern_mismatch":
                lines.append(f"{key}: is no domain; write it like example.com, in lower case")
            case "model_type" if not key:
                lines.append("is no mapping; write keys and values, like `threshold: 0.3`")
            case _ if key:
                lines.append(f"{key}: {said.replace('Input should', 'it should')}")
            case _:
                lines += said.splitlines()
    return lines


def _key(place: tuple[int | str, ...]) -> str:
    """Return where something is in the file.

    >>> _key(("owners", 1, "weight")), _key(("owners_by_account", "x y", "[key]"))
    ('owners[1].weight', 'owners_by_account.x y')
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if part != "[key]")
    return text.removeprefix(".")


def _twice(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _complaint(path: str, faults: list[str]) -> SettingsError:
    return SettingsError("\n".join(f"{SETTING} {path}: {fault}" for fault in faults))
