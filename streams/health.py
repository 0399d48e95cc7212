"""What a worker says of itself over HTTP: /metrics, /livez (it answers), /readyz (it has its share, and works)."""

from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _Quiet(WSGIRequestHandler):
    """Serves without a log line for each scrape."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(host: str, port: int, ready: Callable[[], str]) -> WSGIServer:
    """Serve in a thread, until `shutdown()`; `ready` returns "" when the worker is, else why it is not."""
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return list(metrics(environ, start))
        if path not in ("/livez", "/readyz"):
            return _plain(start, "404 Not Found", "here are /metrics, /livez and /readyz")
        why = ready() if path == "/readyz" else ""
        return _plain(start, "503 Service Unavailable" if why else "200 OK", why or "ok")

    server = make_server(host, port, app, handler_class=_Quiet)
    Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def _plain(start: StartResponse, status: str, text: str) -> Iterable[bytes]:
    start(status, [("content-type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]
