"""`kill -9` of the gateway at any moment: whatever reached the server, or a shell in a pod, is in the record."""

import base64
import contextlib
import http.client
import itertools
import json
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage

from tests.adapters.kubernetes.cluster import NAMESPACE, Cluster
from tests.kubernetes.gateway import KubeGateway

MOMENTS = 4
WITHIN_S = 20
MARK = re.compile(r"mark-\d+-\d+-\d+")
PLACE = f"/api/v1/namespaces/{NAMESPACE}"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
}


class Load:
    """Clients that send requests, and lines for a shell, with a number each, until they are cut off."""

    def __init__(self, port: int, token: str, round_number: int) -> None:
        self._port, self._round = port, round_number
        self._login = {"Authorization": f"Bearer {token}"}
        runs = (self._ask, self._ask, self._write, self._pipe)
        self._answered = [threading.Semaphore(0) for _ in runs]
        self._threads = [threading.Thread(target=run, args=(client,)) for client, run in enumerate(runs)]
        for thread in self._threads:
            thread.start()

    def _marks(self, client: int) -> Iterator[str]:
        for number in itertools.count(1):
            yield f"mark-{self._round}-{client}-{number}"
            self._answered[client].release()

    def _ask(self, client: int) -> None:
        self._send(client, "GET", "/configmaps/harmless?pretty=")

    def _write(self, client: int) -> None:
        self._send(client, "PATCH", "/configmaps/harmless?fieldManager=")

    def _send(self, client: int, method: str, place: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=WITHIN_S)
        headers = {**self._login, "Content-Type": "application/merge-patch+json"}
        with contextlib.suppress(OSError, http.client.HTTPException):
            for mark in self._marks(client):
                body = json.dumps({"data": {"mark": mark}}) if method == "PATCH" else None
                connection.request(method, f"{PLACE}{place}{mark}", body, headers)
                connection.getresponse().read()
        connection.close()

    def _pipe(self, client: int) -> None:
        head = f"GET {PLACE}/pods/box/exec?command=sh&stdin=true&stdout=true HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        fields = "".join(f"{name}: {value}\r\n" for name, value in (UPGRADE | self._login).items())
        peer = Connection(ConnectionType.CLIENT)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), WITHIN_S) as wire:
            wire.sendall(f"{head}{fields}\r\n".encode())
            wire.recv(65_536)
            for mark in self._marks(client):
                wire.sendall(peer.send(BytesMessage(f"\0echo {mark} | tee -a log\n".encode())))
                if not wire.recv(65_536):
                    return

    def wait(self) -> None:
        """Until every client has been answered twice."""
        for answered in self._answered * 2:
            assert answered.acquire(timeout=WITHIN_S)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(WITHIN_S)
            assert not thread.is_alive()


def test_everything_at_the_server_is_in_the_record(tmp_path: Path) -> None:
    moments = random.Random(4711)
    with Cluster() as cluster:
        started = KubeGateway(cluster.admin, "", tmp_path, scripts=["record.py"]).start()
        config = json.loads(started.kubeconfig_with_token().read_text())
        token = config["users"][0]["user"]["token"]
        for round_number in range(MOMENTS):
            load = Load(started.port, token, round_number)
            load.wait()
            time.sleep(moments.uniform(0, 0.3))
            started.kill()
            load.join()
            started.start()
        started.stop()
        asked, written = set(MARK.findall(cluster.asked())), set(MARK.findall(cluster.written()))
    files = sorted(started.confdir.rglob("*.jsonl"))
    in_the_record = set(MARK.findall("\n".join(path.read_text(errors="replace") for path in files)))
    assert len(asked) >= MOMENTS * 6
    assert len(written) >= MOMENTS * 2
    assert asked | written <= in_the_record, sorted((asked | written) - in_the_record)[:5]
