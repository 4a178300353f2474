"""What comes back in protobuf, masked like JSON, and as it was where nothing is masked."""

import base64
import json
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest

from hoopaddon.adapters.kubernetes import ADAPTER
from hoopaddon.adapters.kubernetes.negotiation import accepted
from hoopaddon.adapters.kubernetes.protobuf_results import LIST_BYTES, ProtobufSplitter
from hoopaddon.adapters.kubernetes.protocol import PROTOCOL
from hoopaddon.detect import ENTITIES, KubeMask, kube_fields, redacted
from hoopaddon.errors import HoopaddonError, PeerError, Unparsable
from hoopaddon.session import Session
from hoopaddon.testing import session
from hoopaddon.web.body.runs import Unfit
from tests.adapters.kubernetes.test_bodies import envelope, field
from tests.kubernetes.double.api.protobuf import PROTOBUF, decode, encode, watch_frame

type Json = dict[str, Any]

MASK = KubeMask(ENTITIES, redacted, kube_fields(["default"]), lambda text: "[masked]")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def through(
    data: bytes, size: int, edit: Callable[[str], str], *, watch: bool = False, who: Session | None = None
) -> tuple[list[str], bytes]:
    """What policies see of an answer that comes in pieces of this size, and what leaves."""
    splitter = ProtobufSplitter(who or session(), "secrets", watch=watch)
    seen: list[str] = []
    out = b""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    for make in [*(lambda piece=piece: splitter.runs(piece) for piece in pieces), splitter.rest]:
        for run in make():
            if run.text is None or run.rebuild is None:
                out += run.data
                continue
            seen.append(run.text)
            changed = edit(run.text)
            out += run.data if changed == run.text else run.rebuild(changed)
    return seen, out


def masked(text: str) -> str:
    return MASK.edit(text, "secrets")


def secret(name: str) -> Json:
    applied = {"kind": "Secret", "metadata": {"name": name}, "stringData": {"p": "hunter2"}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "resourceVersion": "7",
            "annotations": {APPLIED: json.dumps(applied), "owner": "bob@example.com"},
            "managedFields": [
                {"manager": "m", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}}
            ],
        },
        "data": {"p": b64("hunter2"), "empty": "", "binary": "gICA"},
        "type": "Opaque",
    }


POD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {"name": "a", "image": "x", "env": [{"name": "LEVEL", "value": "debug"}]},
            {
                "name": "b",
                "image": "x",
                "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MAIL", "value": "bob@example.com"}],
                "resources": {"limits": {"cpu": "500m"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
            },
        ],
    },
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("document", [secret("a"), POD])
def test_an_object_is_masked_and_otherwise_as_it_was(document: Json, size: int) -> None:
    data = encode(document)
    seen, same = through(data, size, str)
    assert same == data
    assert json.loads(seen[0])["metadata"]["name"] == document["metadata"]["name"]
    _, changed = through(data, size, masked)
    assert b"hunter2" not in changed
    assert b"bob@example.com" not in changed
    assert decode(changed) == json.loads(MASK.edit(json.dumps(decode(data)), "secrets"))


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_comes_item_by_item(size: int, count: int) -> None:
    items = [secret(f"s{n}") for n in range(count)]
    data = encode({"apiVersion": "v1", "kind": "SecretList", "metadata": {"resourceVersion": "9"}, "items": items})
    seen, same = through(data, size, str)
    assert [json.loads(text)["metadata"]["name"] for text in seen] == [f"s{n}" for n in range(count)]
    assert same == data
    _, changed = through(data, size, masked)
    found = decode(changed)
    assert [item["data"]["p"] for item in found.get("items", [])] == [b64("[masked]")] * count
    assert found["metadata"]["resourceVersion"] == "9"
    assert b"hunter2" not in changed


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_events_come_one_by_one(size: int) -> None:
    gone = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "too old", "code": 410}
    data = watch_frame("ADDED", secret("a")) + watch_frame("BOOKMARK", POD) + watch_frame("ERROR", gone)
    seen, same = through(data, size, str, watch=True)
    assert [json.loads(text)["type"] for text in seen] == ["ADDED", "BOOKMARK", "ERROR"]
    assert same == data
    _, changed = through(data, size, masked, watch=True)
    assert b"hunter2" not in changed
    (length,) = struct.unpack_from(">I", changed)
    first = changed[4 : 4 + length]
    assert decode(first[first.index(b"k8s\0") :])["data"]["p"] == b64("[masked]")
    assert through(changed, 1000, str, watch=True)[1] == changed


def test_an_event_leaves_when_it_is_whole() -> None:
    splitter, data = ProtobufSplitter(session(), "secrets", watch=True), watch_frame("ADDED", secret("a"))
    assert list(splitter.runs(data[:-1])) == []
    assert len(list(splitter.runs(data[-1:]))) == 1


