"""`run_kubectl` of `hoopaddon serve-mcp`: kubectl for agents, through the policies, with nothing else in reach."""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mcp import Client

from tests.adapters.mcp.test_serve import call, scripts, serving
from tests.adapters.mcp.test_stdio import ROOT, answer_the_one, recorded
from tests.kubernetes.clients import Access, kubectl_path
from tests.kubernetes.manifests import config_map, many, pod

pytestmark = pytest.mark.usefixtures("directly")

MAIL = "ada@example.com"


def serving_kubectl(folder: Path, kubeconfig: Path, *options: str, program: Path | None = None) -> Client:
    target = f"prod=kubernetes:?kubeconfig={kubeconfig}"
    return serving(folder, "--target", target, "--kubectl", str(program or kubectl_path()), *options)


async def kubectl(agent: Client, *arguments: str, stdin: str = "") -> dict[str, object]:
    found = await call(agent, "run_kubectl", target="prod", arguments=list(arguments), stdin=stdin)
    if found.get("status") == "still running":
        found = await call(agent, "result_of", id=found["id"], wait_seconds=30)
    return found


async def test_kubectl_through_the_policies(tmp_path: Path, kubeconfig: Path, cluster: Access) -> None:
    in_it = ("-n", cluster.namespace)
    policies = scripts("record.py", "mask_pii.py", "block_destructive.py")
    async with serving_kubectl(tmp_path, kubeconfig, *policies) as agent:
        assert "run_kubectl" in {tool.name for tool in (await agent.list_tools()).tools}
        assert await call(agent, "list_targets") == {"targets": [{"name": "prod", "tool": "run_kubectl"}]}
        made = await kubectl(agent, "apply", *in_it, "-f", "-", stdin=many(config_map("one", mail=MAIL)))
        assert made == {"status": "done", "stdout": "configmap/one created\n", "stderr": "", "exit_status": 0}
        shown = await kubectl(agent, "get", "configmap", "one", *in_it, "-o", "json")
        assert json.loads(str(shown["stdout"]))["data"]["mail"] != MAIL
        refused = await kubectl(agent, "delete", "namespace", cluster.namespace)
        assert refused["exit_status"] == 1
        assert "deletes everything in it" in str(refused["stderr"])
        missing = await kubectl(agent, "get", "configmap", "two", *in_it)
        assert "NotFound" in str(missing["stderr"])
    assert cluster.kubectl("get", "cm", "one", "-o", "jsonpath={.data.mail}").ok() == MAIL
    kept = recorded(tmp_path)
    assert "agent-7" in kept
    assert f"DELETE /api/v1/namespaces/{cluster.namespace}" in kept


async def test_a_command_in_a_pod(tmp_path: Path, kubeconfig: Path, cluster: Access, runs_pods: None) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(pod("box"))).ok()
    cluster.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=60s").ok()
    in_it = ("-n", cluster.namespace)
    async with serving_kubectl(tmp_path, kubeconfig, *scripts("mask_pii.py", "block_destructive.py")) as agent:
        said = await kubectl(agent, "exec", "box", *in_it, "--", "sh", "-c", f"echo {MAIL}; exit 3")
        assert (said["stdout"], said["exit_status"]) == ("[email]\n", 3)
        refused = await kubectl(agent, "exec", "box", *in_it, "--", "rm", "-rf", "/")
        assert "refused" in str(refused["stderr"])
        read = await kubectl(agent, "exec", "-i", "box", *in_it, "--", "cat", stdin="hello\n")
        assert read["stdout"] == "hello\n"


