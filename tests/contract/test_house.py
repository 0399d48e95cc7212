"""The house keeps its measure: code that fits on a few screens, and no file that needs a map."""

from pathlib import Path
from statistics import median

MOST, MIDDLE = 400, 130  # lines of a file, as CONTRIBUTING.md has it, and of the one in the middle
ROOMS = ("streams", "schemas", "connectors", "infra", "tests")
CODE = {".py", ".pyi", ".c", ".h", ".go", ".js", ".mjs", ".sh"}


def lengths(repository: Path) -> dict[str, int]:
    files = [path for room in ROOMS for path in (repository / room).rglob("*") if path.suffix in CODE]
    return {str(path.relative_to(repository)): len(path.read_text().splitlines()) for path in files}


def test_no_file_of_code_is_longer_than_we_say_and_most_are_much_shorter(repository: Path) -> None:
    found = lengths(repository)
    assert {name: lines for name, lines in found.items() if lines > MOST} == {}
    for room in ROOMS:
        assert median(lines for name, lines in found.items() if name.startswith(f"{room}/")) < MIDDLE, room
