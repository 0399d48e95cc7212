"""Files that people write for us, in YAML."""

from pathlib import Path
from typing import Any

import yaml

__all__ = ["NotReadError", "loaded"]


class NotReadError(Exception):
    """A file cannot be read; the text says why and what to do, and goes behind the file's name."""


def loaded(path: Path) -> Any:
    """Return what is in a file; None when nothing is. Raises `NotReadError`."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NotReadError(f"cannot be read ({type(error).__name__}); name a file that may be read") from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split()).replace('in "<unicode string>", ', "at ")
        raise NotReadError(f"is not YAML: {said}") from None
