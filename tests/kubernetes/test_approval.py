"""kubectl, held by require_approval.py as it is: it waits, and hears what was decided."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes.clients import WITHIN_S, Access, Done, kubectl_path
from tests.kubernetes.gateway import KubeGateway
from tests.kubernetes.manifests import config_map, many
from tests.servers import forked

pytestmark = pytest.mark.usefixtures("directly")


@pytest.fixture(scope="module")
def gateway(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeGateway]:
    folder = tmp_path_factory.mktemp("approving-gateway")
    options = {"approval_within": "60s"}
    with KubeGateway(kubeconfig, "", folder, scripts=["require_approval.py"], options=options) as running:
        yield running


@pytest.fixture
def through(gateway: KubeGateway, cluster: Access) -> Access:
    """The test's namespace with a ConfigMap `one`, by way of the gateway."""
    cluster.kubectl("create", "-f", "-", stdin=many(config_map("one", a="1"), config_map("two", a="2"))).ok()
    return Access(gateway.kubeconfig_with_token(), cluster.namespace, cluster.home)


class Held:
    """A kubectl that waits for people."""

    def __init__(self, gateway: KubeGateway, through: Access, *arguments: str) -> None:
        self._gateway = gateway
        already = len(gateway.log())
        self._process = subprocess.Popen(
            [str(kubectl_path()), "--namespace", through.namespace, *arguments],
            env=through.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = gateway.wait_for_log(rf"(?s)(?<=^.{{{already}}}).*waits for an approval: [^\n]+", WITHIN_S)
        self._id = self.said.rpartition(" waits for")[0].split()[-1]

    def answer(self, answer: str, *more: str) -> str:
        """`approve` or `deny` it as somebody else; what the program says."""
        confdir = str(self._gateway.confdir)
        path = self._gateway.folder / "boss.token"
        path.write_text(self._run("token", "--user", "boss", "--confdir", confdir))
        return self._run("approvals", answer, self._id, "--confdir", confdir, "--token-file", str(path), *more)

    def _run(self, *arguments: str) -> str:
        done = forked.run(arguments, cwd=self._gateway.folder, env=os.environ)
        done.check_returncode()
        return done.stdout

    def done(self) -> Done:
        """What became of it."""
        try:
            out, err = self._process.communicate(timeout=WITHIN_S)
        finally:
            self._process.kill()
        return Done(self._process.returncode, out, err)


def names(cluster: Access) -> set[str]:
    found = json.loads(cluster.kubectl("get", "configmaps", "-o", "json").ok())
    return {item["metadata"]["name"] for item in found["items"]} & {"one", "two"}


def test_a_delete_waits_and_is_done_once_approved(gateway: KubeGateway, through: Access, cluster: Access) -> None:
    held = Held(gateway, through, "delete", "configmap", "one")
    assert f"delete on {cluster.namespace}/configmaps/one needs an approval" in held.said
    assert names(cluster) == {"one", "two"}
    held.answer("approve", "--reason", "ticket 7")
    done = held.done()
    assert done.ok().startswith('configmap "one" deleted')
    assert names(cluster) == {"two"}


def test_a_denial_is_told_with_its_reason(gateway: KubeGateway, through: Access, cluster: Access) -> None:
    held = Held(gateway, through, "delete", "configmap", "one")
    held.answer("deny", "--reason", "not on a Monday")
    done = held.done()
    assert done.code == 1
    assert "Error from server (Forbidden)" in done.err
    assert "not on a Monday" in done.err
    assert names(cluster) == {"one", "two"}


def test_a_replace_is_held_and_a_read_is_not(gateway: KubeGateway, through: Access, cluster: Access) -> None:
    shown = json.loads(through.kubectl("get", "configmap", "one", "-o", "json").ok())
    shown["data"]["a"] = "3"
    file = gateway.folder / "one.json"
    file.write_text(json.dumps(shown))
    held = Held(gateway, through, "replace", "-f", str(file))
    held.answer("approve")
    assert held.done().ok() == "configmap/one replaced\n"
    assert cluster.kubectl("get", "configmap", "one", "-o", "jsonpath={.data.a}").ok() == "3"


def test_whoever_leaves_withdraws(gateway: KubeGateway, through: Access, cluster: Access) -> None:
    held = Held(gateway, through, "delete", "configmap", "one", "--request-timeout=1s")
    done = held.done()
    assert done.code == 1
    assert names(cluster) == {"one", "two"}
