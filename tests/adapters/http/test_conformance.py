"""HTTP in the suite that every adapter passes."""

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conformance.cutter import Cutter
from tests.conformance.suite import POLICY, Client, Conformance, RefusedByGateway, Word
from tests.servers.plain_http import HttpGateway, Target

WITHIN_S = 15
QUIET_S = 0.7
SCRIPTS = [POLICY, "record.py"]
# Long enough for who is connected and says nothing while others talk nonsense.
OPTIONS = {"shutdown_timeout": 2, "login_timeout": 15}


class HttpClient(Client):
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
        self._connection.connect()

    def ask(self, command: str) -> str:
        method, _, path = command.partition(" ")
        try:
            self._connection.request(method, path)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except http.client.HTTPException as e:
            raise OSError(e) from None
        if answer.status in (403, 502):
            assert answer.headers["content-type"] == "application/problem+json"
            raise RefusedByGateway(text)
        return text

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture(scope="module")
def gateway(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpGateway]:
    folder = tmp_path_factory.mktemp("conformance")
    with HttpGateway(target, folder, scripts=SCRIPTS, options=OPTIONS) as gateway:
        yield gateway


@pytest.fixture
def fragile(target: Target, tmp_path: Path) -> Iterator[tuple[HttpGateway, Cutter]]:
    with Cutter(target.port) as wire:
        behind = SimpleNamespace(host=wire.host, port=wire.port)
        with HttpGateway(behind, tmp_path, scripts=SCRIPTS, options=OPTIONS) as gateway:
            yield gateway, wire


class TestHttp(Conformance):
    """http.client, on one connection."""

    answered_bytes = 300
    target: Target

    @pytest.fixture(autouse=True)
    def _where(self, target: Target) -> None:
        self.target = target

    def command(self, word: Word, mark: str = "") -> str:
        return f"GET /{word}?mark={mark}"

    def connect(self, port: int) -> Client:
        return HttpClient(port)

    def arrived(self, text: str) -> bool:
        return any(text in line for line in self.target.seen)

    def exchanges(self) -> dict[str, bytes]:
        secret = request("GET /secret")
        return {
            "one": request("GET /secret", last=True),
            "two": secret + request("GET /secret", last=True),
            "refused": secret + request("GET /refuseme") + request("GET /secret", last=True),
            "body": request("POST /secret", b'{"amount": 5}', last=True),
            "chunked": chunked("POST /secret", b'{"am', b'ount": 5}'),
        }

    def raw(self, port: int, sent: bytes) -> bytes:
        received = b""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), QUIET_S) as wire:
            wire.sendall(sent)
            while data := wire.recv(65_536):
                received += data
        return received

    def nonsense(self) -> list[bytes]:
        head = b"Host: x\r\n"
        return [
            b"\xff" * 64,
            b"\0" * 64,
            b"\x16\x03\x01" + b"\xff" * 64,
            b"\x16\x03\x01\0\x05\x01\0\0\x01\0",
            b"\r\n\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n" + head + b"\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
            b"GET http://[ HTTP/1.1\r\n" + head + b"\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000,
            b"GET /" + b"a" * 300_000,
            b"POST / HTTP/1.1\r\n" + head + b"Content-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + head + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"POST / HTTP/1.1\r\n" + head + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST / HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 100_000,
            b"POST / HTTP/1.1\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
            b"PRI * HTTP/2.0\r\n\r\n" + b"\xff" * 64,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\4\1\5\0\0\0\1" + b"\xff" * 4,
        ]

    def lazily(self, port: int) -> Callable[[], None]:
        wire = socket.create_connection(("127.0.0.1", port), WITHIN_S)
        wire.sendall(request(self.command(Word.LARGE)))
        return wire.close


def request(line: str, body: bytes = b"", *, last: bool = False) -> bytes:
    close = b"Connection: close\r\n" if last else b""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return line.encode() + b" HTTP/1.1\r\nHost: target\r\n" + close + length + b"\r\n" + body


def chunked(line: str, *parts: bytes) -> bytes:
    head = line.encode() + b" HTTP/1.1\r\nHost: target\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
