"""`python -m streams` is `leadstream`."""

from streams.cli import app

app(prog_name="leadstream")
