"""An HTTP server on threads, for tests whose gateway is a process of its own; and that gateway."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from tests.servers.gateway import GatewayProcess

SECRET = "ann.example@example.com"
_LARGE_PIECES = 2_000
_PIECE = b"x" * 65_536


class Target:
    """Answers `fine` and the secret; what contains `large` is answered with many megabytes. `seen`: the requests."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.seen: list[str] = []

        self._server = _Server((self.host, 0), _handler(self.seen))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is no error here."""


def _handler(seen: list[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            seen.append(f"{self.command} {self.path} {body.decode(errors='replace')}")
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            if "large" in self.path:
                self._send_large()
                return
            answer = f"fine, says {SECRET}\n".encode() if "secret" in self.path else b"fine\n"
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_DELETE = do_GET

        def _send_large(self) -> None:
            self.send_header("Content-Length", str(_LARGE_PIECES * len(_PIECE)))
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(_LARGE_PIECES):
                    self.wfile.write(_PIECE)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    return Handler


class HttpGateway(GatewayProcess):
    """In front of an HTTP server."""

    def __init__(self, upstream: Target | SimpleNamespace, folder: Path, **how: Any) -> None:
        self.upstream = upstream
        super().__init__(folder, **how)

    @property
    def target(self) -> str:
        return f"http:http://{self.upstream.host}:{self.upstream.port}"
