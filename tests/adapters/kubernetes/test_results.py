"""What comes back, cut into objects, masked, and not taken back."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.adapters.kubernetes import ADAPTER
from hoopaddon.adapters.kubernetes.masked import MaskedFields
from hoopaddon.adapters.kubernetes.protocol import PROTOCOL
from hoopaddon.adapters.kubernetes.results import ObjectSplitter
from hoopaddon.detect import ENTITIES, KubeMask, kube_fields, redacted
from hoopaddon.errors import PeerError
from hoopaddon.session import Session
from hoopaddon.testing import session

MASK = KubeMask(ENTITIES, redacted, kube_fields(["default"]), lambda text: "[masked]")
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def through(
    data: bytes, size: int, edit: Callable[[str], str], *, lists: bool = False, who: Session | None = None
) -> tuple[list[str], bytes]:
    """What policies see of an answer that comes in pieces of this size, and what leaves."""
    splitter = ObjectSplitter(who or session(), "secrets", lists=lists)
    seen: list[str] = []
    out = b""
    runs = [run for start in range(0, len(data), size) for run in splitter.runs(data[start : start + size])]
    for run in [*runs, *splitter.rest()]:
        if run.document is None or run.text is None or run.rebuild is None:
            out += run.data
            continue
        seen.append(run.text)
        changed = edit(run.text)
        out += run.data if changed == run.text else run.rebuild(changed)
    return seen, out


LIST = b'{"kind":"PodList","metadata":{"a":"1"},\n "items" : [ {"a":"]}\\"{"} ,\n{"b":[{}]}\n ] , "x":{} }\n'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lists_come_item_by_item(size: int) -> None:
    seen, out = through(LIST, size, str, lists=True)
    assert seen == ['{"a":"]}\\"{"}', '{"b":[{}]}']
    assert out == LIST
    _, changed = through(LIST, size, lambda text: '{"c":1}', lists=True)
    assert json.loads(changed)["items"] == [{"c": 1}, {"c": 1}]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_events_come_one_by_one(size: int) -> None:
    events = b'{"type":"ADDED","object":{}}\n{"type":"BOOKMARK","object":{"items":[1]}}\n'
    seen, out = through(events, size, str)
    assert [json.loads(text)["type"] for text in seen] == ["ADDED", "BOOKMARK"]
    assert out == events
    # Whoever reads lines still can when each is another one than before.
    _, changed = through(events, size, lambda text: text.replace("{", "{ "))
    assert [json.loads(line)["type"] for line in changed.decode().splitlines()] == ["ADDED", "BOOKMARK"]


def test_an_event_leaves_with_the_end_of_its_line() -> None:
    splitter = ObjectSplitter(session(), "secrets", lists=False)
    assert b"".join(run.data for run in splitter.runs(b'{"type":"ADDED"}\n')) == b'{"type":"ADDED"}\n'
    assert b"".join(run.data for run in splitter.runs(b'{"type":"DELETED"}')) == b'{"type":"DELETED"}'
    assert b"".join(run.data for run in splitter.runs(b"\n")) == b"\n"
    assert list(splitter.rest()) == []


def test_what_is_no_list_is_seen_whole() -> None:
    for document in (b'{"kind":"Status","details":{"items":[1]}}', b'{"items":[{"a":1}],"spec":{"secret":"x"}}'):
        assert len(through(document, 4, str)[0]) == 1
    assert through(b'{"kind":"SecretList","items":[]}', 4, str, lists=True)[0] == []
    assert through(b'{"kind":"Status"}', 4, str, lists=True)[0] == ['{"kind":"Status"}']


@pytest.mark.parametrize("broken", [b'{"a":', b"]", b'{"a"]', b"text", b'{"a":"b'])
def test_what_is_no_json_does_not_pass(broken: bytes) -> None:
    with pytest.raises(PeerError):
        through(broken, 2, str)


def masked(document: Any, resource: str) -> Any:
    return json.loads(MASK.edit(json.dumps(document), resource))


def test_secrets_stay_secrets() -> None:
    applied = {"kind": "Secret", "metadata": {"name": "a"}, "stringData": {"p": "hunter2"}, "data": {"q": b64("x")}}
    secret = {
        "metadata": {"name": "a", "resourceVersion": "7", "annotations": {APPLIED: json.dumps(applied) + "\n"}},
        "data": {"p": b64("hunter2"), "empty": "", "binary": "gICA"},
        "type": "Opaque",
    }
    found = masked(secret, "secrets")
    assert found["data"] == {"p": b64("[masked]"), "empty": "", "binary": b64("[masked]")}
    kept = json.loads(found["metadata"]["annotations"][APPLIED])
    assert (kept["stringData"], kept["data"]) == ({"p": "[masked]"}, {"q": b64("[masked]")})
    assert found["metadata"]["annotations"][APPLIED].endswith("\n")
    assert (found["metadata"]["name"], found["metadata"]["resourceVersion"], found["type"]) == ("a", "7", "Opaque")
    # The kind counts wherever the object is: in an event, in a row of a Table, among others.
    whole = {"kind": "Secret", **secret}
    assert masked({"type": "ADDED", "object": whole}, "")["object"]["data"]["p"] == b64("[masked]")
    assert masked({"cells": ["a", "Opaque", 1], "object": whole}, "")["object"]["data"]["p"] == b64("[masked]")
    assert masked({"kind": "List", "items": [whole]}, "")["items"][0]["data"]["p"] == b64("[masked]")


def test_what_identifies_an_object_is_never_changed() -> None:
    metadata = {
        "name": "bob@example.com",
        "uid": "4111111111111111",
        "resourceVersion": "4111111111111111",
        "labels": {"owner": "bob@example.com"},
        "managedFields": [{"manager": "bob@example.com"}],
    }
    status = {"podIP": "10.0.0.7", "message": "bob@example.com at 10.0.0.7"}
    found = masked({"kind": "Pod", "metadata": metadata, "status": status}, "pods")
    assert found["metadata"] == metadata
    assert found["status"] == {"podIP": "10.0.0.7", "message": "[email] at 10.0.0.7"}


def test_variables_by_their_names() -> None:
    variables = [{"name": "DB_PASSWORD", "value": "x"}, {"name": "LEVEL", "value": "debug"}]
    found = masked({"spec": {"template": {"spec": {"containers": [{"env": variables}]}}}}, "deployments")
    values = [one["value"] for one in found["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert values == ["[masked]", "debug"]


# As kube-apiserver 1.20 says it.
QUOTES = [
    'Job.batch "j" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{'
    'core.EnvVar{Name:"A", Value:"hunter2"}}}: field is immutable',
    'Pod "box" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.tolerations`\n'
    '  core.PodSpec{\n- \tValue:     "x",\n+ \tValue:     "hunter2",\n  }\n',
    'Pod "box" is invalid: spec: Forbidden: pod updates may not\nobject.Value:\n  a: "x"\n  b: "hunter2"',
    '"" is invalid: patch: Invalid value: "{\\"data\\":{\\"p\\":\\"hunter2\\"}}": v1.Secret.Immutable: expect t'
    ' or f, but found ", error found in #10 byte of ...|utable":"x","kind":|..., bigger context ...|:"hunter2"|...',
    'v1.Secret.Data: error found in #10 byte of ...|a":{"p":"hunter2|..., bigger context ...|:"hunter2",x|...',
    'found #10 byte of ...|"a":{}|..., bigger context ...|"a":{}},"p":"hunter2","m":{"n":"x|...',
    'something with {"p":"hunter2',
]


@pytest.mark.parametrize("message", QUOTES)
def test_errors_quote_nothing_that_is_hidden(message: str) -> None:
    details = {"name": "j", "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec"}]}
    status = {"kind": "Status", "apiVersion": "v1", "message": message, "reason": "Invalid", "details": details}
    for document in (status, {"type": "ERROR", "object": status}):
        shown = json.dumps(masked(document, "secrets"))
        assert "hunter2" not in shown
        assert message.partition("{")[0].partition("\n")[0].partition("...|")[0].replace('"', '\\"') in shown


@pytest.mark.parametrize(
    "message",
    [
        'configmaps "x" not found',
        'Apply failed with 2 conflicts: conflicts with "bob" using v1:\n- .spec.replicas\n- .data.k',
        'Pod "BAD" is invalid: metadata.name: Invalid value: "BAD": a lowercase RFC 1123 subdomain',
    ],
)
def test_other_errors_stay_as_they_are(message: str) -> None:
    status = {"kind": "Status", "message": message, "details": {"name": "bob@example.com"}}
    assert masked(status, "pods") == status


def test_helm_gets_back_what_it_has_stored() -> None:
    metadata = {"name": "sh.helm.release.v1.r.v1", "labels": {"owner": "helm"}}
    release = {"metadata": metadata, "type": "helm.sh/release.v1", "data": {"release": b64("x" * 40)}}
    assert masked(release, "secrets") == release
    asked = KubeMask(ENTITIES, redacted, kube_fields(["default", "releases[helm]"]), lambda text: "[masked]")
    assert json.loads(asked.edit(json.dumps(release), "secrets"))["data"] == {"release": b64("[masked]")}
    for other in ({"type": "Opaque"}, {"metadata": {"name": "r", "labels": {"owner": "helm"}}}):
        assert masked({**release, **other}, "secrets")["data"] == {"release": b64("[masked]")}
    more = {**release, "data": {"release": b64("x"), "password": b64("y")}}
    assert masked(more, "secrets")["data"]["password"] == b64("[masked]")


def test_what_has_nothing_to_hide_is_as_it_was() -> None:
    text = '{"kind": "Pod",  "spec": {"a": 1.50, "b": "\\u00e9"}}'
    assert MASK.edit(text, "pods") is text


def test_a_mask_is_never_stored() -> None:
    who = session(protocol="kubernetes")
    secret = json.dumps({"kind": "Secret", "metadata": {"name": "a"}, "data": {"p": b64("hunter2")}}).encode()
    _, shown = through(secret, 10, lambda text: MASK.edit(text, "secrets"), who=who)
    path = "/api/v1/namespaces/n/secrets/a"

    def stores(method: str, body: str, path: str = path) -> bool:
        error = PROTOCOL.objection(ADAPTER.command(who, f"{method} {path}\n\n{body}"))
        assert error is None or "holds a mask" in error.reason
        return error is None

    assert not stores("PUT", shown.decode())
    assert not stores("PATCH", json.dumps({"data": {"p": b64("[masked]")}}))
    assert not stores("PATCH", json.dumps([{"op": "add", "path": "/data/p", "value": b64("[masked]")}]))
    assert not stores("PATCH", json.dumps([{"op": "add", "path": "/data", "value": {"p": b64("x [masked]")}}]))
    assert not stores("PATCH", json.dumps({"metadata": {"annotations": {APPLIED: '{"data":{"q":"[masked]"}}'}}}))
    assert stores("PATCH", json.dumps({"metadata": {"labels": {"a": "b"}}}))
    assert stores("PATCH", json.dumps({"data": {"p": b64("other")}}))
    # A text that only looks like one, where nothing was hidden.
    config = "/api/v1/namespaces/n/configmaps/a"
    assert stores("PATCH", json.dumps({"data": {"template": "write to [email] soon"}}), config)


def test_a_mask_is_known_to_others_and_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "masked"
    before, after, other = MaskedFields(), MaskedFields(), MaskedFields()
    before.keep_in(file)
    for _ in range(2):
        before.note("configmaps", "data.owner")
    before.note("pods", "spec.nodeSelector")
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, 16)
    after.keep_in(file)
    for fields in (before, after):
        assert ("configmaps", "data.owner") in fields
        assert ("pods", "spec.nodeSelector") in fields
        assert ("secrets", "data.owner") not in fields
    assert ("configmaps", "data.owner") not in other
    body = json.dumps({"data": {"known-to-all": "to bob@example.com"}}).encode()
    path = "/api/v1/namespaces/n/secrets/a"
    shows, stores = session("ann", protocol="kubernetes"), session("bob", protocol="kubernetes")
    through(body, 100, lambda text: MASK.edit(text, "configmaps"), who=shows)
    patch = ADAPTER.command(stores, f'PATCH {path}\n\n{{"data":{{"known-to-all":"to [email]"}}}}')
    assert "data.known-to-all holds a mask" in str(PROTOCOL.objection(patch))


def test_where_too_much_was_masked_every_mask_is_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopaddon.adapters.kubernetes.masked.MOST_FIELDS", 2)
    fields = MaskedFields()
    fields.note("pods", "a")
    assert ("pods", "b") not in fields
    fields.note("pods", "c")
    assert ("pods", "b") in fields
