"""kubectl, helm and Python's client, as users of a cluster."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from kubernetes import client, config, dynamic

from tests.servers.missing import program

type Json = dict[str, Any]

_PROGRAMS = Path(__file__).parents[2] / "build" / "kubernetes"
WITHIN_S = 60

# What makes kubectl leave the WebSocket that it has preferred since 1.31.
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


@dataclass(frozen=True, slots=True)
class Done:
    """What a program printed, and its exit code."""

    code: int
    out: str
    err: str

    def ok(self) -> str:
        """What it printed; it has to have succeeded."""
        if self.code:
            raise AssertionError(f"exit code {self.code}: {self.err or self.out}")
        return self.out


@dataclass(frozen=True, slots=True)
class Http:
    """Plain HTTP to a cluster, for what no client shows."""

    session: requests.Session
    url: str
    namespace: str

    def ask(self, method: str, path: str, accept: str = "application/json", **rest: Any) -> requests.Response:
        """One request; `NS` in the path is the namespace."""
        headers = {"Accept": accept, **rest.pop("headers", {})}
        path = path.replace("NS", f"namespaces/{self.namespace}")
        return self.session.request(method, self.url + path, headers=headers, timeout=WITHIN_S, **rest)

    def get(self, path: str, accept: str = "application/json", **rest: Any) -> requests.Response:
        """A GET."""
        return self.ask("GET", path, accept, **rest)


@dataclass(frozen=True, slots=True)
class Access:
    """A way to a cluster, for one account, and a namespace of the test's own in it."""

    kubeconfig: Path
    namespace: str
    home: Path
    """Where kubectl and helm keep their caches."""

    def environment(self, **more: str) -> dict[str, str]:
        """What programs are run with."""
        own = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home), "HELM_NAMESPACE": self.namespace}
        return {**os.environ, **own, **more}

    def kubectl(self, *arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> Done:
        """Run kubectl in the namespace."""
        command = [str(kubectl_path()), "--namespace", self.namespace, *arguments]
        return self._run(command, stdin, env)

    def needs(self, minor: int) -> None:
        """Skip the test where the server is older than 1.`minor`."""
        if self.minor() < minor:
            pytest.skip(f"needs Kubernetes 1.{minor}")

    def minor(self) -> int:
        """The server's version, without the `1.` before it."""
        found = json.loads(self.kubectl("get", "--raw", "/version").ok())
        return int(found["minor"].rstrip("+"))

    def helm(self, *arguments: str) -> Done:
        """Run helm in the namespace."""
        return self._run([str(program("helm", _PROGRAMS)), *arguments], "", None)

    def _run(self, command: list[str], stdin: str, env: dict[str, str] | None) -> Done:
        done = subprocess.run(
            command,
            input=stdin,
            env=self.environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _configuration(self) -> Any:
        configuration = client.Configuration()
        load: Any = config.load_kube_config
        load(str(self.kubeconfig), client_configuration=configuration)
        return configuration

    @contextmanager
    def api(self) -> Iterator[client.ApiClient]:
        """Python's client."""
        configuration = self._configuration()
        with client.ApiClient(configuration) as made:
            try:
                yield made
            finally:
                _close(made.rest_client.pool_manager)

    @contextmanager
    def http(self) -> Iterator[Http]:
        """Plain HTTP/1.1."""
        configuration = self._configuration()
        with requests.Session() as session:
            session.trust_env = False
            session.verify = configuration.ssl_ca_cert if configuration.verify_ssl else False
            if configuration.cert_file:
                session.cert = (configuration.cert_file, configuration.key_file)
            for login in configuration.auth_settings().values():
                session.headers[login["key"]] = login["value"]
            try:
                yield Http(session, configuration.host, self.namespace)
            finally:
                adapter: Any = session.get_adapter("https://")
                _close(adapter.poolmanager)

    @contextmanager
    def dynamic(self) -> Iterator[Any]:
        """Python's dynamic client, which goes by discovery."""
        with self.api() as api:
            by_discovery: Any = dynamic.DynamicClient
            yield by_discovery(api)


def _close(manager: Any) -> None:
    """Close a manager's connections now: by itself urllib3 leaves that to the garbage collector."""
    for key in manager.pools.keys():  # noqa: SIM118 - it cannot be iterated over itself
        manager.pools[key].close()
    manager.clear()


def kubectl_path() -> Path:
    """kubectl; the test is skipped without it."""
    return program("kubectl", _PROGRAMS)
