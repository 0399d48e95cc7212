"""Where routed leads go: the destinations file, or the one destination that the settings describe.

Each entry of the file names a sink and gives it its options; `${NAME}` stands for an environment variable, or for the
contents of the file that `NAME_FILE` names, so that no secret needs to be in it. See docs/examples/destinations.yaml.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.egress.guard import Guard
from connectors.lane import SCHEDULE_S
from connectors.settings import Outlets, RelaySettings, SettingsError
from connectors.sinks import SINKS, Kind
from connectors.sinks.delivery import Sink
from connectors.written import NotReadError, loaded
from schemas.topics import DAY_S, LEADS_ROUTED, Topic, retry_name

__all__ = ["GROUP", "Destination", "Outlet", "destinations", "erasing", "groups", "named"]

FILE = "LEADSTREAM_DESTINATIONS_FILE"
GROUP = "leadstream-relay"
NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"
KEPT_S = 14 * DAY_S  # of a retry topic: longer than any schedule
OWN = {"webhook_url": "url", "webhook_secret": "secret", "webhook_timeout_s": "timeout_s"}


class Entry(BaseModel):
    """What every destination is told, whatever its sink; the rest are the sink's options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    sink: str
    takes: tuple[str, ...] = Field((), description="which decisions go there, by `destination`; none = all")
    erases: bool = Field(True, description="whether who asks to be forgotten is erased there, too")
    schedule_s: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        SCHEDULE_S, min_length=1, description="how long a lead waits after each failed attempt, seconds"
    )


class Outlet(NamedTuple):
    """A destination as others see it, who deliver nothing: its name, and the group in which relays deliver to it."""

    name: str
    group: str

    @property
    def topics(self) -> tuple[Topic, Topic]:
        """Return where its routed leads come from, and where those wait that it has put off."""
        return LEADS_ROUTED, LEADS_ROUTED._replace(name=retry_name(LEADS_ROUTED, self.name), retention_s=KEPT_S)


class Destination(NamedTuple):
    """One destination: its name, what it takes, how to open it, and what it reads and owns on the broker."""

    name: str
    sink: str
    options: BaseModel
    guard: Guard
    takes: tuple[str, ...] = ()
    erases: bool = True
    schedule_s: tuple[float, ...] = SCHEDULE_S
    group: str = GROUP

    @property
    def topic(self) -> Topic:
        """Return the topic that it is told of."""
        return SINKS[self.sink].topic

    @property
    def retry(self) -> Topic:
        """Return the topic where its leads wait: partitioned as the one that it is told of."""
        return self.topic._replace(name=retry_name(self.topic, self.name), retention_s=KEPT_S)

    def open(self) -> Sink:
        """Return its sink, with nothing connected yet."""
        return SINKS[self.sink].open(self.options, self.guard)


def destinations(settings: RelaySettings, environ: Mapping[str, str]) -> tuple[Destination, ...]:
    """Return the destinations of the file, else the one of the settings. Raises `SettingsError`, naming every fault."""
    guard = Guard(settings.egress_allow)
    if not settings.destinations_file:
        return (_single(settings, guard),)
    faults: list[str] = []
    found = []
    for name, given in _entries(settings.destinations_file).items():
        where = f"destinations.{name}"
        if not re.match(NAME, name):
            faults.append(f"{where}: a name is 1 to 32 small letters, digits, - and _")
            continue
        try:
            entry = Entry.model_validate(_filled(given, environ))
            kind = SINKS[entry.sink]
            options = kind.options.model_validate(entry.model_extra or {})
        except KeyError as error:
            known = ", ".join(SINKS)
            faults.append(f"{where}.sink: {error.args[0]} is not known; write one of {known}")
        except Unset as error:
            faults.append(f"{where}: {error} is not set in the environment, nor {error}_FILE")
        except ValidationError as error:
            wrong = error.errors(include_input=False)
            faults += [f"{where}.{_path(it)} {_complaint(it['msg'])}" for it in wrong]
        else:
            found.append(
                Destination(
                    name, entry.sink, options, guard, entry.takes, entry.erases, entry.schedule_s, f"{GROUP}-{name}"
                )
            )
    if faults:
        raise SettingsError("\n".join(f"{settings.destinations_file}: {fault}" for fault in faults))
    return tuple(found)


