"""kubectl on objects: what a person does on a day."""

import json
import os
import time

import pytest

from tests.kubernetes.clients import Access
from tests.kubernetes.manifests import config_map, definition, deployment, many, pod


def test_it_applies_shows_changes_and_deletes(cluster: Access) -> None:
    made = cluster.kubectl("apply", "-f", "-", stdin=many(config_map("one", a="1"), config_map("two", a="2"))).ok()
    assert made == "configmap/one created\nconfigmap/two created\n"
    again = cluster.kubectl("apply", "-f", "-", stdin=many(config_map("one", a="1"), config_map("two", b="3"))).ok()
    assert again == "configmap/one unchanged\nconfigmap/two configured\n"
    assert json.loads(cluster.kubectl("get", "configmap", "two", "-o", "json").ok())["data"] == {"b": "3"}
    table = cluster.kubectl("get", "configmaps", "one", "two").ok().splitlines()
    assert [line.split()[:2] for line in table] == [["NAME", "DATA"], ["one", "1"], ["two", "1"]]
    assert cluster.kubectl("delete", "configmap", "one").ok().startswith('configmap "one" deleted')
    gone = cluster.kubectl("get", "configmap", "one")
    assert (gone.code, gone.err) == (1, 'Error from server (NotFound): configmaps "one" not found\n')


def test_apply_removes_a_field_and_keeps_what_others_have_set(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(config_map("shared", mine="1", old="2"))).ok()
    cluster.kubectl("patch", "configmap", "shared", "-p", '{"data": {"theirs": "3"}}').ok()
    cluster.kubectl("apply", "-f", "-", stdin=many(config_map("shared", mine="4"))).ok()
    found = json.loads(cluster.kubectl("get", "configmap", "shared", "-o", "json").ok())
    assert found["data"] == {"mine": "4", "theirs": "3"}


def test_a_dry_run_of_the_server_changes_nothing(cluster: Access) -> None:
    said = cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=many(config_map("one", a="1"))).ok()
    assert said == "configmap/one created (server dry run)\n"
    assert cluster.kubectl("get", "configmap", "one").code == 1


def test_diff_shows_what_apply_would_change(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(config_map("one", a="1"))).ok()
    shown = cluster.kubectl("diff", "-f", "-", stdin=many(config_map("one", a="2")))
    assert shown.code == 1
    assert '-  a: "1"' in shown.out
    assert '+  a: "2"' in shown.out


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (
            "strategic",
            '{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "busybox:1.37"}]}}}}',
        ),
        ("json", '[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "busybox:1.37"}]'),
    ],
)
def test_patches_change_one_field(cluster: Access, kind: str, patch: str) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web", replicas=0))).ok()
    cluster.kubectl("patch", "deployment", "web", "--type", kind, "-p", patch).ok()
    spec = json.loads(cluster.kubectl("get", "deployment", "web", "-o", "json").ok())["spec"]["template"]["spec"]
    assert [c["image"] for c in spec["containers"]] == ["busybox:1.37"]
    assert spec["containers"][0]["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


def test_a_merge_patch_replaces_lists(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web", replicas=0))).ok()
    patch = '{"spec": {"template": {"spec": {"containers": [{"name": "other", "image": "busybox"}]}}}}'
    cluster.kubectl("patch", "deployment", "web", "--type", "merge", "-p", patch).ok()
    names = "jsonpath={.spec.template.spec.containers[*].name}"
    assert cluster.kubectl("get", "deployment", "web", "-o", names).ok() == "other"


def test_server_side_apply_knows_who_owns_a_field(cluster: Access) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    cluster.kubectl(*apply, "--field-manager=alice", stdin=many(deployment("web", replicas=1))).ok()
    refused = cluster.kubectl(*apply, "--field-manager=bob", stdin=many(deployment("web", replicas=0)))
    assert refused.code == 1
    assert 'Apply failed with 1 conflict: conflict with "alice": .spec.replicas' in refused.err
    cluster.kubectl(
        *apply, "--field-manager=bob", "--force-conflicts", stdin=many(deployment("web", replicas=0))
    ).ok()
    fields = json.loads(cluster.kubectl("get", "deploy", "web", "-o", "json", "--show-managed-fields").ok())[
        "metadata"
    ]
    owners = {e["manager"] for e in fields["managedFields"] if "f:replicas" in e["fieldsV1"].get("f:spec", {})}
    assert owners == {"bob"}


def test_server_side_apply_takes_back_what_it_no_longer_says(cluster: Access) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    cluster.kubectl(*apply, stdin=many(config_map("one", a="1", b="2"))).ok()
    cluster.kubectl(*apply, stdin=many(config_map("one", a="1"))).ok()
    assert json.loads(cluster.kubectl("get", "cm", "one", "-o", "json").ok())["data"] == {"a": "1"}


def test_client_side_apply_can_be_followed_by_server_side(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(deployment("web", replicas=0))).ok()
    said = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=many(deployment("web", replicas=0, tag="1.37")))
    assert said.ok() == "deployment.apps/web serverside-applied\n"
    assert "Warning" not in said.err
    assert cluster.kubectl("get", "deploy", "web", "-o", "jsonpath={..image}").ok() == "busybox:1.37"


def test_edit_sends_back_what_an_editor_has_changed(cluster: Access) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=many(config_map("one", a="before"))).ok()
    said = cluster.kubectl("edit", "configmap", "one", env={"KUBE_EDITOR": "sed -i s/before/after/"}).ok()
    assert said == "configmap/one edited\n"
    assert cluster.kubectl("get", "cm", "one", "-o", "jsonpath={.data.a}").ok() == "after"


