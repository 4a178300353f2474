"""What only the double has: its accounts, its audit log, its history at will."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kubernetes.clients import Access
from tests.kubernetes.manifests import config_map, many
from tests.kubernetes.servers import ADMIN, CERTIFIED, EDITOR, NOBODY, VIEWER, KubernetesServer

pytestmark = pytest.mark.usefixtures("directly")


def access(server: KubernetesServer, name: str, like: Access) -> Access:
    """Another account's way to the namespace."""
    return Access(server.kubeconfig(name), like.namespace, like.home)


def test_each_account_may_do_what_its_role_says(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    cluster.kubectl("create", "secret", "generic", "s", "--from-literal=k=v").ok()
    may = {
        name: [
            access(kubernetes_double, name, cluster).kubectl("get", what).code == 0
            for what in ("pods", "secrets", "nodes")
        ]
        for name in (ADMIN, CERTIFIED, EDITOR, VIEWER, NOBODY)
    }
    assert may == {
        ADMIN: [True, True, True],
        CERTIFIED: [True, True, True],
        EDITOR: [True, True, False],
        VIEWER: [True, False, False],
        NOBODY: [False, False, False],
    }


def test_a_refusal_names_who_what_and_where(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    refused = access(kubernetes_double, VIEWER, cluster).kubectl("delete", "configmap", "x")
    assert refused.err == (
        'Error from server (Forbidden): configmaps "x" is forbidden: User "viewer" cannot delete resource '
        f'"configmaps" in API group "" in the namespace "{cluster.namespace}"\n'
    )


def test_nobody_gives_what_is_not_theirs(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    cluster.kubectl("create", "rolebinding", "own", "--clusterrole=admin", f"--user={VIEWER}").ok()
    viewer = access(kubernetes_double, VIEWER, cluster)
    refused = viewer.kubectl("create", "role", "more", "--verb=get", "--resource=leases.coordination.k8s.io")
    assert refused.code == 0
    refused = viewer.kubectl("create", "rolebinding", "all", "--clusterrole=cluster-admin", f"--user={VIEWER}")
    assert "is attempting to grant RBAC permissions not currently held" in refused.err


def test_impersonation_is_honoured_for_those_who_may(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    assert cluster.kubectl("auth", "whoami", "--as=jane", "-o", "jsonpath={.status.userInfo.username}").ok() == "jane"
    refused = access(kubernetes_double, VIEWER, cluster).kubectl("get", "pods", "--as=admin")
    assert 'users "admin" is forbidden: User "viewer" cannot impersonate resource "users"' in refused.err
    seen = [event for event in kubernetes_double.audited() if event.get("impersonatedUser")]
    assert seen[-1]["impersonatedUser"]["username"] == "jane"


def test_every_request_is_in_its_audit_log(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    cluster.kubectl("create", "-f", "-", stdin=many(config_map("seen", a="1"))).ok()
    [event] = [
        event
        for event in kubernetes_double.audited()
        if event["verb"] == "create" and event["objectRef"]["namespace"] == cluster.namespace
    ]
    assert event["objectRef"]["resource"] == "configmaps"
    assert event["responseStatus"] == {"code": 201}
    assert json.loads(event["requestBody"])["data"] == {"a": "1"}
    assert "authorization" in event["requestHeaders"]


def test_what_is_forgotten_is_gone(kubernetes_double: KubernetesServer, cluster: Access) -> None:
    maps = "/api/v1/NS/configmaps"
    with cluster.http() as http:
        for name in ("one", "two"):
            http.ask("POST", maps, json=config_map(name)).raise_for_status()
        piece = http.get(f"{maps}?limit=1").json()["metadata"]
        http.ask("DELETE", f"{maps}/two").raise_for_status()
        kubernetes_double.compact()
        token, revision = piece["continue"], piece["resourceVersion"]
        deadline = time.monotonic() + 10
        while (
            late := http.get(f"{maps}?limit=1&continue={token}")
        ).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        watch = http.get(f"{maps}?watch=true&resourceVersion={revision}&timeoutSeconds=5")
    assert (late.status_code, late.json()["reason"]) == (410, "Expired")
    assert (watch.status_code, watch.json()["type"]) == (200, "ERROR")
    assert (watch.json()["object"]["code"], watch.json()["object"]["reason"]) == (410, "Expired")


@pytest.mark.usefixtures("kubernetes_double")
def test_a_last_bookmark_comes_before_the_end(cluster: Access) -> None:
    with cluster.http() as http:
        http.ask("POST", "/api/v1/NS/configmaps", json=config_map("one")).raise_for_status()
        query = "watch=true&timeoutSeconds=3&allowWatchBookmarks=true"
        answer = http.get(f"/api/v1/NS/configmaps?{query}")
        now = http.get("/api/v1/NS/configmaps").json()["metadata"]["resourceVersion"]
    last = json.loads(answer.text.splitlines()[-1])
    assert last["type"] == "BOOKMARK"
    assert last["object"]["kind"] == "ConfigMap"
    assert 0 < int(last["object"]["metadata"]["resourceVersion"]) <= int(now)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_who_started_it(tmp_path: Path, signum: signal.Signals) -> None:
    script = (
        "from tests.kubernetes.servers import KubernetesServer\n"
        "import time\n"
        "server = KubernetesServer().start()\n"
        "print(server.pid, server.folder, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as owner:
        pid, folder = (owner.stdout.readline() if owner.stdout else "").split()
        owner.send_signal(signum)
        owner.communicate(timeout=10)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (Path(folder).exists() or _lives(int(pid))):
        time.sleep(0.05)
    assert not _lives(int(pid))
    assert not Path(folder).exists()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