def groups(path: str) -> dict[str, tuple[Topic]]:
    """Return the consumer groups of a file's destinations, each with what it reads; "" = of the settings' one.

    Raises `SettingsError`.
    """
    if not path:
        return {GROUP: (LEADS_ROUTED,)}
    kinds = {name: SINKS.get(str(entry.get("sink"))) for name, entry in _entries(path).items()}
    return {f"{GROUP}-{name}": (kind.topic if kind else LEADS_ROUTED,) for name, kind in kinds.items()}


def erasing(settings: Outlets) -> tuple[Outlet, ...]:
    """Return the destinations that have people erased; no secret of theirs need be set. Raises `SettingsError`."""
    if not settings.destinations_file:
        return (Outlet(settings.sink, GROUP),)
    kinds = {name: (SINKS.get(str(it.get("sink"))), it) for name, it in _entries(settings.destinations_file).items()}
    return tuple(
        Outlet(name, f"{GROUP}-{name}")
        for name, (kind, entry) in kinds.items()
        if kind and kind.topic is LEADS_ROUTED and entry.get("erases", True)
    )


def named(found: Iterable[Destination], name: str) -> Destination:
    """Return the destination of this name. Raises `SettingsError`, listing those there are."""
    by_name = {one.name: one for one in found}
    if name not in by_name:
        raise SettingsError(f"there is no destination {name}; there are {', '.join(by_name)}")
    return by_name[name]


class Unset(Exception):
    """A `${NAME}` that nobody has set."""


def _complaint(message: str) -> str:
    return f"is wrong: {message.removeprefix('Value error, ')}"


def _single(settings: RelaySettings, guard: Guard) -> Destination:
    if settings.sink not in SINGLE:
        raise SettingsError(
            f"LEADSTREAM_SINK={settings.sink} is not known; set it to one of {', '.join(SINGLE)}, or name a file of "
            f"destinations in {FILE}"
        )
    kind: Kind = SINKS[settings.sink]
    given = {own: getattr(settings, name) for name, own in OWN.items()} if settings.sink == "webhook" else {}
    try:
        options = kind.options.model_validate(given)
    except ValidationError as error:
        names = {own: f"LEADSTREAM_{name.upper()}" for name, own in OWN.items()}
        faults = {_path(fault): fault["msg"] for fault in error.errors(include_input=False)}
        lines = [f"{names[it]} {_complaint(msg) if given.get(it) else 'is not set'}" for it, msg in faults.items()]
        raise SettingsError("\n".join(lines)) from None
    return Destination(settings.sink, settings.sink, options, guard)


SINGLE = ("webhook", "memory")


def _entries(path: str) -> dict[str, Any]:
    try:
        found = loaded(Path(path))
    except NotReadError as error:
        raise SettingsError(f"{FILE}={path} {error}") from None
    entries = found.get("destinations") if isinstance(found, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise SettingsError(f"{FILE}={path}: write `destinations:` and below it one entry for each, by name")
    return {str(name): entry for name, entry in entries.items()}


def _filled(given: Any, environ: Mapping[str, str]) -> Any:
    """Return an entry with every `${NAME}` replaced. Raises `Unset`."""
    if isinstance(given, dict):
        return {name: _filled(value, environ) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(value, environ) for value in given]
    return (
        re.sub(r"\$\{(\w+)\}", lambda found: _variable(found[1], environ), given) if isinstance(given, str) else given
    )


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if environ.get(name):
        return environ[name]
    try:
        return Path(environ[f"{name}_FILE"]).read_text().strip()
    except (KeyError, OSError, UnicodeDecodeError):
        raise Unset(name) from None


def _path(fault: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in fault["loc"]) or "entry"
