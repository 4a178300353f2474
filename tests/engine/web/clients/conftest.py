"""A real server behind a gateway, for real clients."""

import datetime
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hoopaddon import Command, Output, Refused
from hoopaddon.gateway import serving
from tests.servers.web_service import Service, web_service

EMAIL, MASK = "ann.example@example.com", "[masked]"


class Policies:
    """Refuses what deletes, masks one address, remembers what has ended."""

    def __init__(self) -> None:
        self.ended: list[Command] = []

    def command(self, command: Command) -> None:
        if command.text.startswith("DELETE ") or "delete-me" in command.text:
            raise Refused("nothing is deleted here")

    def output(self, output: Output) -> None:
        output.text = output.text.replace(EMAIL, MASK)

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


class Looks:
    """Judges, and leaves answers as they are."""

    def __init__(self) -> None:
        self.ended: list[Command] = []

    def command(self, command: Command) -> None:
        if "delete-me" in command.text:
            raise Refused("nothing is deleted here")

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


@dataclass
class Front:
    """Where to connect, and what is behind."""

    service: Service
    port: int
    authority: Path

    def url(self, path: str, *, tls: bool = False) -> str:
        return f"http{'s' if tls else ''}://127.0.0.1:{self.port}{path}"


type InFrontOf = Callable[..., AbstractAsyncContextManager[Front]]


@pytest.fixture(scope="session")
def web_confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web-conf")


@pytest.fixture
def front(tmp_path: Path, web_confdir: Path) -> InFrontOf:
    """A gateway with these policies, in front of the service."""

    @asynccontextmanager
    async def start(*addons: object, **options: Any) -> AsyncIterator[Front]:
        async with web_service(tmp_path) as service:
            modes = [f"http:http://127.0.0.1:{service.port}@127.0.0.1:0"]
            async with serving(modes=modes, addons=addons, confdir=str(web_confdir), **options) as gateway:
                port = gateway.servers.listen_addrs()[0][1]
                yield Front(service, port, web_confdir / "hoopaddon-ca-cert.pem")

    return start


@dataclass
class Certificate:
    """A target's own, for `localhost`; `path` is a file of it alone."""

    pem: bytes
    key: bytes
    path: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Made for these tests."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    path = tmp_path_factory.mktemp("target") / "ca.pem"
    path.write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(pem, private, path)
