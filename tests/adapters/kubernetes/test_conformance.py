"""Kubernetes in the suite that every adapter passes: what is asked of objects, and what is run in a pod."""

import base64
import contextlib
import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from urllib3.exceptions import HTTPError
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection

from hoopaddon.store.keys import KEY_NAME
from tests.adapters.kubernetes.cluster import NAMESPACE, Cluster
from tests.conformance.cutter import Cutter
from tests.conformance.suite import POLICY, Client, Conformance, RefusedByGateway, Word
from tests.kubernetes.gateway import KubeGateway

WITHIN_S = 15
QUIET_S = 0.7
SCRIPTS = [POLICY, "record.py"]
OPTIONS = {"shutdown_timeout": 2, "login_timeout": 5}
GOODBYE = b"\x88\x02\x03\xe8"
"""The close of a WebSocket that has ended well."""
PLACE = f"/api/v1/namespaces/{NAMESPACE}"
KUBECONFIGS: dict[int, Path] = {}
"""By the ports of the gateways that they lead to."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeGateway]:
    folder = tmp_path_factory.mktemp("conformance")
    with KubeGateway(cluster.admin, "", folder, scripts=SCRIPTS, options=OPTIONS) as gateway:
        KUBECONFIGS[gateway.port] = gateway.kubeconfig_with_token()
        yield gateway


@pytest.fixture
def fragile(cluster: Cluster, gateway: KubeGateway, tmp_path: Path) -> Iterator[tuple[KubeGateway, Cutter]]:
    with Cutter(cluster.port) as wire:
        behind = KubeGateway(cluster.behind(wire.port), "", tmp_path, scripts=SCRIPTS, options=OPTIONS)
        # With the same key, what a raw client sends is the same bytes.
        shutil.copy(gateway.confdir / KEY_NAME, behind.confdir)
        with behind:
            KUBECONFIGS[behind.port] = behind.kubeconfig_with_token()
            yield behind, wire


class PythonClient(Client):
    """Python's client, with a connection that is kept."""

    def __init__(self, port: int) -> None:
        configuration: Any = client.Configuration()
        load: Any = config.load_kube_config
        load(str(KUBECONFIGS[port]), client_configuration=configuration)
        configuration.retries = False
        self.api = client.ApiClient(configuration)
        self.core: Any = client.CoreV1Api(self.api)

    def ask(self, command: str) -> str:
        name, _, mark = command.partition(" ")
        try:
            found = self.core.read_namespaced_config_map(name, NAMESPACE, pretty=mark, _request_timeout=WITHIN_S)
        except ApiException as e:
            raise refused(e.status, e.body) or OSError(e) from None
        except HTTPError as e:
            raise OSError(e) from None
        return str(found.data["text"])

    def close(self) -> None:
        manager: Any = self.api.rest_client.pool_manager
        for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated over itself
            manager.pools[key].close()
        manager.clear()


def refused(status: int, body: str | None) -> RefusedByGateway | None:
    """The gateway's refusal, if it is one, and as the server would put it."""
    if status not in (403, 502) or not body or json.loads(body)["kind"] != "Status":
        return None
    return RefusedByGateway(json.loads(body)["message"])


class KubeConformance(Conformance):
    """What both have in common: the cluster behind, and raw bytes."""

    cluster: Cluster
    token: str

    @pytest.fixture(autouse=True)
    def _where(self, cluster: Cluster, gateway: KubeGateway) -> None:
        self.cluster = cluster
        config = json.loads(KUBECONFIGS[gateway.port].read_text())
        self.token = config["users"][0]["user"]["token"]

    def connect(self, port: int) -> Client:
        return PythonClient(port)

    def request(self, line: str, *fields: str, body: bytes = b"") -> bytes:
        method, _, target = line.partition(" ")
        length = [f"Content-Length: {len(body)}", "Content-Type: application/json"] if body else []
        head = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {self.token}"]
        return "\r\n".join([*head, *fields, *length, "", ""]).encode() + body

    def raw(self, port: int, sent: bytes) -> bytes:
        """What is sent over a WebSocket or SPDY follows once the server has switched to that."""
        head, end, rest = sent.partition(b"\r\n\r\n")
        waits = b"\r\nUpgrade: " in head and rest
        parts = [head + end, rest] if waits else [sent]
        received = b""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), WITHIN_S) as wire:
            for part in parts:
                wire.sendall(part)
                if waits and not received:
                    received += wire.recv(65_536)
            wire.settimeout(QUIET_S)
            while not received.endswith(GOODBYE) and (data := wire.recv(65_536)):
                received += data
        return received

    def lazily(self, port: int) -> Callable[[], None]:
        wire = socket.create_connection(("127.0.0.1", port), WITHIN_S)
        wire.sendall(self.large())
        return wire.close

    def large(self) -> bytes:
        raise NotImplementedError


