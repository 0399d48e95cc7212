"""Write keys: drawn here, shown once, and kept by the collector as a hash."""

from typing import Annotated

import typer

from streams.cli.output import Json, console, fail, show_json

__all__ = ["app"]

app = typer.Typer(help="Write keys for senders: a new one, and what to set for it.", no_args_is_help=True)

BYTES = 32


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, for instance shop.")],
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="Only for pages of this web origin; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw a key and print it once, with the hash that goes into LEADSTREAM_WRITE_KEYS or LEADSTREAM_CRM_KEYS.

    To change a key, set the old entry and the new one, separated by a comma, until every sender has the new key.
    """
    import secrets

    from connectors.keyring import HASHED, Key, digest_of, web_origin

    key = secrets.token_urlsafe(BYTES)
    origins = f";origins={'|'.join(origin)}" if origin else ""
    entry = f"{name}:{HASHED}{digest_of(key).hex()}{origins}"
    try:
        for one in origin or ():
            web_origin(one)
        whole = "," not in entry and Key.parse(entry).name == name
    except ValueError as error:
        raise fail(str(error), 2) from None
    if not whole:
        raise fail("a name has neither commas nor colons", 2)
    if as_json:
        show_json({"key": key, "entry": entry})
        return
    console.print(f"key (for the sender, shown once): {key}", markup=False, soft_wrap=True)
    console.print(f"entry (for the setting):          {entry}", markup=False, soft_wrap=True)
