"""kubectl and Python's client through the gateway, with the shipped policies."""

import base64
import json
import os
import pty
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.kubernetes.clients import SPDY, WITHIN_S, Access, Done, kubectl_path
from tests.kubernetes.conftest import ANY_CLUSTER
from tests.kubernetes.double.api.protobuf import PROTOBUF, decode
from tests.kubernetes.gateway import KubeGateway
from tests.kubernetes.servers import CERTIFIED, KubernetesServer

pytestmark = pytest.mark.usefixtures("directly")

SECRET = "hunter2-is-no-password"
MANIFEST = f"""
apiVersion: v1
kind: Secret
metadata: {{name: db}}
stringData: {{password: {SECRET}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{owner: "ask bob@example.com", level: "1"}}
---
apiVersion: v1
kind: Pod
metadata: {{name: box}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox
    command: [sleep, "600"]
    env: [{{name: DB_PASSWORD, value: {SECRET}}}]
"""


@pytest.fixture(scope="module")
def gateway(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeGateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with KubeGateway(kubeconfig, "", folder, scripts=["mask_pii.py", "block_destructive.py"]) as running:
        yield running


@pytest.fixture
def through(gateway: KubeGateway, cluster: Access) -> Access:
    """The test's namespace, by way of the gateway."""
    return Access(gateway.kubeconfig(), cluster.namespace, cluster.home)


@pytest.fixture
def applied(cluster: Access) -> None:
    """The manifest, as somebody applied it who does not go through the gateway."""
    cluster.kubectl("apply", "-f", "-", stdin=MANIFEST).ok()


@pytest.fixture
def box(runs_pods: None, applied: None, cluster: Access) -> str:
    """A pod that runs."""
    cluster.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=50s").ok()
    return "box"


def stored(cluster: Access, path: str) -> Any:
    return json.loads(cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{cluster.namespace}/{path}").ok())


@pytest.mark.parametrize("form", ["json", "yaml", "wide", "name", "jsonpath={.items[*].data}"])
def test_secrets_are_masked_in_every_form(through: Access, applied: None, form: str) -> None:
    shown = through.kubectl("get", "secrets", "-o", form).ok()
    encoded = base64.b64encode(SECRET.encode()).decode()
    assert SECRET not in shown
    assert encoded not in shown


def test_a_masked_secret_is_still_a_secret(through: Access, applied: None) -> None:
    shown = json.loads(through.kubectl("get", "secret", "db", "-o", "json").ok())
    assert base64.b64decode(shown["data"]["password"]) == b"[masked]"
    assert "password:" in through.kubectl("describe", "secret", "db").ok()


def test_variables_and_what_was_applied_are_masked(through: Access, applied: None) -> None:
    shown = through.kubectl("get", "pod/box", "configmap/settings", "-o", "json").ok()
    assert SECRET not in shown
    assert "bob@example.com" not in shown
    pod = json.loads(shown)["items"][0]
    assert pod["spec"]["containers"][0]["env"][0] == {"name": "DB_PASSWORD", "value": "[masked]"}
    assert pod["metadata"]["name"] == "box"


def test_apply_again_keeps_what_was_hidden(through: Access, cluster: Access, applied: None) -> None:
    changed = MANIFEST.replace('level: "1"', 'level: "2"')
    through.kubectl("apply", "-f", "-", stdin=changed).ok()
    through.kubectl("apply", "-f", "-", stdin=changed).ok()
    assert base64.b64decode(stored(cluster, "secrets/db")["data"]["password"]).decode() == SECRET
    assert stored(cluster, "configmaps/settings")["data"] == {"owner": "ask bob@example.com", "level": "2"}


def test_server_side_apply(through: Access, cluster: Access) -> None:
    through.kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST).ok()
    assert stored(cluster, "pods/box")["spec"]["containers"][0]["env"][0]["value"] == SECRET


def test_edit_leaves_alone_what_was_hidden(through: Access, cluster: Access, applied: None, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/^type: Opaque/immutable: true\\ntype: Opaque/' \"$1\"\n")
    editor.chmod(0o700)
    through.kubectl("edit", "secret", "db", env={"KUBE_EDITOR": str(editor)}).ok()
    found = stored(cluster, "secrets/db")
    assert found["immutable"] is True
    assert base64.b64decode(found["data"]["password"]).decode() == SECRET


def test_a_mask_that_comes_back_is_refused_by_name(through: Access, cluster: Access, applied: None) -> None:
    shown = json.loads(through.kubectl("get", "secret", "db", "-o", "json").ok())
    refused = through.kubectl("replace", "-f", "-", stdin=json.dumps(shown))
    assert refused.code == 1
    assert "data.password holds a mask" in refused.err
    config = json.loads(through.kubectl("get", "configmap", "settings", "-o", "json").ok())
    config["data"]["level"] = "3"
    refused = through.kubectl("replace", "-f", "-", stdin=json.dumps(config))
    assert "data.owner holds a mask" in refused.err
    assert base64.b64decode(stored(cluster, "secrets/db")["data"]["password"]).decode() == SECRET


def test_helm_upgrades_what_is_hidden(through: Access, cluster: Access, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("level: 1\n")
    manifest = MANIFEST.replace('level: "1"', 'level: "{{ .Values.level }}"').partition(
        "---\napiVersion: v1\nkind: Pod"
    )
    (tmp_path / "templates" / "all.yaml").write_text(manifest[0])
    through.helm("install", "sample", str(tmp_path)).ok()
    through.helm("upgrade", "sample", str(tmp_path), "--set", "level=2").ok()
    assert stored(cluster, "configmaps/settings")["data"] == {"owner": "ask bob@example.com", "level": "2"}
    assert base64.b64decode(stored(cluster, "secrets/db")["data"]["password"]).decode() == SECRET
    through.helm("rollback", "sample", "1").ok()
    assert stored(cluster, "configmaps/settings")["data"]["level"] == "1"
    assert base64.b64decode(stored(cluster, "secrets/db")["data"]["password"]).decode() == SECRET
    through.helm("uninstall", "sample").ok()


def test_errors_do_not_quote_what_is_hidden(through: Access, applied: None) -> None:
    encoded = base64.b64encode(SECRET.encode()).decode()
    env = {"name": "main", "env": [{"name": "DB_PASSWORD", "value": "x"}]}
    wrong = (
        ("secrets/db", "merge-patch", {"immutable": "x"}),
        ("pods/box", "strategic-merge-patch", {"spec": {"containers": [env]}}),
        ("secrets/db", "json-patch", [{"op": "copy", "from": "/data/password", "path": "/metadata/labels/x"}]),
    )
    with through.http() as http:
        for path, kind, patch in wrong:
            headers = {"Content-Type": f"application/{kind}+json"}
            answer = http.ask("PATCH", f"/api/v1/NS/{path}", json=patch, headers=headers)
            assert answer.status_code in (400, 403, 422), answer.text
            assert SECRET not in answer.text
            assert encoded not in answer.text


def test_watches_are_masked_event_by_event(through: Access, cluster: Access, applied: None) -> None:
    with (
        through.http() as http,
        http.session.get(
            f"{http.url}/api/v1/namespaces/{through.namespace}/secrets?watch=1&timeoutSeconds=5&fieldSelector=type=Opaque",
            stream=True,
            timeout=20,
        ) as events,
    ):
        event = json.loads(next(events.iter_lines()))
    assert event["type"] == "ADDED"
    assert base64.b64decode(event["object"]["data"]["password"]) == b"[masked]"
    assert event["object"]["metadata"]["resourceVersion"].isdigit()


def test_protobuf_is_masked_for_who_takes_nothing_else(through: Access, applied: None) -> None:
    with through.http() as http:
        one = http.get("/api/v1/NS/secrets/db", PROTOBUF)
        listed = http.get("/api/v1/NS/secrets?fieldSelector=type=Opaque", PROTOBUF)
        pod = http.get("/api/v1/NS/pods/box", PROTOBUF)
        query = "/api/v1/NS/secrets?watch=1&timeoutSeconds=2&fieldSelector=type=Opaque"
        watched = http.get(query, f"{PROTOBUF};stream=watch")
        missing = http.get("/api/v1/NS/secrets/nothing", PROTOBUF)
        refused = http.get("/api/v1/secrets", PROTOBUF)
    answers = (one, listed, pod, watched, missing)
    assert [answer.headers["Content-Type"].partition(";")[0] for answer in answers] == [PROTOBUF] * 5
    assert all(SECRET.encode() not in answer.content for answer in answers)
    assert base64.b64decode(decode(one.content)["data"]["password"]) == b"[masked]"
    assert [item["data"] for item in decode(listed.content)["items"]] == [decode(one.content)["data"]]
    assert decode(pod.content)["spec"]["containers"][0]["env"][0]["value"] == "[masked]"
    assert decode(watched.content[watched.content.index(b"k8s\0") :])["data"] == decode(one.content)["data"]
    assert decode(missing.content)["reason"] == "NotFound"
    assert refused.json()["reason"] == "Forbidden"


@pytest.mark.parametrize(
    ("method", "media", "body", "status", "reason"),
    [
        ("POST", "application/json", "{", 400, "BadRequest"),
        ("POST", "application/json", '{"kind":"ConfigMap","kind":"Secret"}', 400, "BadRequest"),
        ("POST", "application/yaml", "a: [", 400, "BadRequest"),
        ("POST", "application/cbor", "x", 415, "UnsupportedMediaType"),
        ("POST", "application/json", " " * (9 << 20) + "{}", 413, "RequestEntityTooLarge"),
        ("PATCH", "application/json-patch+json", "[", 400, "BadRequest"),
        ("PATCH", "application/json-patch+json", '[{"op":"jump","path":"/a"}]', 400, "BadRequest"),
        ("PATCH", "application/json", "{}", 415, "UnsupportedMediaType"),
    ],
)
def test_what_cannot_be_read_is_answered_as_the_server_does(
    through: Access, method: str, media: str, body: str, status: int, reason: str
) -> None:
    path = "/api/v1/NS/configmaps" + ("/one" if method == "PATCH" else "")
    with through.http() as http:
        answer = http.ask(method, path, data=body, headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["kind"], answer.json()["reason"]) == (status, "Status", reason)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("delete", "namespace", "default"), "deleting the namespace default"),
        (("delete", "pods", "--all"), "deleting all pods is refused"),
        (("get", "secrets", "-A"), "the secrets of all namespaces at once"),
        (
            ("create", "clusterrolebinding", "x", "--clusterrole=cluster-admin", "--user=x"),
            "a binding to cluster-admin",
        ),
        (("run", "x", "--image=x", "--privileged"), "privileged"),
        (("create", "token", "default"), "a token of the service account"),
        (("get", "pods", "--as=system:admin"), "impersonation is not allowed here"),
    ],
)
def test_refusals_are_told_as_the_server_tells_its_own(
    through: Access, arguments: tuple[str, ...], reason: str
) -> None:
    # kubectl keeps what it discovers here; it shows no reason, of no server, where that itself is refused.
    through.kubectl("get", "pods").ok()
    refused = through.kubectl(*arguments)
    assert refused.code == 1
    assert "Error from server (Forbidden)" in refused.err or "is forbidden" in refused.err
    assert reason in refused.err
    assert "refused by" in refused.err


