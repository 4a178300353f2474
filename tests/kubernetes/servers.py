"""The double of kube-apiserver as a process of its own, and the kubeconfigs by which it is reached."""

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from signal import SIGUSR1
from typing import Any, Self

from demo.certificates import Authority, KeyPair
from demo.server import HOST, Server, free_port

type Json = dict[str, Any]

ADMIN, VIEWER, EDITOR, NOBODY = "admin", "viewer", "editor", "nobody"
CERTIFIED = "certified"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in: a token, or else a certificate; `role` is the ClusterRole that they are bound to."""

    name: str
    token: str
    role: str = ""
    groups: tuple[str, ...] = ()


class KubernetesServer(Server):
    """The double on a free loopback port, until `stop`.

    `accounts`: `admin` (of system:masters), `editor` (role edit), `viewer` (role view) and `nobody` (no role) have
    tokens; `certified` (cluster-admin) has the certificate in `certificate`.
    """

    kind = "kubernetes"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        authority = Authority(self.folder, "kubernetes")
        self.ca_file = authority.ca_file
        pair = authority.issue("server", HOST, "localhost", "kubernetes", "kubernetes.default.svc")
        self.certificate: KeyPair = authority.issue(CERTIFIED)
        self.accounts = {
            one.name: one
            for one in (
                Account(ADMIN, _token(), groups=("system:masters",)),
                Account(EDITOR, _token(), "edit"),
                Account(VIEWER, _token(), "view"),
                Account(NOBODY, _token()),
                Account(CERTIFIED, "", "cluster-admin"),
            )
        }
        pair.cert_file.rename(self.folder / "server.crt")
        pair.key_file.rename(self.folder / "server.key")
        users = [
            {"name": a.name, "token": a.token, "role": a.role, "groups": a.groups} for a in self.accounts.values()
        ]
        (self.folder / "users.json").write_text(json.dumps(users))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://{self.host}:{self.port}"

    def start(self) -> Self:
        """Start, and return when it listens."""
        command = [sys.executable, "-m", "tests.kubernetes.double", "--port", str(self.port), str(self.folder)]
        if not self._launch(command, "listening at", cwd=_ROOT):
            raise RuntimeError(f"the double did not start:\n{self.log()[-2000:]}")
        return self

    def end(self) -> None:
        """End it; it may have had no error of its own."""
        super().end()
        if "Traceback (most recent call last)" in (log := self.log()):
            raise AssertionError(f"the double failed:\n{log[-4000:]}")

    def compact(self) -> None:
        """Let it forget all history, as etcd does every five minutes."""
        os.kill(self.pid, SIGUSR1)

    def audited(self) -> list[Json]:
        """Every request that has reached it, as events of audit.k8s.io/v1; headers by their names only."""
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]

    def kubeconfig(self, name: str = ADMIN, *, url: str = "", ca_file: Path | None = None) -> Path:
        """A kubeconfig for one of the accounts, straight to the server or to what stands in front of it."""
        account = self.accounts[name]
        user: Json = {"token": account.token}
        if not account.token:
            pair = self.certificate
            user = {"client-certificate": str(pair.cert_file), "client-key": str(pair.key_file)}
        authority = base64.b64encode((ca_file or self.ca_file).read_bytes()).decode()
        cluster = {"server": url or self.url, "certificate-authority-data": authority}
        return write_kubeconfig(self.folder / f"{name}-{secrets.token_hex(4)}.kubeconfig", cluster, user)


def write_kubeconfig(path: Path, cluster: Json, user: Json, namespace: str = "default") -> Path:
    """A kubeconfig with one context."""
    context = {"cluster": "cluster", "user": "user", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "context",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "context", "context": context}],
    }
    path.touch(0o600)
    path.write_text(json.dumps(config))
    return path


def _token() -> str:
    return secrets.token_urlsafe(24)