async def test_what_is_held_says_so_call_by_call(tmp_path: Path, kubeconfig: Path, cluster: Access) -> None:
    cluster.kubectl("create", "-f", "-", stdin=many(config_map("one", a="1"), config_map("two", a="1"))).ok()
    in_it = ("-n", cluster.namespace)
    options = [*scripts("require_approval.py"), "--set", "approval_verbs=delete"]
    async with serving_kubectl(tmp_path, kubeconfig, *options) as agent:
        held = await call(agent, "run_kubectl", target="prod", arguments=["delete", "cm", "one", *in_it])
        assert held["status"] == "waiting for approval"
        assert "configmaps/one needs an approval" in held["what_to_do"]
        waits = await call(
            agent, "run_kubectl", target="prod", arguments=["wait", "--for=delete", "cm/two", *in_it, "--timeout=90s"]
        )
        assert waits["status"] == "still running"
        shown = await answer_the_one(tmp_path, "approve")
        assert shown["user"] == "agent-7"
        done = await call(agent, "result_of", id=held["id"], wait_seconds=30)
        assert str(done["stdout"]).startswith('configmap "one" deleted')
        cluster.kubectl("delete", "cm", "two").ok()
        assert (await call(agent, "result_of", id=waits["id"], wait_seconds=30))["exit_status"] == 0


SPY = """#!{python}
import json, os, sys
from pathlib import Path
where = Path(os.environ["KUBECONFIG"])
seen = {{
    "arguments": sys.argv[1:], "environment": dict(os.environ), "here": os.listdir("."), "stdin": sys.stdin.read(),
    "mode": where.stat().st_mode & 0o777, "folder": where.parent.stat().st_mode & 0o777,
    "config": json.loads(where.read_text()), "pid": os.getpid(),
}}
Path({seen!r}).write_text(json.dumps(seen))
if "wait" in sys.argv:
    import time
    time.sleep(600)
sys.stdout.write("x" * 300000)
"""


def spy(folder: Path) -> tuple[Path, Path]:
    """A program in kubectl's place that writes down what it is given."""
    program, seen = folder / "spy", folder / "seen"
    program.write_text(SPY.format(python=sys.executable, seen=str(seen)))
    program.chmod(0o700)
    return program, seen


async def test_nothing_of_the_operators_is_in_its_reach(
    tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "KUBE_EDITOR", "KUBECTL_EXTERNAL_DIFF", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "the operator's")
    program, seen = spy(tmp_path)
    async with serving_kubectl(tmp_path, kubeconfig, program=program) as agent:
        done = await kubectl(agent, "get", "pods")
        assert str(done["stdout"]).endswith("[cut: 100000 characters more]")
        found = json.loads(seen.read_text())
        assert set(found["environment"]) - {"LC_CTYPE"} == {"HOME", "PATH", "KUBECONFIG", "KUBERC"}
        home = Path(found["environment"]["HOME"]).parent
        assert all(
            value == "off" or Path(value).is_relative_to(home)
            for name, value in found["environment"].items()
            if name != "LC_CTYPE"
        )
        assert (found["here"], found["stdin"], found["mode"], found["folder"]) == ([], "", 0o600, 0o700)
        (one,) = found["config"]["clusters"]
        assert one["cluster"]["server"].startswith("https://127.0.0.1:")
        assert not home.exists()
        payload = found["config"]["users"][0]["user"]["token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(f"{payload}=="))
        # Sessions end with their tokens, and people take their time to approve.
        assert (claims["target"], claims["exp"] - claims["iat"]) == ("prod", 24 * 3600)
        for arguments, stdin in ((["apply", "-f", "-"], ""), (["get", "pods"], "x")):
            refused = await call(agent, "run_kubectl", target="prod", arguments=arguments, stdin=stdin)
            assert "stdin" in refused["refused"]
        seen.unlink()
        refused = await call(agent, "run_kubectl", target="prod", arguments=["get", "pods", "--kubeconfig=/x"])
        assert "--kubeconfig is not for this tool" in refused["refused"]
        assert not seen.exists()
        await call(agent, "run_kubectl", target="prod", arguments=["wait", "--for=delete", "pod/x"])
        pid = json.loads(seen.read_text())["pid"]
    # The client has gone, and so has what it had started.
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_without_kubectl_it_does_not_start(tmp_path: Path, kubeconfig: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hoopaddon", "serve-mcp", "--confdir", str(tmp_path), "--kubectl", "no-such-program",
         "--target", f"prod=kubernetes:?kubeconfig={kubeconfig}"],
        input=b"", capture_output=True, cwd=ROOT, env=os.environ, timeout=60, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, b"")
    said = run.stderr.decode()
    assert "--kubectl" in said
    assert "Traceback" not in said
