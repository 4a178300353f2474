"""Bodies as the API server reads them: JSON, YAML, protobuf and patches."""

import json
import random
import struct
from typing import Any

import pytest

from hoopaddon import Unparsable
from hoopaddon.adapters.kubernetes.body.media import read_object, read_patch
from hoopaddon.adapters.kubernetes.body.patch import changes_of
from hoopaddon.adapters.kubernetes.body.protobuf import MAGIC, READERS, fields_of, messages, read_protobuf
from hoopaddon.adapters.kubernetes.body.references import references
from hoopaddon.adapters.kubernetes.body.text import read_json, read_yaml


def test_yaml_is_read_as_version_1_1_has_it() -> None:
    text = b"a: yes\nb: 'yes'\nc: 0777\nd: 1.0\ne: ~\nf: 2030-01-01\n2: x\ntrue: x\n"
    assert read_yaml(text) == {
        "a": True,
        "b": "yes",
        "c": 511,
        "d": 1.0,
        "e": None,
        "f": "2030-01-01",
        "2": "x",
        "true": "x",
    }
    assert read_yaml(b'{"a": 1}') == {"a": 1}
    assert read_yaml(b"a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    "text",
    [
        b"a: 1\na: 2\n",
        b"a: &x {b: 1}\n<<: *x\n",
        b"a: 1\n---\nb: 2\n",
        b"a: !!binary eA==\n",
        b"a: *nothing\n",
        b"? [a]\n: b\n",
        b"1: a\n'1': b\n",
        b"a: [\n",
        b"\xff",
        b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        b"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
    ],
)
def test_yaml_that_others_may_read_otherwise(text: bytes) -> None:
    with pytest.raises(Unparsable):
        read_yaml(text)


@pytest.mark.parametrize(
    "text", [b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"{", b"{} {}", b"[NaN]", b"\xef\xbb\xbf{}", b"[" * 100_000]
)
def test_json_that_others_may_read_otherwise(text: bytes) -> None:
    with pytest.raises(Unparsable):
        read_json(text)


def test_media_types() -> None:
    assert read_object("", b"{}") == {}
    assert read_object("application/yaml", b"a: 1") == {"a": 1}
    assert read_patch("application/apply-patch+yaml", b"a: 1") == ("apply", {"a": 1})
    for wrong in (("application/cbor", b"x"), ("application/json", b"[]"), ("text/plain", b"{}")):
        with pytest.raises(Unparsable):
            read_object(*wrong)
    for kind, body in (("application/json", b"{}"), ("application/json-patch+json", b"{}"), ("", b"{}")):
        with pytest.raises(Unparsable):
            read_patch(kind, body)


def changes(kind: str, text: str) -> tuple[tuple[Any, ...], set[str]]:
    found = changes_of(kind, json.loads(text))
    return found.sets, set(found.removes)


def test_what_patches_set_and_take_away() -> None:
    assert changes("merge", '{"a":{"b":null,"c":1},"d":[]}') == (
        ({"a": {"b": None, "c": 1}, "d": []},),
        {"a.b", "d"},
    )
    assert changes(
        "strategic", '{"a":[{"$patch":"delete","name":"x"}],"m":{"$deleteFromPrimitiveList/f":["y"]}}'
    ) == (
        ({"a": [{"name": "x"}], "m": {}},),
        {"a.*", "m.f"},
    )
    assert changes("strategic", '{"a":{"$setElementOrder/b":[{"name":"x"}],"b":[{"name":"x"}]}}')[1] == set()
    assert changes("json", '[{"op":"add","path":"/a/0/b~1c","value":1},{"op":"test","path":"/x","value":2}]') == (
        ({"a": [{"b/c": 1}]},),
        set(),
    )
    assert changes("json", '[{"op":"remove","path":"/a/b"},{"op":"replace","path":"/d/0","value":1}]') == (
        ({"d": [1]},),
        {"a.b", "d.*"},
    )
    assert changes("json", '[{"op":"replace","path":"","value":{"a":1}}]')[0] == ({"a": 1},)
    for wrong in (
        '[{"op":"add","path":"a"}]',
        '[{"op":"inspect","path":"/a"}]',
        "[1]",
        '[{"op":"move","from":"/data/p","path":"/metadata/labels/p"}]',
        '[{"op":"copy","from":"/data/p","path":"/metadata/annotations/p"}]',
        '[{"op":"copy","from":"","path":"/metadata/annotations/p"}]',
    ):
        with pytest.raises(Unparsable):
            changes("json", wrong)