def test_what_is_only_tried_passes(through: Access) -> None:
    assert "dry run" in through.kubectl("delete", "namespace", through.namespace, "--dry-run=server").ok()
    assert through.kubectl("auth", "can-i", "delete", "pods").ok().strip() == "yes"


# -- what runs in pods


@pytest.fixture(params=["WebSocket", "SPDY"])
def transport(request: pytest.FixtureRequest) -> dict[str, str]:
    return SPDY if request.param == "SPDY" else {}


def test_exec(through: Access, box: str, transport: dict[str, str]) -> None:
    done = through.kubectl(
        "exec", box, "--", "sh", "-c", "echo to bob@example.com; echo aside >&2; exit 7", env=transport
    )
    assert done == Done(7, "to [email]\n", "aside\ncommand terminated with exit code 7\n")


def test_exec_reads_what_is_sent(through: Access, box: str, transport: dict[str, str]) -> None:
    text = "".join(f"line {n}\n" for n in range(20_000))
    assert through.kubectl("exec", "-i", box, "--", "cat", stdin=text, env=transport).ok() == text


def test_exec_is_judged_by_its_command_line(through: Access, box: str, transport: dict[str, str]) -> None:
    refused = through.kubectl("exec", box, "--", "sh", "-c", "rm -rf /", env=transport)
    assert refused.code == 1
    assert "rm -r of / is refused" in refused.err