def test_replace_with_an_old_version_is_a_conflict(cluster: Access) -> None:
    cluster.kubectl("create", "-f", "-", stdin=many(config_map("one", a="1"))).ok()
    old = cluster.kubectl("get", "configmap", "one", "-o", "json").ok()
    cluster.kubectl("label", "configmap", "one", "x=y").ok()
    refused = cluster.kubectl("replace", "-f", "-", stdin=old)
    assert refused.code == 1
    assert "Error from server (Conflict)" in refused.err
    assert (
        "the object has been modified; please apply your changes to the latest version and try again" in refused.err
    )


def test_what_is_invalid_is_said_by_field(cluster: Access) -> None:
    bad = pod("BAD")
    bad["spec"]["restartPolicy"] = "Sometimes"
    refused = cluster.kubectl("create", "-f", "-", stdin=many(bad))
    assert refused.code == 1
    assert 'The Pod "BAD" is invalid' in refused.err
    assert "metadata.name: Invalid value" in refused.err
    assert 'spec.restartPolicy: Unsupported value: "Sometimes"' in refused.err


def test_unknown_fields_are_refused_when_asked(cluster: Access) -> None:
    cluster.needs(25)
    wrong = {**config_map("one", a="1"), "dat": {}}
    refused = cluster.kubectl("create", "--validate=strict", "-f", "-", stdin=json.dumps(wrong))
    assert refused.code == 1
    assert 'strict decoding error: unknown field "dat"' in refused.err
    warned = cluster.kubectl("create", "--validate=warn", "-f", "-", stdin=json.dumps(wrong))
    assert 'unknown field "dat"' in warned.err
    assert warned.code == 0


def test_lists_are_selected_by_labels_and_fields(cluster: Access) -> None:
    for name, tier in (("one", "front"), ("two", "back"), ("three", "back")):
        made = config_map(name)
        made["metadata"]["labels"] = {"tier": tier}
        cluster.kubectl("create", "-f", "-", stdin=many(made)).ok()
    assert cluster.kubectl("get", "cm", "-l", "tier=back", "-o", "name").ok() == "configmap/three\nconfigmap/two\n"
    assert cluster.kubectl("get", "cm", "-l", "tier in (front)", "-o", "name").ok() == "configmap/one\n"
    assert (
        cluster.kubectl("get", "cm", "--field-selector", "metadata.name=two", "-o", "name").ok() == "configmap/two\n"
    )
    assert cluster.kubectl("get", "cm", "-l", "tier", "--chunk-size=1", "-o", "name").ok().count("\n") == 3
    cluster.kubectl("delete", "cm", "-l", "tier!=front,tier").ok()
    assert cluster.kubectl("get", "cm", "-l", "tier", "-o", "name").ok() == "configmap/one\n"


