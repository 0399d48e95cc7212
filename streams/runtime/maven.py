"""What Maven brings from a pom of ours into a cache outside the repository: one folder, whole or not there."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from streams.runtime.process import StartError

__all__ = ["CACHE", "Recipe"]

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadstream"


class Recipe(NamedTuple):
    """A program that a pom pins. `goal` = a goal of its dependency plugin with options; `{into}` = the folder."""

    program: str
    pom: Path
    pinned: str  # the property of the pom that holds the version
    goal: tuple[str, ...]
    folder: str  # in the cache; `{version}` stands for the version

    @property
    def version(self) -> str:
        """The version that the pom pins."""
        return ET.parse(self.pom).findtext(f".//{{*}}{self.pinned}") or ""  # noqa: S314 - our own file

    @property
    def home(self) -> Path:
        """Where it lies once it is fetched."""
        return CACHE / self.folder.format(version=self.version)

    def available(self) -> str | None:
        """None when it is in the cache, or Maven is here to fetch it."""
        if not self.pom.exists():
            return f"it needs a clone of the repository ({self.pom.parent.parent.name}/{self.pom.parent.name})"
        if not self.home.exists() and shutil.which("mvn") is None:
            return f"{self.program} is not in the cache and there is no mvn on the PATH to fetch it"
        return None

    def fetch(self) -> Path:
        """Return its folder, filled by Maven the first time. Raises `StartError` when it cannot be had."""
        home = self.home
        if home.exists():
            return home
        home.parent.mkdir(parents=True, exist_ok=True)
        half = home.with_name(f"{home.name}.{os.getpid()}")  # renamed when whole: nobody starts from half a download
        command = ("mvn", "-q", "-B", "-f", str(self.pom), *(part.format(into=half) for part in self.goal))
        maven = subprocess.run(command, capture_output=True, text=True, check=False)
        if maven.returncode != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise StartError(f"Maven could not fetch {self.program} {self.version}:\n{maven.stdout[-2000:]}")
        half.rename(home)
        return home
