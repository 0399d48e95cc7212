"""What the collector serves, as an OpenAPI 3.1 document: made from the doors that it listens on, at /openapi.json.

Bodies are told where the protocol is ours or the door reads it; what a platform sends is the platform's to document.
"""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

import msgspec

from connectors.registry import CONTENT_TYPE
from connectors.shapes import BODIES, QUERIES, SCHEMAS
from connectors.sources import Asked, Door, Pixel, Thankful

PATH = "/openapi.json"
REGISTRY = {
    "/subjects": (),
    "/subjects/{subject}/versions": ("subject",),
    "/subjects/{subject}/versions/{version}": ("subject", "version"),
    "/schemas/ids/{id}": ("id",),
    "/config": (),
    "/config/{subject}": ("subject",),
}
REFUSALS = {
    400: "The request cannot be used: its code says why.",
    401: "The sender is not known, or has not proved who they are.",
    403: "The sender may not do this.",
    408: "The body came too slowly.",
    410: "What was asked for is past.",
    413: "The body, or an event, is too large.",
    415: "The content type or encoding is none that this sender has.",
    429: "Too many requests; try again later.",
    431: "The headers are too large.",
    503: "Not everything is stored: send it all again, later.",
}
LATER = {429, 503}
SECURITY = {
    "basic": {"type": "http", "scheme": "basic", "description": "A write key as user name, without a password."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of this collector's settings."},
}

Json = dict[str, object]


def document(doors: Iterable[Door], *, registry: bool = True) -> bytes:
    """Return the document, JSON. `registry` = the schemas are served here too."""
    paths: dict[str, Json] = {path: _operations(door, path) for door in doors for path in door.paths}
    paths |= {
        "/healthz": {"get": _page("The process is there.")},
        "/readyz": {"get": _page("Whether events can be stored now.", 503)},
        "/metrics": {"get": _page("Metrics in Prometheus's text format.", kind="text/plain")},
        "/leadstream.js": {"get": _page("The snippet for web pages.", kind="text/javascript")},
        PATH: {"get": _page("This document.")},
    }
    if registry:
        kind = CONTENT_TYPE.decode()
        paths |= {
            path: {"get": _page("A schema registry to read from.", 404, kind=kind, names=names)}
            for path, names in REGISTRY.items()
        }
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Leadstream collector", "version": _version(), "description": _said(__doc__)},
            "paths": dict(sorted(paths.items())),
            "components": {"schemas": SCHEMAS, "securitySchemes": SECURITY},
        }
    )


def _operations(door: Door, path: str) -> Json:
    found: Json = {"post": _events(door, path)}
    if isinstance(door, Pixel) and path in door.pixels:
        found["get"] = _operation(door, path, "get", "One event in the query.", kind="image/gif")
    elif isinstance(door, Asked):
        found["get"] = _operation(door, path, "get", "The sender's handshake.", kind="*/*")
    return found


def _events(door: Door, path: str) -> Json:
    schema = BODIES.get(path) or BODIES.get(door.name) or {}
    content = {kind: {"schema": {"type": "string"} if "form" in kind else schema} for kind in door.types}
    kind = "*/*" if isinstance(door, Thankful) else "application/json"
    told = _operation(door, path, "post", "Events; answered when they are stored.", kind=kind)
    return told | {"requestBody": {"required": True, "content": content}}


def _operation(door: Door, path: str, method: str, summary: str, *, kind: str) -> Json:
    name = "-".join(part for part in path.split("/") if part)
    query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in QUERIES.get(door.name, ())]
    return {
        "operationId": f"{method}-{name}",
        "tags": [door.name],
        "summary": summary,
        "description": _said(type(door).__doc__),
        "parameters": query,
        "security": [{}, {"basic": []}, {"bearer": []}],  # or a proof in the body, the query or a header of its own
        "responses": {
            "200": {"description": "Stored.", "content": {kind: {}}},
            "204": {"description": "Stored; nothing to say."},
            **{str(status): _refusal(status) for status in REFUSALS},
        },
    }


def _refusal(status: int) -> Json:
    told = [{"$ref": f"#/components/schemas/{name}"} for name in ("Trouble", *(["Results"] if status == 400 else []))]
    trouble = {"application/json": {"schema": {"anyOf": told}}}
    headers: Json = {"Retry-After": {"schema": {"type": "string"}}} if status in LATER else {}
    return {"description": REFUSALS[status], "content": trouble, "headers": headers}


def _page(summary: str, *others: int, kind: str = "application/json", names: Iterable[str] = ()) -> Json:
    given = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    answers: Json = {"200": {"description": summary, "content": {kind: {}}}}
    for status in others:
        answers[str(status)] = {"description": "Not so." if status != 404 else "There is none.", "content": {"*/*": {}}}
    return {"summary": summary, "parameters": given, "responses": answers}


def _said(text: str | None) -> str:
    return " ".join((text or "").split())


def _version() -> str:
    try:
        return version("leadstream")
    except PackageNotFoundError:
        return "0"
