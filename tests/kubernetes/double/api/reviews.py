"""Questions that are answered and not kept: who am I, may I, is this token good."""

import datetime as dt
import time
from typing import Any

from tests.kubernetes.double.api import negotiation
from tests.kubernetes.double.api.identity import Rules, Tokens, User
from tests.kubernetes.double.api.route import Route
from tests.kubernetes.double.api.verbs import Call

type Json = dict[str, Any]


def answer(call: Call, rules: Rules, tokens: Tokens) -> Json:
    """The review with its status."""
    body = negotiation.read(call.request)
    spec = body.get("spec") or {}
    match call.kind.name:
        case "SelfSubjectReview":
            status: Json = {"userInfo": call.user.json()}
        case "TokenReview":
            status = _token(spec, tokens)
        case "SelfSubjectRulesReview":
            status = _rules(spec, call.user, rules)
        case "SelfSubjectAccessReview":
            status = _access(spec, call.user, rules)
        case _:
            asked = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
            status = _access(spec, asked, rules)
    shown = {"kind": call.kind.name, "apiVersion": call.kind.api_version, "metadata": {"creationTimestamp": None}}
    return {**shown, "spec": spec, "status": status}


def _access(spec: Json, user: User, rules: Rules) -> Json:
    if path := spec.get("nonResourceAttributes"):
        route = Route(path.get("verb", ""), path.get("path", ""))
    else:
        asked = spec.get("resourceAttributes") or {}
        names = ("verb", "group", "version", "namespace", "resource", "name", "subresource")
        verb, group, version, namespace, plural, name, sub = (asked.get(one, "") for one in names)
        route = Route(verb, "", group, version, namespace, plural, name, sub)
    allowed = rules.allows(user, route)
    return {"allowed": allowed, "reason": "RBAC: allowed"} if allowed else {"allowed": False}


def _token(spec: Json, tokens: Tokens) -> Json:
    found = tokens.user(spec.get("token", ""))
    if found is None:
        return {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
    return {"authenticated": True, "user": found.json(), "audiences": ["https://kubernetes.default.svc"]}


def _rules(spec: Json, user: User, rules: Rules) -> Json:
    found = list(rules.of(user, spec.get("namespace", "")))
    if "system:masters" in user.groups:
        found.append({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
    return {
        "resourceRules": [rule for rule in found if rule.get("resources")],
        "nonResourceRules": [rule for rule in found if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def service_account_token(call: Call, tokens: Tokens) -> Json:
    """What the `token` subresource of a service account answers: a TokenRequest with its token."""
    account = call.cluster.get(call.kind, call.namespace, call.route.name)
    spec = negotiation.read(call.request).get("spec") or {}
    lifetime_s = spec.get("expirationSeconds") or 3600
    audiences = spec.get("audiences") or ["https://kubernetes.default.svc"]
    expires = dt.datetime.fromtimestamp(time.time() + lifetime_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {name: account["metadata"][name] for name in ("name", "namespace")},
        "spec": {"audiences": audiences, "expirationSeconds": lifetime_s, "boundObjectRef": None},
        "status": {"token": tokens.issue(account, lifetime_s, audiences), "expirationTimestamp": expires},
    }