class TestObjects(KubeConformance):
    """Objects, lists and watches."""

    answered_bytes = 3_000

    def command(self, word: Word, mark: str = "") -> str:
        return f"{word} {mark}"

    def arrived(self, text: str) -> bool:
        return text in self.cluster.asked()

    def exchanges(self) -> dict[str, bytes]:
        secret, last = f"GET {PLACE}/configmaps/secret", "Connection: close"
        refused = self.request(f"POST {PLACE}/configmaps", body=b'{"metadata":{"name":"refuseme"}}')
        watch = f"GET {PLACE}/configmaps?watch=1&timeoutSeconds=1&fieldSelector=metadata.name=secret"
        return {
            "one": self.request(secret, last),
            "list": self.request(f"GET {PLACE}/configmaps", last),
            "refused": self.request(secret) + refused + self.request(secret, last),
            "watch": self.request(watch, last),
        }

    def large(self) -> bytes:
        return self.request("GET /api/v1/namespaces/large/configmaps")

    def nonsense(self) -> list[bytes]:
        object_ = f"POST {PLACE}/configmaps"
        return [
            b"\xff" * 64,
            self.request("GET /api/v1/%zz"),
            self.request("GET /api/v1/namespaces/../secrets"),
            self.request("BREW /api/v1/pods"),
            self.request("GET /api/v1/pods?watch=1&watch=0"),
            self.request(object_, body=b"{" * 100_000),
            self.request(object_, body=b"[]"),
            self.request(object_, body=b'{"a":1,"a":2}'),
            self.request(object_, body=b"\xff\xfe"),
            self.request(object_, "Content-Type: application/vnd.kubernetes.protobuf", body=b"k8s\0\xff\xff"),
            self.request(object_, "Content-Type: application/cbor", body=b"\xbf\xff"),
            self.request(object_, "Content-Encoding: gzip", body=b"\x1f\x8b\x08"),
            self.request(f"PATCH {PLACE}/configmaps/harmless", body=b"{}"),
        ]


class ExecClient(PythonClient):
    """Python's client, with a WebSocket for each command."""

    def ask(self, command: str) -> str:
        try:
            run = stream(
                self.core.connect_get_namespaced_pod_exec,
                "box",
                NAMESPACE,
                command=["sh", "-c", command],
                stdout=True,
                stderr=True,
                _preload_content=False,
                _request_timeout=WITHIN_S,
            )
        except ApiException as e:
            said = re.search(r"Handshake status (\d+) .*-\+-\+- (\{.*\})$", str(e).strip(), re.DOTALL)
            raise (refused(int(said[1]), said[2]) if said else None) or OSError(e) from None
        try:
            run.run_forever(timeout=WITHIN_S)
            return str(run.read_stdout())
        finally:
            run.close()
            run.sock.shutdown()


class TestExec(KubeConformance):
    """Commands in a pod, and what is piped into a shell there."""

    answered_bytes = 3_000

    def command(self, word: Word, mark: str = "") -> str:
        what = {Word.HARMLESS: "echo fine", Word.SECRET: "cat secret"}.get(word, "true")
        return f"echo {word} {mark} >>log; {what}"

    def connect(self, port: int) -> Client:
        return ExecClient(port)

    def arrived(self, text: str) -> bool:
        return text in self.cluster.written() or text in self.cluster.asked()

    def exchanges(self) -> dict[str, bytes]:
        secret = self.command(Word.SECRET)
        lines = [f"{self.command(word)}\n".encode() for word in (Word.SECRET, Word.REFUSED, Word.SECRET)]
        return {
            "one": self.websocket(secret),
            "v4": self.websocket(secret, protocol="v4.channel.k8s.io"),
            "piped": self.websocket("", *(b"\0" + line for line in lines), b"\xff\0"),
        }

    def websocket(self, command: str, *messages: bytes, protocol: str = "v5.channel.k8s.io") -> bytes:
        """A shell that is given a command, or what is piped into it."""
        words = ["sh", "-c", command] if command else ["sh"]
        query = "&".join(f"command={quote(word, safe='')}" for word in words)
        streams = f"stdout=true&stderr=true&stdin={'false' if command else 'true'}"
        key = base64.b64encode(bytes(16)).decode()
        fields = (
            *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            *(f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Protocol: {protocol}"),
        )
        peer = Connection(ConnectionType.CLIENT)
        frames = [peer.send(BytesMessage(message)) for message in messages]
        return self.request(f"GET {PLACE}/pods/box/exec?{query}&{streams}", *fields) + b"".join(frames)

    def large(self) -> bytes:
        return self.websocket("yes")

    def nonsense(self) -> list[bytes]:
        opened = self.websocket("")
        said_goodbye = Connection(ConnectionType.CLIENT).send(CloseConnection(1000))
        return [
            opened + b"\xff" * 64,
            opened + b"\x82\x05\0sh\n.",
            opened + b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
            opened + b"\x82\x81\0\0\0\0\x09",
            opened + b"\x82\x82\0\0\0\0\xff\x09",
            opened + b"\x83\x81\0\0\0\0\x00",
            opened + said_goodbye * 3,
            self.websocket("", protocol="base64.channel.k8s.io"),
            self.websocket("", protocol="v9.channel.k8s.io"),
            self.request(f"GET {PLACE}/pods/box/exec?command=sh&stdin=true"),
            self.request(f"POST {PLACE}/pods/box/exec?command=sh", "Connection: Upgrade", "Upgrade: SPDY/3.1")
            + b"\x80\x03\0\x01\0\xff\xff\xff",
        ]
