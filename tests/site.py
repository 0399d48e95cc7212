"""A website for browser tests: on an origin of its own, its pages as a test writes them, and files beside them."""

import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["Site"]


class Site:
    """`html` is what each of its pages shows; `files` is the folder of what lies under `/files/`."""

    def __init__(self) -> None:
        self.html = ""
        self.files: Path | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Pages(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *given: Any) -> None:
        self._site = site
        super().__init__(*given)

    def do_GET(self) -> None:
        body, kind = self._site.html.encode() if self.path != "/favicon.ico" else b"", "text/html"
        folder, _, name = self.path.removeprefix("/").partition("/")
        if self._site.files and folder == "files":
            file = self._site.files / name.partition("?")[0]
            body, kind = file.read_bytes(), "text/javascript"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
