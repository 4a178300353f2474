"""A real kube-apiserver on loopback, without nodes, until it is interrupted.

    python -m tests.kubernetes.real build/kube-apiserver

The folder is the one that `scripts/build-kube-apiserver` has filled. It prints an administrator's kubeconfig, for
`make test-kubernetes KUBECONFIG=…`.
"""

import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from demo.certificates import Authority
from demo.guard import Guard, end
from demo.server import HOST, free_port
from tests.kubernetes.servers import write_kubeconfig

_START_WITHIN_S = 60
_ADMIN_TOKEN = "administrator-of-the-tests"
_CONTROLLERS = "*,bootstrapsigner,tokencleaner,-nodeipam,-route,-service,-cloud-node-lifecycle"


class RealCluster:
    """etcd, kube-apiserver and kube-controller-manager. `kubeconfig` is an administrator's."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="hoopaddon-kube-apiserver-"))
        self.port = free_port()
        authority = Authority(self.folder, "kubernetes")
        self._ca = authority.ca_file
        self._pair = authority.issue("server", HOST, "localhost", "kubernetes.default.svc")
        cluster = {"server": f"https://{HOST}:{self.port}", "certificate-authority": str(self._ca)}
        self.kubeconfig = write_kubeconfig(self.folder / "admin.kubeconfig", cluster, {"token": _ADMIN_TOKEN})
        (self.folder / "tokens.csv").write_text(f'{_ADMIN_TOKEN},admin,1,"system:masters"\n')
        self._signing_key = self.folder / "service-accounts.key"
        self._signing_key.write_bytes(_traditional(self._pair.key_file.read_bytes()))
        self._running: list[tuple[subprocess.Popen[bytes], Guard]] = []

    def start(self) -> None:
        """Start all three, and return when requests are answered."""
        etcd, peers = (f"http://{HOST}:{free_port()}" for _ in range(2))
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}",
            "--unsafe-no-fsync",
        )
        self._run(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={HOST}",
            f"--secure-port={self.port}",
            "--endpoint-reconciler-type=none",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--client-ca-file={self._ca}",
            f"--tls-cert-file={self._pair.cert_file}",
            f"--tls-private-key-file={self._pair.key_file}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._signing_key}",
            f"--service-account-signing-key-file={self._signing_key}",
        )
        self._wait()
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            f"--root-ca-file={self._ca}",
            f"--service-account-private-key-file={self._signing_key}",
            f"--controllers={_CONTROLLERS}",
            "--leader-elect=false",
            "--port=0",
            f"--secure-port={free_port()}",
            f"--bind-address={HOST}",
        )

    def _run(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("wb") as log:
            process = subprocess.Popen(
                [self._programs / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._running.append((process, Guard(process.pid, signal.SIGTERM)))

    def _wait(self) -> None:
        context = ssl.create_default_context(cafile=str(self._ca))
        ask = urllib.request.Request(
            f"https://{HOST}:{self.port}/readyz", headers={"Authorization": f"Bearer {_ADMIN_TOKEN}"}
        )
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline and all(process.poll() is None for process, _ in self._running):
            try:
                with urllib.request.urlopen(ask, context=context, timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        said = (self.folder / "kube-apiserver.log").read_text(errors="replace")
        self.stop()
        raise SystemExit(f"kube-apiserver did not start:\n{said[-2000:]}")

    def stop(self) -> None:
        """End all three, and remove what they have stored."""
        for process, guard in reversed(self._running):
            end(process, signal.SIGTERM, guard)
        self._running.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def _traditional(pem: bytes) -> bytes:
    """The key in the older form, which is the one in which Kubernetes takes elliptic curves here."""
    key = serialization.load_pem_private_key(pem, None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def main() -> None:
    """Run one until SIGINT or SIGTERM."""
    cluster = RealCluster(Path(sys.argv[1]).absolute())
    for ends in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends, lambda *_: sys.exit())
    try:
        cluster.start()
        sys.stdout.write(f"{cluster.kubeconfig}\n")
        sys.stdout.flush()
        signal.pause()
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
