"""A fault and the alerts that it must bring: data, `faults.yaml`."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

FAULTS = Path(__file__).with_name("faults.yaml")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the drill.

    `do` names a fault of `tests.drill.faults`, done with `options`. `expects` = how soon each alert must have told
    somebody, in seconds of the drill; `brings` = pages that this fault may bring besides; any other page is unrelated.
    The fault is over once all that is expected has come, but never before `lasts_s`. `pictured` = how the pictures of
    all dashboards at its end are named, if there are to be any.
    """

    name: str
    title: str
    do: str
    options: dict[str, Any] = {}
    expects: dict[str, float] = {}
    brings: tuple[str, ...] = ()
    lasts_s: float = 20.0
    pictured: str = ""


def cases() -> list[Case]:
    """Return the drill's rows. Raises `msgspec.ValidationError`, naming what is odd in one."""
    return msgspec.convert(yaml.safe_load(FAULTS.read_text()), list[Case])
