"""A cluster for the tests of the adapter: the double, with objects to ask for and a pod that runs."""

import time
from pathlib import Path
from typing import Any, Self

from tests.kubernetes.clients import WITHIN_S, Access, Http
from tests.kubernetes.manifests import config_map, pod
from tests.kubernetes.servers import KubernetesServer

NAMESPACE = "conformance"
SECRET = "ann.example@example.com"
_LARGE_BYTES, _LARGE_MAPS = 900_000, 24


class Cluster(KubernetesServer):
    """The double with ConfigMaps `harmless`, `secret` and, in another namespace, many large ones; and a pod `box`."""

    def __init__(self) -> None:
        super().__init__()
        self.admin = self.kubeconfig()

    def start(self) -> Self:
        """Start, and return when all of it is there."""
        super().start()
        with self.access().http() as http:
            for name in (NAMESPACE, "large"):
                _made(http, "/api/v1/namespaces", {"metadata": {"name": name}})
            _made(http, "/api/v1/NS/configmaps", config_map("harmless", text="fine"))
            _made(http, "/api/v1/NS/configmaps", config_map("secret", text=f"fine, says {SECRET}"))
            _made(http, "/api/v1/NS/pods", pod("box", f"echo {SECRET} >secret; while :; do sleep 1; done"))
            for number in range(_LARGE_MAPS):
                large = config_map(f"large-{number}", text="x" * _LARGE_BYTES)
                _made(http, "/api/v1/namespaces/large/configmaps", large)
            _wait_for(http)
        return self

    def access(self) -> Access:
        """The administrator's, past every gateway."""
        return Access(self.admin, NAMESPACE, self.folder)

    def behind(self, port: int) -> Path:
        """A kubeconfig for a way to it that begins at another port."""
        return self.kubeconfig(url=f"https://{self.host}:{port}")

    def asked(self) -> str:
        """The target of every request that has arrived, line by line."""
        return "\n".join(event["requestURI"] for event in self.audited())

    def written(self) -> str:
        """What commands in the pod have written to their log."""
        return "\n".join(path.read_text() for path in (self.folder / "pods").glob("*/log"))


def _made(http: Http, path: str, document: dict[str, Any]) -> None:
    answer = http.ask("POST", path, json=document)
    assert answer.status_code == 201, answer.text


def _wait_for(http: Http) -> None:
    deadline = time.monotonic() + WITHIN_S
    while http.get("/api/v1/NS/pods/box").json()["status"]["phase"] != "Running":
        assert time.monotonic() < deadline, "the pod does not run"
        time.sleep(0.05)