def test_copies_come_out_whole(through: Access, cluster: Access, box: str, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(b"bob@example.com\0\xff" * 5000)
    through.kubectl("cp", str(sent), f"{box}:/tmp/hoopaddon-{cluster.namespace}").ok()
    through.kubectl("cp", f"{box}:/tmp/hoopaddon-{cluster.namespace}", str(back)).ok()
    assert back.read_bytes() == sent.read_bytes()


@pytest.mark.skipif(bool(ANY_CLUSTER), reason="the double's pods have bash")
def test_lines_at_a_terminal_are_judged(through: Access, box: str) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        command = [str(kubectl_path()), "--namespace", through.namespace, "exec", "-it", box, "--", "bash", "--norc"]
        os.execve(command[0], command, through.environment())
    shown = read_until(terminal, "# ")
    os.write(terminal, b"echo to bob@exam''ple.com\r")
    shown += read_until(terminal, "[email]")
    os.write(terminal, b"rm -rf /\r")
    shown += read_until(terminal, "is refused")
    os.write(terminal, b"exit 5\r")
    read_until(terminal, "exit code 5")
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 5


def read_until(terminal: int, text: str) -> str:
    shown = b""
    deadline = time.monotonic() + WITHIN_S
    while text not in shown.decode(errors="replace"):
        if time.monotonic() > deadline:
            raise AssertionError(f"{text!r} is not shown: {shown!r}")
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break
    return shown.decode(errors="replace")


# -- who is who


def test_nobody_comes_through_without_a_token(through: Access, tmp_path: Path) -> None:
    config = YAML(typ="safe").load(through.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": "not-a-token"}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    refused = Access(path, "default", through.home).kubectl("get", "pods")
    assert refused.code == 1
    assert "You must be logged in to the server" in refused.err


def test_a_context_with_a_certificate(kubernetes_double: KubernetesServer, client_home: Path, tmp_path: Path) -> None:
    with KubeGateway(kubernetes_double.kubeconfig(CERTIFIED), "context", tmp_path) as running:
        access = Access(running.kubeconfig(), "default", client_home)
        asked = json.loads(access.kubectl("auth", "whoami", "-o", "json").ok())
        assert asked["status"]["userInfo"]["username"] == CERTIFIED
        # The certificate is the gateway's: whoever has no token does not get by on it.
        assert (
            Access(Path("/dev/null"), "default", client_home)
            .kubectl(
                "get", "pods", "--server", f"https://{running.host}:{running.port}", "--insecure-skip-tls-verify"
            )
            .code
        )
    written = [path for path in (running.confdir / "kubernetes").glob("*") if path.stat().st_mode & 0o077]
    assert written == []
