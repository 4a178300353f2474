"""SSH in the suite that every adapter passes.

No two SSH connections send the same bytes, so what a raw client sends is a script here: a word for what to do, and
as many bytes more as a real client sends about, which is where the suite cuts.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import paramiko
import pytest

from tests.conformance.cutter import Cutter
from tests.conformance.suite import POLICY, SECRET, Client, Conformance, RefusedByGateway, Word
from tests.servers.ssh import SshGateway, SshServer, public

SCRIPTS = [POLICY, "record.py"]
OPTIONS = {"shutdown_timeout": 2}
SENT_BYTES = 4_000
WITHIN_S = 15
SCRIPT = b"script:"


class Paramiko(Client):
    """One connection; each command has a channel of its own."""

    def __init__(self, port: int, gateway: SshGateway) -> None:
        try:
            self._socket = socket.create_connection((gateway.host, port), WITHIN_S)
            self.transport = paramiko.Transport(self._socket)
            self.transport.banner_timeout = self.transport.auth_timeout = WITHIN_S
            self.transport.connect(username=gateway.client, password=gateway.token())
        except (paramiko.SSHException, EOFError) as e:
            self._socket.close()
            raise OSError(e) from None

    def ask(self, command: str) -> str:
        try:
            with self.transport.open_session(timeout=WITHIN_S) as channel:
                channel.settimeout(WITHIN_S)
                channel.exec_command(command)
                out, err = channel.makefile("rb").read(), channel.makefile_stderr("rb").read()
                status = channel.recv_exit_status()
        except (paramiko.SSHException, EOFError) as e:
            raise OSError(e) from None
        if status == 126:
            raise RefusedByGateway(err.decode())
        return bytes(out).decode(errors="replace")

    def close(self) -> None:
        self.transport.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the target has its secret, and its log."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "log").touch()
    return folder


@pytest.fixture(scope="module")
def gateway(sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGateway]:
    folder = tmp_path_factory.mktemp("conformance")
    with SshGateway(sshd, folder, scripts=SCRIPTS, options=OPTIONS, settings=sshd.settings) as gateway:
        yield gateway


@pytest.fixture
def fragile(sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SshGateway, Cutter]]:
    with Cutter(sshd.port) as wire:
        folder = tmp_path_factory.mktemp("fragile")
        known_hosts = folder / "known"
        known_hosts.write_text(f"[{wire.host}]:{wire.port} {public(sshd.host_key).read_text()}")
        settings = {**sshd.settings, "known_hosts": known_hosts}
        behind = SimpleNamespace(host=wire.host, port=wire.port)
        with SshGateway(behind, folder, scripts=SCRIPTS, options=OPTIONS, settings=settings) as gateway:
            TestSsh.gateways[gateway.port] = gateway
            yield gateway, wire


class TestSsh(Conformance):
    """paramiko, with commands in channels of one connection."""

    gateways: dict[int, SshGateway] = {}  # noqa: RUF012
    answered_bytes = 4_000
    folder: Path
    usual: SshGateway

    @pytest.fixture(autouse=True)
    def _where(self, folder: Path, gateway: SshGateway) -> None:
        self.folder = folder
        self.usual = gateway

    def command(self, word: Word, mark: str = "") -> str:
        what = {
            Word.HARMLESS: "echo fine",
            Word.SECRET: f"cat {self.folder}/secret",
            Word.LARGE: "head -c 1000000000 /dev/zero",
        }.get(word, "true")
        return f"echo {word} {mark} >>{self.folder}/log; {what}"

    def connect(self, port: int) -> Client:
        return Paramiko(port, self.gateways.get(port, self.usual))

    def arrived(self, text: str) -> bool:
        return text in (self.folder / "log").read_text()

    def exchanges(self) -> dict[str, bytes]:
        return {"commands": script("commands")}

    def raw(self, port: int, sent: bytes) -> bytes:
        if not sent.startswith(SCRIPT):
            return send(port, sent)
        received = ""
        with contextlib.suppress(OSError):
            client = Paramiko(port, self.gateways.get(port, self.usual))
            try:
                name = sent.removeprefix(SCRIPT).split()[0].decode()
                if name != "commands":
                    nonsense = NONSENSE[name]
                    nonsense(client.transport)
                for word in (Word.SECRET, Word.REFUSED, Word.SECRET):
                    with contextlib.suppress(RefusedByGateway):
                        received += client.ask(self.command(word))
            finally:
                client.close()
        return received.encode()

    def nonsense(self) -> list[bytes]:
        greeting = b"SSH-2.0-nonsense\r\n"
        raw = [b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", greeting + b"\0" * 64, greeting + b"\x7f" * 64]
        return raw + [script(name) for name in NONSENSE]

    def lazily(self, port: int) -> Callable[[], None]:
        client = Paramiko(port, self.gateways.get(port, self.usual))
        # A window that no flow control of SSH's will ever close.
        channel = client.transport.open_session(window_size=(1 << 32) - 1, timeout=WITHIN_S)
        channel.exec_command(self.command(Word.LARGE))
        over = threading.Event()

        def read_nothing() -> None:
            over.wait()
            raise EOFError

        setattr(client.transport.packetizer, "read_message", read_nothing)  # noqa: B010

        def close() -> None:
            over.set()
            client.close()

        return close


def script(name: str) -> bytes:
    return (SCRIPT + name.encode() + b" ").ljust(SENT_BYTES, b".")


def send(port: int, sent: bytes) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire, contextlib.suppress(OSError):
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        while data := wire.recv(65_536):
            received += data
    return received


def _message(*parts: bytes | int | str) -> paramiko.Message:
    message = paramiko.Message()
    kind, *rest = parts
    message.add_byte(bytes([kind if isinstance(kind, int) else 0]))
    for part in rest:
        if isinstance(part, int):
            message.add_int(part)
        else:
            message.add_string(part)
    return message


def _sends(*parts: bytes | int | str) -> Callable[[paramiko.Transport], None]:
    return lambda transport: transport._send_user_message(_message(*parts))


NONSENSE: dict[str, Callable[[paramiko.Transport], None]] = {
    "unknown-message": _sends(200, b"x"),
    "data-for-no-channel": _sends(94, 4711, b"x"),
    "too-short": _sends(90),
    "strange-channel": _sends(90, "no such channel", 0, 1 << 20, 1 << 15),
    "bad-exec": _sends(98, 0, b"exec", b"\xff"),
    "adjust-for-no-channel": _sends(93, 0, (1 << 32) - 1),
    "strange-request": _sends(80, "tun@example.com"),
    "forward-without-end": _sends(80, b"tcpip-forward", 1),
}


def test_the_suite_has_an_answer_for_every_word(folder: Path) -> None:
    asked = TestSsh()
    asked.folder = folder
    assert all(word in asked.command(word) for word in (Word.REFUSED, Word.HELD, Word.BROKEN))
