"""Requests as policies see them, refused as the API server refuses, and rewritten."""

import json
from typing import Any

import pytest

from hoopaddon import Unparsable
from hoopaddon.adapters.kubernetes import ADAPTER
from hoopaddon.adapters.kubernetes.command import KubeRequest, request_of
from hoopaddon.adapters.kubernetes.negotiation import accepted, as_sent
from hoopaddon.adapters.kubernetes.protocol import KubeProtocol
from hoopaddon.adapters.kubernetes.status import error_event, refusal
from hoopaddon.session import Session, Target
from hoopaddon.testing import session
from hoopaddon.web.request import Headers, WebRequest

PODS = "/api/v1/namespaces/shop/pods"


def request(text: str) -> KubeRequest:
    return ADAPTER.command(session(protocol="kubernetes"), text)


def test_what_is_done_to_what() -> None:
    found = request(f"GET {PODS}/web/exec?command=sh&command=-c&command=ls+/srv&container=main&stdin=true")
    assert found.verbs == {"exec"}
    assert found.objects == {"pods", "shop/pods", "pods/web", "shop/pods/web"}
    assert found.argv == ("sh", "-c", "ls /srv")
    assert [program.name for program in found.programs] == ["sh", "ls"]
    assert found.container == "main"
    assert found.options == {"stdin": "true"}
    assert request(f"POST {PODS}/web/eviction\n\n{{}}").verbs == {"create", "delete"}
    assert request("DELETE /apis/apps/v1/deployments").objects == {"deployments", "deployments.apps"}
    assert request("GET /version").objects == {"/version"}
    assert "services/web" in request("GET /api/v1/namespaces/a/services/https:web:1/proxy/x").objects
    assert request(f"PATCH {PODS}/x?force=true&fieldManager=m\n\nkind: Pod\n").verbs == {"patch", "create"}


def test_who_is_impersonated() -> None:
    found = request(f"GET {PODS}\nImpersonate-User: eve\nImpersonate-Group: dev\nImpersonate-Extra-scopes: view")
    assert found.verbs == {"list", "impersonate"}
    assert {"users/eve", "groups/dev", "extra/scopes"} <= found.objects


@pytest.mark.parametrize(
    ("text", "dry"),
    [
        (f"POST {PODS}?dryRun=All\n\n{{}}", True),
        (f"POST {PODS}\n\n{{}}", False),
        (f"POST {PODS}?dryRun=\n\n{{}}", None),
        (f"DELETE {PODS}/x?dryRun=All", True),
        (f"DELETE {PODS}/x?dryRun=All\n\n{{}}", False),
        (f'DELETE {PODS}/x\n\n{{"dryRun":["All"]}}', True),
        (f'DELETE {PODS}?dryRun=All\n\n{{"dryRun":["All"]}}', True),
        (f"POST {PODS}/x/exec?dryRun=All&command=ls", False),
        (f'POST {PODS}/x/eviction\n\n{{"deleteOptions":{{"dryRun":["All"]}}}}', True),
        (f"POST {PODS}/x/eviction?dryRun=All\n\n{{}}", True),
        ("POST /api/v1/namespaces/a/serviceaccounts/b/token?dryRun=All\n\n{}", False),
        (f"GET {PODS}?dryRun=All", False),
    ],
)
def test_dry_runs_are_those_of_the_server(text: str, dry: bool | None) -> None:
    if dry is None:
        with pytest.raises(Unparsable):
            _ = request(text).dry_run
    else:
        assert request(text).dry_run is dry


def test_a_body_is_for_reading() -> None:
    found = request(f'POST {PODS}\n\n{{"kind":"Pod","metadata":{{"name":"x"}},"spec":{{"a":[1]}}}}')
    assert (found.kind, found.name, found.body["spec"]["a"]) == ("Pod", "x", (1,))
    with pytest.raises(TypeError):
        found.body["kind"] = "Job"


def test_what_is_rewritten_is_what_is_judged_and_sent() -> None:
    found = request(f'POST {PODS}\n\n{{"kind":"Pod","metadata":{{"name":"x"}}}}')
    found.rewrite(f'POST {PODS}?dryRun=All\n\n{{"kind":"Pod","metadata":{{"name":"y"}}}}')
    assert (found.name, found.dry_run) == ("y", True)
    sent = request_of(found)
    assert (sent.query, json.loads(sent.body or b"")["metadata"]) == ("dryRun=All", {"name": "y"})
    found.rewrite("nonsense")
    with pytest.raises(Unparsable):
        _ = found.facts


