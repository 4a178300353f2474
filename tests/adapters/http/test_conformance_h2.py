"""HTTP/2 in the suite that every adapter passes: over TLS, and without by prior knowledge."""

import contextlib
from collections.abc import Callable

from tests.adapters.http.test_conformance import QUIET_S, WITHIN_S, TestHttp, fragile, gateway, target
from tests.conformance.suite import Client, RefusedByGateway, Word
from tests.servers.h2_client import HEADERS, H2Client, ask, dial, ended_streams, frames, side
from tests.servers.plain_http import HttpGateway

__all__ = ["fragile", "gateway", "target"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Http2Client(Client):
    """One connection; requests one after the other."""

    def __init__(self, port: int, *, tls: bool) -> None:
        self.wire = H2Client(port, tls=tls, timeout_s=WITHIN_S)

    def ask(self, command: str) -> str:
        status, head, text = self.wire.answer(self.wire.send(command))
        if status in (403, 502):
            assert head["content-type"] == "application/problem+json"
            raise RefusedByGateway(text)
        return text

    def close(self) -> None:
        self.wire.close()


def talk(*lines: str, body: bytes = b"") -> bytes:
    """What a client says that asks all of these at once."""
    begun = side()
    for number, line in enumerate(lines):
        ask(begun, 1 + 2 * number, line, body)
    return begun.data_to_send()


def frame(kind: int, flags: int, stream: int, payload: bytes, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    return size.to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


class TestPriorKnowledge(TestHttp):
    """h2c."""

    tls = False

    def connect(self, port: int) -> Client:
        return Http2Client(port, tls=self.tls)

    def exchanges(self) -> dict[str, bytes]:
        return {
            "refused": talk("GET /secret", "GET /refuseme", "GET /secret"),
            "body": talk("POST /secret", body=b'{"amount": 5}'),
        }

    def raw(self, port: int, sent: bytes) -> bytes:
        received = b""
        asked = sum(kind == HEADERS for kind, _, _ in frames(sent.removeprefix(PREFACE)))
        with contextlib.suppress(OSError), dial(port, tls=self.tls, timeout_s=QUIET_S) as wire:
            wire.sendall(sent)
            while len(ended_streams(received)) < max(asked, 1) and (data := wire.recv(65_536)):
                received += data
        return received

    def nonsense(self) -> list[bytes]:
        settings = frame(4, 0, 0, b"")
        begun = PREFACE + settings
        return [
            PREFACE + b"\xff" * 64,
            PREFACE[:20] + b"\0" * 64,
            begun + frame(1, 5, 0, b"\x82"),
            begun + frame(1, 5, 2, b"\x82"),
            begun + frame(1, 5, 1, b"\xff" * 40),
            begun + frame(0, 1, 1, b"data before headers"),
            begun + frame(9, 4, 1, b"\x82"),
            begun + frame(8, 0, 0, b"\0\0\0\0"),
            begun + frame(6, 0, 0, b"\0" * 7),
            begun + frame(4, 0, 0, b"\0\4\xff\xff\xff\xff"),
            begun + frame(1, 4, 1, b"", length=0xFFFFFF),
            begun + frame(1, 1, 1, b"\x82") + frame(6, 0, 0, b"\0" * 8),
            begun + frame(3, 0, 1, b"\0\0\0\0"),
            begun + frame(0xFE, 0xFF, 7, b"what is this"),
            talk("GET no-slash"),
            talk("get /lower"),
        ]

    def lazily(self, port: int) -> Callable[[], None]:
        client = H2Client(port, tls=self.tls, timeout_s=WITHIN_S)
        client.send(self.command(Word.LARGE))
        return client.close

    def test_one_that_is_held_stops_no_other(self, gateway: HttpGateway) -> None:
        client = H2Client(gateway.port, tls=self.tls, timeout_s=WITHIN_S)
        try:
            held = client.send(self.command(Word.HELD, "held-beside"))
            others = [client.send(self.command(Word.HARMLESS, f"beside-{n}")) for n in range(5)]
            assert all("fine" in client.answer(stream)[2] for stream in others)
            assert held not in client.ended
            assert client.answer(held)[0] == 403
        finally:
            client.close()
        assert not self.arrived("held-beside")


class TestOverTls(TestPriorKnowledge):
    """h2."""

    tls = True

    def exchanges(self) -> dict[str, bytes]:
        return {"refused": talk("GET /secret", "GET /refuseme", "GET /secret")}


del TestHttp
