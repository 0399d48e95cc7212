"""Settings that nobody reads because their name is misspelt."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from connectors.settings import PROCESSES
from connectors.values import SECRETS

__all__ = ["misspelt"]

PREFIX = "LEADSTREAM_"
ALIKE = 0.85  # of what is behind the prefix: PARTITONS is like PARTITIONS, ROUTING is not like ROUTING_FILE
FIELDS = [field for kind in PROCESSES.values() for field in kind.model_fields.values()]
KNOWN = {str(it.alias) for it in FIELDS} | {f"{it.alias}_FILE" for it in FIELDS if it.annotation in SECRETS}


def misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that is no setting, while one of nearly that name is not set.

    What a destinations file asks for by `${NAME}` is meant as it is written.

    >>> list(misspelt({"LEADSTREAM_PARTITONS": "8", "LEADSTREAM_PEPPER": "..."}))
    ['LEADSTREAM_PARTITONS is no setting, so it is not read; is LEADSTREAM_PARTITIONS meant?']
    """
    unset = [name.removeprefix(PREFIX) for name in sorted(KNOWN - environ.keys()) if name.startswith(PREFIX)]
    unknown = environ.keys() - KNOWN - _asked_for(environ.get("LEADSTREAM_DESTINATIONS_FILE", ""))
    for name in sorted(name for name in unknown if name.startswith(PREFIX)):
        for meant in get_close_matches(name.removeprefix(PREFIX), unset, 1, ALIKE):
            yield f"{name} is no setting, so it is not read; is {PREFIX}{meant} meant?"


def _asked_for(path: str) -> set[str]:
    """Return the variables that a destinations file names; what is wrong with the file is told elsewhere."""
    try:
        named = re.findall(r"\$\{(\w+)\}", Path(path).read_text()) if path else []
    except (OSError, UnicodeDecodeError):
        return set()
    return {*named, *(f"{name}_FILE" for name in named)}