def test_explain_and_api_resources_go_by_what_the_server_publishes(cluster: Access) -> None:
    cluster.needs(27)
    assert "FIELD: image <string>" in cluster.kubectl("explain", "pods.spec.containers.image").ok()
    listed = cluster.kubectl("api-resources", "--api-group=apps", "--no-headers").ok().splitlines()
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in [line.split() for line in listed]


def test_a_definition_makes_new_endpoints(cluster: Access) -> None:
    group = f"g{os.urandom(4).hex()}.example.com"
    crd = definition("widgets", "Widget", group)
    cluster.kubectl("create", "-f", "-", stdin=many(crd)).ok()
    try:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}", "--timeout=20s").ok()
        # An old server takes a moment more until it tells of it.
        for _ in range(50):
            if cluster.kubectl("get", "--raw", f"/apis/{group}/v1").code == 0:
                break
            time.sleep(0.2)
        widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}}
        cluster.kubectl("apply", "-f", "-", stdin=many(widget)).ok()
        table = cluster.kubectl("get", f"widgets.{group}").ok().splitlines()
        assert [line.split() for line in table] == [["NAME", "SIZE"], ["w", "3"]]
        widget["spec"] = {"size": "big"}
        refused = cluster.kubectl("apply", "--validate=false", "-f", "-", stdin=many(widget))
        assert refused.code == 1
        assert "spec.size" in refused.err
        if cluster.minor() >= 27:
            assert "size\t<integer>" in cluster.kubectl("explain", f"widgets.{group}.spec").ok()
    finally:
        cluster.kubectl("delete", "crd", f"widgets.{group}").ok()
    assert cluster.kubectl("get", f"widgets.{group}").code == 1


def test_raw_paths_can_be_read(cluster: Access) -> None:
    assert cluster.kubectl("get", "--raw", "/readyz").ok() == "ok"
    found = json.loads(cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{cluster.namespace}").ok())
    assert (found["kind"], found["metadata"]["name"]) == ("Namespace", cluster.namespace)
    missing = cluster.kubectl("get", "--raw", "/api/v1/nothing")
    assert "the server could not find the requested resource" in missing.err


def test_one_may_ask_who_and_whether(cluster: Access) -> None:
    cluster.needs(28)
    assert "system:authenticated" in cluster.kubectl("auth", "whoami", "-o", "json").ok()
    assert cluster.kubectl("auth", "can-i", "delete", "pods").ok() == "yes\n"
    as_nobody = cluster.kubectl("auth", "can-i", "delete", "pods", "--as=nobody-at-all")
    assert (as_nobody.code, as_nobody.out) == (1, "no\n")


def test_a_namespace_takes_its_objects_with_it(cluster: Access) -> None:
    name = f"{cluster.namespace}-more"
    cluster.kubectl("create", "namespace", name).ok()
    cluster.kubectl("create", "configmap", "one", f"--namespace={name}", "--from-literal=a=1").ok()
    cluster.kubectl("delete", "namespace", name, "--timeout=50s").ok()
    late = cluster.kubectl("create", "configmap", "two", f"--namespace={name}")
    assert f'namespaces "{name}" not found' in late.err


def test_an_object_with_a_finalizer_waits_for_it(cluster: Access) -> None:
    made = config_map("held")
    made["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.kubectl("create", "-f", "-", stdin=many(made)).ok()
    cluster.kubectl("delete", "configmap", "held", "--wait=false").ok()
    assert cluster.kubectl("get", "cm", "held", "-o", "jsonpath={.metadata.deletionTimestamp}").ok()
    cluster.kubectl("patch", "cm", "held", "--type=merge", "-p", '{"metadata": {"finalizers": null}}').ok()
    assert cluster.kubectl("get", "cm", "held").code == 1


def test_some_namespaces_are_for_ever(cluster: Access) -> None:
    refused = cluster.kubectl("delete", "namespace", "default", "--dry-run=server")
    assert refused.code == 1
    assert 'namespaces "default" is forbidden: this namespace may not be deleted' in refused.err
