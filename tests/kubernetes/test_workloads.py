"""What becomes of workloads: rollouts, jobs, helm."""

import json
from pathlib import Path

import pytest

from tests.kubernetes.clients import Access
from tests.kubernetes.manifests import IMAGE, deployment, many

pytestmark = pytest.mark.usefixtures("runs_pods")


def test_a_deployment_is_rolled_out_and_back(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web", replicas=2))).ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    cluster.kubectl("set", "image", "deployment/web", "main=busybox:1.37").ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    history = cluster.kubectl("rollout", "history", "deployment/web").ok()
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    cluster.kubectl("rollout", "undo", "deployment/web").ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    images = cluster.kubectl("get", "deployment", "web", "-o", "jsonpath={..image}").ok()
    assert images == IMAGE
    cluster.kubectl("scale", "deployment/web", "--replicas=1").ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    described = cluster.kubectl("describe", "deployment", "web").ok()
    assert "1 desired | 1 updated | 1 total | 1 available" in described


def test_what_is_owned_goes_with_its_owner(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web"))).ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    cluster.kubectl("delete", "deployment", "web", "--cascade=foreground").ok()
    assert cluster.kubectl("get", "replicasets,pods", "-o", "name").ok() == ""


def test_orphans_stay(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web"))).ok()
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=50s").ok()
    cluster.kubectl("delete", "deployment", "web", "--cascade=orphan").ok()
    assert cluster.kubectl("get", "replicasets", "-o", "name").ok().startswith("replicaset.apps/web-")


def test_a_job_runs_to_its_end(cluster: Access) -> None:
    cluster.kubectl("create", "job", "once", f"--image={IMAGE}", "--", "sh", "-c", "echo done").ok()
    cluster.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=50s").ok()
    assert cluster.kubectl("logs", "job/once").ok() == "done\n"


def test_helm_installs_upgrades_and_removes(cluster: Access, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: sample\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text("replicas: 1\n")
    made = json.dumps(deployment("web")).replace('"replicas": 1', '"replicas": {{ .Values.replicas }}')
    (chart / "templates" / "web.yaml").write_text(made)
    cluster.helm("install", "sample", str(chart), "--wait", "--timeout=50s").ok()
    assert '"status":"deployed"' in cluster.helm("list", "-o", "json").ok()
    cluster.helm("upgrade", "sample", str(chart), "--set", "replicas=2", "--wait", "--timeout=50s").ok()
    assert cluster.kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}").ok() == "2"
    assert cluster.kubectl("get", "secrets", "-l", "owner=helm", "-o", "name").ok().count("\n") == 2
    cluster.helm("rollback", "sample", "1", "--wait", "--timeout=50s").ok()
    assert cluster.kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}").ok() == "1"
    cluster.helm("uninstall", "sample", "--wait", "--timeout=50s").ok()
    assert cluster.kubectl("get", "deployments", "-o", "name").ok() == ""
