"""A small CRM: takes the relay's signed Standard Webhooks, checks them by its own reading of the rules, counts them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
import threading
import time
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300.0
PATH = "/leads"


class Crm:
    """Listens on 127.0.0.1, on a free port, from when it is made; `secret` (`whsec_...`) is set before leads come.

    `received` counts each webhook-id; `forged` counts those whose signature is not right.
    """

    def __init__(self) -> None:
        self.secret = ""
        self.received: Counter[str] = Counter()
        self.forged = 0
        crm = self

        class Desk(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """Answer one webhook."""
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                self.send_response(crm.take(dict(self.headers.items()), body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing: a request may be about a person."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="crm", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it takes webhooks."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    @property
    def duplicates(self) -> int:
        """How many deliveries repeated an id: harmless, since the id tells."""
        return self.received.total() - len(self.received)

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Note a webhook and return the HTTP status for it."""
        headers = {name.lower(): value for name, value in headers.items()}
        if not genuine(self.secret, headers, body, time.time()):
            self.forged += 1
            return 401
        self.received[headers["webhook-id"]] += 1
        return 204

    def stop(self) -> None:
        """Hang up."""
        self._server.shutdown()
        self._server.server_close()


def genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Tell whether a webhook is signed with our secret, and recently; of several signatures one must be right."""
    webhook_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (secret and webhook_id and stamp.isdecimal()) or abs(now - int(stamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, f"{webhook_id}.{stamp}.".encode() + body, sha256).digest())
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(b"v1," + right, one.encode()) for one in given)