def test_bytes_stand_for_themselves_in_an_approval() -> None:
    body = b"k8s\0\x0a\x00"
    headers = Headers((("content-type", "application/vnd.kubernetes.protobuf"),))
    found = KubeRequest(session(), WebRequest("POST", "https", "k", 443, PODS, "", headers, body))
    assert found.text == f"POST {PODS}"
    assert [str(parameter)[:7] for parameter in found.parameters] == ["sha256:"]


def test_a_target_whose_api_is_not_at_the_root() -> None:
    target = Target("c", "kubernetes", "https://rancher.example/k8s/clusters/c-1")
    behind = Session(session().user, target)

    def at(path: str) -> KubeRequest:
        return KubeRequest(behind, WebRequest("GET", "https", "rancher.example", 443, path))

    assert at("/k8s/clusters/c-1/api/v1/secrets").resource == "secrets"
    for beside in ("/api/v1/secrets", "/k8s/clusters/c-2/api/v1/secrets", "/k8s/clusters/c-1/../c-2/api/v1/pods"):
        with pytest.raises(Unparsable):
            _ = at(beside).facts


def test_impersonation_is_for_the_mode_to_allow() -> None:
    protocol, who = KubeProtocol(), session(protocol="kubernetes")
    as_eve = WebRequest("GET", "https", "k", 443, PODS, "", Headers((("Impersonate-User", "eve"),)))
    assert "allow=impersonate" in str(protocol.objection(protocol.command(who, as_eve)))
    protocol.allow_impersonation(who.target.name, who.target.address, True)
    assert protocol.objection(protocol.command(who, as_eve)) is None
    protocol.allow_impersonation(who.target.name, who.target.address, False)
    assert protocol.objection(protocol.command(who, as_eve)) is not None


# -- what is sent, and what is answered


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/vnd.kubernetes.protobuf, application/json", "application/json"),
        ("application/json;as=Table,application/json", "application/json;as=Table,application/json"),
        ("application/cbor;as=Table;v=v1, application/cbor", "application/json;as=Table;v=v1,application/json"),
        ("application/yaml", "application/json"),
        ("text/html", "application/json"),
    ],
)  # fmt: skip
def test_objects_are_asked_for_in_json(asked: str, sent: str) -> None:
    assert accepted(asked) == sent


def test_fields_that_are_for_a_front_proxy_go() -> None:
    headers = Headers(
        (
            ("X-Remote-User", "admin"),
            ("x-remote-extra-a", "b"),
            ("Sec-WebSocket-Protocol", "v5.channel.k8s.io, base64.channel.k8s.io"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        )
    )
    assert list(as_sent(headers, runs=True)) == [("Sec-WebSocket-Protocol", "v5.channel.k8s.io")]


def status(method: str, path: str, code: int, reason: str, policy: str) -> Any:
    answer = refusal(WebRequest(method, "https", "k", 443, path), code, reason, policy)
    assert (answer.status, answer.media_type) == (code, "application/json")
    return json.loads(answer.body)


def test_refusals_are_status_objects() -> None:
    assert status("DELETE", "/apis/apps/v1/namespaces/a/deployments/web", 403, "no", "mine.py") == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'deployments.apps "web" is forbidden: no (refused by mine.py)',
        "reason": "Forbidden",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 403,
    }
    assert status("GET", "/api/v1/../x", 403, "no", "")["message"] == "no (refused by the gateway)"
    assert status("POST", PODS, 413, "large", "")["reason"] == "RequestEntityTooLarge"
    event = json.loads(error_event(403, "no", "mine.py"))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 403)


@pytest.mark.parametrize("path", [f"{PODS}?watch=1", f"{PODS}/web/log?follow=1", f"{PODS}/web"])
def test_what_comes_in_messages_of_a_websocket_is_refused(path: str) -> None:
    upgraded = WebRequest("GET", "https", "k", 443, *path.partition("?")[::2], Headers((("Upgrade", "WebSocket"),)))
    error = KubeProtocol().objection(KubeProtocol().command(session(protocol="kubernetes"), upgraded))
    assert "over a WebSocket" in str(error)
