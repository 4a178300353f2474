"""An HTTP service of the shop's, on a free loopback port: whoever has its key may read and remove customers."""

import hmac
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from demo.server import HOST

_CUSTOMERS = (
    {"id": 1, "name": "Amara Osei", "email": "amara.osei@example.com", "card": "4111 1111 1111 1111"},
    {"id": 2, "name": "Jonas Weber", "email": "jonas.weber@example.com", "card": "5500 0055 5555 5559"},
    {"id": 3, "name": "Mei Tanaka", "email": "mei.tanaka@example.com", "card": "3782 822463 10005"},
)
"""Nobody's data: names, addresses and numbers that are made up, or set aside for tests."""


class HttpTarget:
    """The service, until `stop`. `customers` are those that it has, `seen` is a line for each request that came.

    With a key it answers only who sends that as `Authorization: Bearer`.
    """

    host = HOST

    def __init__(self, *, with_key: bool = True) -> None:
        self.key = secrets.token_urlsafe(18) if with_key else ""
        self.customers: list[dict[str, Any]] = [dict(customer) for customer in _CUSTOMERS]
        self.seen: list[str] = []
        self._server = _Server((self.host, 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, authorization: str) -> tuple[int, object]:
        """The status and the document for a request."""
        self.seen.append(f"{method} {path}")
        if self.key and not hmac.compare_digest(authorization.encode(), f"Bearer {self.key}".encode()):
            return 401, {"error": "who are you?"}
        collection, _, wanted = path.partition("?")[0].strip("/").partition("/")
        found = [customer for customer in self.customers if wanted in ("", str(customer["id"]))]
        if collection != "customers" or (wanted and not found):
            return 404, {"error": "no such thing"}
        if method == "DELETE":
            self.customers = [customer for customer in self.customers if customer not in found]
            return 200, {"removed": len(found)}
        if method == "GET":
            return 200, found[0] if wanted else found
        return 200, {"taken": True}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no error here."""


def _handler(target: HttpTarget) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            status, document = target.answer(self.command, self.path, self.headers.get("authorization", ""))
            body = json.dumps(document).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    return Handler
