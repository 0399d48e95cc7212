"""What a page tells its reader to write: fenced blocks that name their file, whole or as what changes in it."""

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

__all__ = ["Block", "applied", "commands", "section", "told", "written"]

FENCED = r"\n(?P<text>.*?)^(?P=indent)```$"
BLOCK = re.compile(r'^(?P<indent> *)```(?P<language>\w+) title="(?P<path>[^"]+)"' + FENCED, re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^(?P<indent> *)```sh" + FENCED, re.MULTILINE | re.DOTALL)
HUNK = "@@\n"  # stands between two places of a file


class Block(NamedTuple):
    """One block: `language` is "diff" for what changes in a file that exists, else `text` is the file."""

    path: str
    language: str
    text: str


def section(page: str, title: str) -> str:
    """The part of a page under a heading of the second level."""
    [found] = [part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(f"{title}\n")]
    return found


def written(page: str) -> list[Block]:
    """The blocks that name a file, in their order."""
    return [Block(found["path"], found["language"], dedent(found["text"])) for found in BLOCK.finditer(page)]


def commands(page: str) -> list[str]:
    """The lines of its shell blocks."""
    return [line.strip() for found in SHELL.finditer(page) for line in found["text"].splitlines()]


def told(page: str) -> str:
    """The page without what its reader is about to write: that names what does not exist yet."""
    return BLOCK.sub("", page)


def applied(block: Block, root: Path) -> None:
    """Do to the tree at `root` what a block says. Each place that changes must be there, once."""
    path = root / block.path
    if block.language != "diff":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        return
    text = path.read_text()
    for hunk in block.text.split(HUNK):
        lines = [line if line.strip() else f" {line}" for line in hunk.splitlines(keepends=True)]
        before, after = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert text.count(before) == 1, f"{block.path} has this {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    path.write_text(text)
