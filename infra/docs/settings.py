"""Rewrite the table of docs/settings.md from the settings themselves; the words above it stay."""

from pathlib import Path

from connectors.reference import reference

PAGE = Path("docs") / "settings.md"

words, _, _ = PAGE.read_text().partition("\n| Variable ")
PAGE.write_text(f"{words.rstrip()}\n\n{reference()}")