def test_a_list_is_looked_into() -> None:
    sets, _ = changes("", '{"kind":"List","items":[{"kind":"Pod"},{"kind":"List","items":[{"kind":"Job"}]}]}')
    assert [one["kind"] for one in sets] == ["List", "Pod", "List", "Job"]


def test_references() -> None:
    document = {
        "roleRef": {"kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "Group", "name": "dev"}, {"kind": "ServiceAccount", "name": "ci"}],
        "spec": {
            "serviceAccountName": "web",
            "volumes": [{"secret": {"secretName": "tls"}}, {"configMap": {"name": "cfg"}}],
            "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}]}],
            "imagePullSecrets": [{"name": "pull"}],
        },
    }
    assert references([document]) == {
        "clusterroles/admin",
        "groups/dev",
        "serviceaccounts/ci",
        "serviceaccounts/web",
        "secrets/tls",
        "configmaps/cfg",
        "secrets/db",
        "secrets/pull",
    }


# -- protobuf


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: bytes | int | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


# By the numbers of k8s.io/api/core/v1/generated.proto.
POD = envelope(
    "v1",
    "Pod",
    field(1, field(1, "x") + field(11, field(1, "app") + field(2, "web")))
    + field(
        2,
        field(1, field(1, "root") + field(2, field(1, field(1, "/"))))
        + field(2, field(1, "c") + field(2, "busybox") + field(15, field(2, 1)))
        + field(12, 1),
    ),
)


def test_protobuf_is_what_json_would_be() -> None:
    assert read_protobuf(POD) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "labels": {"app": "web"}},
        "spec": {
            "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
            "containers": [{"name": "c", "image": "busybox", "securityContext": {"privileged": True}}],
            "hostPID": True,
        },
    }
    options = envelope("v1", "DeleteOptions", field(1, 0) + field(4, "Background") + field(5, "All"))
    assert read_protobuf(options) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Background",
        "dryRun": ["All"],
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"k8s",
        MAGIC,
        b'{"kind":"Pod"}',
        POD[:-1],
        POD + b"\x80",
        POD + field(3, "gzip"),
        POD + field(2, b""),
        envelope("v1", "Thing", b""),
        envelope("stable.example.com/v1", "Pod", b""),
        envelope("apps.example.com/v1", "Deployment", b""),
        envelope("v1", "Pod", field(99, "x")),
        envelope("v1", "Pod", field(2, 5)),
        envelope("v1", "Pod", field(2, field(12, 1)) + field(2, field(12, 0))),
        envelope("v1", "Pod", struct.pack("<B", 2 << 3 | 3)),
    ],
)
def test_protobuf_that_cannot_be_judged(data: bytes) -> None:
    with pytest.raises(Unparsable):
        read_protobuf(data)


def test_damaged_protobuf_raises_nothing_else() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        damaged = bytearray(POD)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            read_protobuf(bytes(damaged))
        except Unparsable:
            continue


@pytest.mark.parametrize(
    ("api_version", "kind", "message", "read"),
    [
        # What a current kubectl sends for `create job`: fields that are newer than many servers.
        ("batch/v1", "Job", field(3, field(8, b"")), {"status": {"uncountedTerminatedPods": {}}}),
        ("scheduling.k8s.io/v1", "PriorityClass", field(2, 5), {"value": 5}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", field(2, field(3, 4)), {"spec": {"maxReplicas": 4}}),
        ("v1", "ServiceAccount", field(4, 0), {"automountServiceAccountToken": False}),
        (
            "networking.k8s.io/v1",
            "Ingress",
            field(2, field(3, field(2, b"\n\0"))),
            {"spec": {"rules": [{"http": {}}]}},
        ),
        ("v1", "Service", field(2, field(16, "zone")), {"spec": {"topologyKeys": ["zone"]}}),
    ],
)
def test_kinds_of_old_and_new_versions(api_version: str, kind: str, message: bytes, read: dict[str, object]) -> None:
    found = read_protobuf(envelope(api_version, kind, message))
    assert found == {"apiVersion": api_version, "kind": kind, **read}


def test_the_table_names_only_messages_that_it_has() -> None:
    named = {field.type for message in messages() for field in fields_of(message).values()}
    assert named - READERS.keys() - messages().keys() == set()