@pytest.mark.parametrize(
    "data",
    [
        envelope("v1", "Pod", field(99, "x")),
        envelope("v1", "PodList", field(2, field(99, "hunter2"))),
        envelope("v1", "PodList", field(99, "hunter2")),
        envelope("example.com/v1", "Thing", b""),
        envelope("v1", "Secret", b"") + field(3, "gzip"),
        envelope("v1", "SecretList", field(2, field(3, "Opaque"))) + field(4, "application/json"),
        envelope("v1", "Secret", b"") + field(5, "hunter2"),
        envelope("v1", "SecretList", b"")[:-1],
        encode(secret("a"))[:-1],
        encode({"apiVersion": "v1", "kind": "SecretList", "items": [secret("a")]})[:-7],
        b'{"kind":"Secret"}',
        b"k8s\0",
        b"hunter2",
    ],
)
def test_what_cannot_be_seen_into_does_not_pass(data: bytes) -> None:
    for size in (1, 1000):
        with pytest.raises((PeerError, Unparsable)):
            through(data, size, str)


@pytest.mark.parametrize("data", [b"\0\0\0\1", b"\0\0\0\2\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_frames_that_are_none(data: bytes) -> None:
    with pytest.raises((PeerError, Unparsable)):
        through(data, 1000, str, watch=True)


def test_a_list_that_is_too_large_is_refused_by_name() -> None:
    splitter = ProtobufSplitter(session(), "secrets", watch=False)
    item = field(2, field(1, field(1, "a")) + field(2, field(1, "p") + field(2, b"x" * (1 << 20))))
    data = envelope("v1", "SecretList", item * 40)
    kept = LIST_BYTES - (1 << 20)
    assert len(list(splitter.runs(data[:kept]))) > 20
    with pytest.raises(Unparsable, match="limit="):
        list(splitter.runs(data[kept : LIST_BYTES + (1 << 20)]))


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"p": "no base64!"}},
        {"data": {"p": 5}},
        {"data": "x"},
        {"type": None},
        {"type": ["x"]},
        {"metadata": {"name": "a", "more": "x"}},
        {"more": "x"},
        {"kind": "ConfigMap"},
        {"apiVersion": "v2"},
    ],
)
def test_what_does_not_fit_is_not_put_in(change: Json) -> None:
    with pytest.raises(Unfit):
        through(encode(secret("a")), 1000, lambda text: json.dumps(json.loads(text) | change))


def test_what_a_policy_takes_out_is_gone() -> None:
    def without(text: str) -> str:
        document = json.loads(text)
        del document["data"]["p"], document["metadata"]["managedFields"]
        return json.dumps(document)

    found = decode(through(encode(secret("a")), 1000, without)[1])
    assert found["data"] == {"empty": "", "binary": "gICA"}
    assert "managedFields" not in found["metadata"]


def test_no_item_is_taken_out_of_a_list() -> None:
    def without(text: str) -> str:
        document = json.loads(text)
        del document["spec"]["containers"][0]
        return json.dumps(document)

    with pytest.raises(Unfit):
        through(encode(POD), 1000, without)


def test_damaged_answers_raise_nothing_else() -> None:
    chance = random.Random(7)
    items = {"apiVersion": "v1", "kind": "SecretList", "items": [secret("a"), secret("b")]}
    for data, watch in ((encode(secret("a")), False), (encode(items), False), (watch_frame("ADDED", POD), True)):
        for _ in range(700):
            damaged = bytearray(data)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            try:
                through(bytes(damaged), chance.choice((11, 1000)), masked, watch=watch)
            except HoopaddonError:
                continue


def test_a_mask_that_was_shown_in_protobuf_is_never_stored() -> None:
    who = session(protocol="kubernetes")
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"k": "to bob@example.com"},
    }
    shown = through(encode(settings), 1000, lambda text: MASK.edit(text, "configmaps"), who=who)[1]
    assert decode(shown)["data"] == {"k": "to [email]"}
    body = json.dumps({"data": {"k": "to [email]"}})
    # The splitter of these tests is one for secrets.
    patch = ADAPTER.command(who, f"PATCH /api/v1/namespaces/n/secrets/a\n\n{body}")
    assert "data.k holds a mask" in str(PROTOCOL.objection(patch))


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (PROTOBUF, PROTOBUF),
        (f"{PROTOBUF};stream=watch", f"{PROTOBUF};stream=watch"),
        (f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{PROTOBUF}",) * 2,
        (PROTOBUF.upper(), PROTOBUF),
        (f"{PROTOBUF}, */*", "application/json"),
        (f"{PROTOBUF},application/json", "application/json"),
        (f"{PROTOBUF},application/yaml", "application/json"),
        (f"text/html,{PROTOBUF}", PROTOBUF),
    ],
)
def test_protobuf_is_asked_for_where_nothing_else_is_taken(asked: str, sent: str) -> None:
    assert accepted(asked) == sent
