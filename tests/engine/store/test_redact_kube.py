"""Requests to the Kubernetes API as they are kept: without what Secrets hold."""

import base64
import json

import pytest

from hoopaddon.store.redact_kube import redact_kubernetes, redact_object

SECRETS = "/api/v1/namespaces/shop/secrets"
SECRET = "hunter2"
CODED = base64.b64encode(SECRET.encode()).decode()
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize(
    "text",
    [
        f'POST {SECRETS}\n\n{{"kind":"Secret","stringData":{{"host":"{SECRET}"}}}}',
        f'POST {SECRETS}?fieldManager=x\n\n{{"data":{{"host":"{CODED}"}}}}',
        f'PATCH {SECRETS}/db\n\n{{"data":{{"host":"{CODED}"}}}}',
        f'PATCH {SECRETS}/db\n\n[{{"op":"add","path":"/data/host","value":"{CODED}"}}]',
        f'PATCH {SECRETS}/db\n\n[{{"op":"replace","path":"","value":{{"data":{{"host":"{CODED}"}}}}}}]',
        f"PATCH {SECRETS}/db\n\nkind: Secret\nstringData:\n  host: {SECRET}\n",
        f"POST /apis/x.io/v1/things\n\nitems:\n- kind: 'Secret'\n  stringData: {{host: {SECRET}}}\n",
        f'POST /apis/x.io/v1/things\n\n{{"kind":"List","items":[{{"kind":"Secret","data":{{"a":"{CODED}"}}}}]}}',
        f'POST /api/v1/namespaces/a/pods\n\n{{"spec":{{"env":[{{"name":"DB_PASSWORD","value":"{SECRET}"}}]}}}}',
        f"PATCH {SECRETS}/db\n\n"
        + json.dumps({"metadata": {"annotations": {APPLIED: json.dumps({"kind": "Secret", "data": {"a": CODED}})}}}),
    ],
)  # fmt: skip
def test_what_a_secret_holds_is_not_kept(text: str) -> None:
    found = redact_kubernetes(text)
    assert found.secret
    assert SECRET not in found.text
    assert CODED not in found.text
    assert found.text.startswith(text.partition("\n")[0].partition("?")[0])


def test_words_of_what_is_run() -> None:
    run = f"POST /api/v1/namespaces/a/pods/b/exec?command=mysql&command=--password={SECRET}&command=a+b&stdout=true"
    found = redact_kubernetes(run)
    assert found.secret
    assert found.text == (
        "POST /api/v1/namespaces/a/pods/b/exec?command=mysql&command=--password%3D[redacted]&command=a+b&stdout=true"
    )
    harmless = "POST /api/v1/namespaces/a/pods/b/exec?command=ls&command=-l&stdout=true"
    assert redact_kubernetes(harmless).text == harmless


@pytest.mark.parametrize(
    "text",
    [
        f"GET {SECRETS}/db",
        f'PATCH {SECRETS}/db\n\n[{{"op":"add","path":"/metadata/labels/a","value":"b"}}]',
        'POST /api/v1/namespaces/a/pods\n\n{"kind": "Pod",  "spec": {"containers": []}}',
        "PATCH /api/v1/namespaces/a/pods/x\n\nkind: Pod\nmetadata:\n  name: x\n",
        "DELETE /api/v1/namespaces/a/pods/x",
    ],
)
def test_everything_else_is_kept_as_it_is(text: str) -> None:
    found = redact_kubernetes(text)
    assert found.text == text
    assert not found.secret


@pytest.mark.parametrize(
    ("request_text", "document"),
    [
        (f"GET {SECRETS}/db", {"metadata": {"name": "db"}, "data": {"host": CODED}}),
        (f"GET {SECRETS}?watch=1", {"type": "ADDED", "object": {"kind": "Secret", "data": {"host": CODED}}}),
        (f"GET {SECRETS}", {"kind": "SecretList", "items": [{"data": {"host": CODED}}]}),
        ("GET /api/v1/pods", {"spec": {"containers": [{"env": [{"name": "DB_PASSWORD", "value": SECRET}]}]}}),
        ("POST /api/v1/namespaces/a/serviceaccounts/b/token", {"kind": "TokenRequest", "status": {"token": SECRET}}),
        (f"PATCH {SECRETS}/db", {"kind": "Status", "message": f'Invalid value: "{{\\"host\\":\\"{CODED}\\"}}"'}),
        ("", {"kind": "Secret", "data": {"host": CODED}}),
    ],
)
def test_what_comes_back_is_kept_without_it(request_text: str, document: object) -> None:
    kept = redact_object(json.dumps(document), request_text)
    assert SECRET not in kept
    assert CODED not in kept
    assert json.loads(kept)


def test_what_is_no_object_is_not_kept_where_it_may_hold_one() -> None:
    assert SECRET not in redact_object(f'{{"data": "{SECRET}', f"GET {SECRETS}")
    plain = '{"kind": "Pod", "spec": {}}'
    assert redact_object(plain, "GET /api/v1/pods") is plain
