"""kubectl on a cluster, through the gateway: in a folder of its own, with nothing of the operator's in reach."""

import asyncio
import base64
import codecs
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hoopaddon.adapters.mcp.serve.calls import Refusal
from hoopaddon.adapters.mcp.serve.kubectl_arguments import Kubectl
from hoopaddon.adapters.mcp.serve.texts import limited
from hoopaddon.errors import ConfigError
from hoopaddon.private_file import replace_private
from hoopaddon.relay.certificates import certificate_files

RUNS_WITHIN_S = 3600.0
_ENDS_WITHIN_S = 2.0
_WILDCARD = "gateway"


@dataclass(frozen=True, slots=True)
class Program:
    """kubectl, and the gateway's certificate, the one that it takes from whoever answers it."""

    path: str
    certificate: str
    """In PEM, base64."""
    name: str
    """One that the certificate is for."""

    @classmethod
    def find(cls, named: str, options: Any) -> "Program":
        """The program of this name or path. Raises `ConfigError`."""
        path = shutil.which(named)
        if path is None:
            raise ConfigError("there is no such program", key="--kubectl", hint="install kubectl, or name its path")
        file = Path(certificate_files(options)[0])
        try:
            certificate = x509.load_pem_x509_certificates(file.read_bytes())[0]
        except (OSError, ValueError):
            raise ConfigError("holds no certificate", file=str(file), key="tls_certificate") from None
        pem = base64.b64encode(certificate.public_bytes(Encoding.PEM)).decode()
        return cls(os.path.abspath(path), pem, _name_of(certificate))

    async def run(self, command: Kubectl, port: int, token: str, stdin: str) -> Any:
        """What it prints, and how it ends. Raises `Refusal`."""
        if command.reads != bool(stdin):
            raise Refusal("give `stdin` where -f - or exec -i reads it, and nowhere else")
        with self._folder(port, token) as folder:
            try:
                process = await asyncio.create_subprocess_exec(
                    self.path,
                    *command.arguments,
                    cwd=folder / "work",
                    env=_environment(folder),
                    stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as e:
                raise Refusal(f"kubectl cannot be started: {e.strerror}") from None
            try:
                async with asyncio.timeout(RUNS_WITHIN_S):
                    return await _talk(process, stdin.encode("utf-8", "replace"))
            except TimeoutError:
                raise Refusal(f"kubectl took longer than {RUNS_WITHIN_S:.0f} seconds") from None
            finally:
                await _end(process)

    @contextlib.contextmanager
    def _folder(self, port: int, token: str) -> Iterator[Path]:
        """Its home, with a kubeconfig that knows the gateway alone, and an empty one to work in."""
        with tempfile.TemporaryDirectory(prefix="hoopaddon-kubectl-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for below in ("home", "path", "work"):
                (folder / below).mkdir()
            cluster = {
                "server": f"https://127.0.0.1:{port}",
                "certificate-authority-data": self.certificate,
                "tls-server-name": self.name,
            }
            kubeconfig = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "gateway", "cluster": cluster}],
                "users": [{"name": "gateway", "user": {"token": token}}],
                "contexts": [{"name": "gateway", "context": {"cluster": "gateway", "user": "gateway"}}],
                "current-context": "gateway",
            }
            replace_private(folder / "kubeconfig", json.dumps(kubeconfig).encode())
            yield folder


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours: no proxies, no editor, no plugins on PATH, no preferences, no caches."""
    return {
        "HOME": str(folder / "home"),
        "PATH": str(folder / "path"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "KUBERC": "off",
    }


def _name_of(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "localhost"
    dns = names.get_values_for_type(x509.DNSName)
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    return [*dns, *addresses, "localhost"][0].replace("*", _WILDCARD)


async def _talk(process: asyncio.subprocess.Process, stdin: bytes) -> dict[str, Any]:
    out, err, _ = await asyncio.gather(_text(process.stdout), _text(process.stderr), _write(process.stdin, stdin))
    return {"stdout": out, "stderr": err, "exit_status": await process.wait()}


async def _text(stream: asyncio.StreamReader | None) -> str:
    return await limited(_decoding(stream)) if stream is not None else ""


def _decoding(stream: asyncio.StreamReader) -> Callable[[int], Awaitable[str]]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    async def read(size: int) -> str:
        while data := await stream.read(size):
            if text := decoder.decode(data):
                return text
        return decoder.decode(b"", final=True)

    return read


async def _write(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is None:
        return
    # One that does not read to the end has said why.
    with contextlib.suppress(ConnectionError):
        stream.write(data)
        await stream.drain()
    stream.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing of it is left: not where the call was given up, either."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _ENDS_WITHIN_S)
