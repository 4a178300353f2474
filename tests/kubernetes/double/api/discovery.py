"""What is served, told in both formats: one document a group, or everything at once."""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from tests.kubernetes.double.objects.kinds import Kind, Kinds, Subresource

type Json = dict[str, Any]

VERSION = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.0",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-08-01T00:00:00Z",
    "goVersion": "go1.27.0",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


def api_versions(address: str) -> Json:
    """/api."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group(name: str, versions: list[str]) -> Json:
    """One group, as /apis lists it."""
    known = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": known, "preferredVersion": known[0]}


def group_list(kinds: Kinds) -> Json:
    """/apis."""
    groups = [group(name, versions) for name, versions in kinds.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def resource_list(kinds: Kinds, group_name: str, version: str) -> Json | None:
    """/api/v1 or /apis/GROUP/VERSION; None if there is no such version."""
    served = [kind for kind in kinds if (kind.group, kind.version) == (group_name, version)]
    if not served:
        return None
    resources = [line for kind in served for line in _lines(kind)]
    version_named = f"{group_name}/{version}" if group_name else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version_named,
        "resources": sorted(resources, key=lambda line: line["name"]),
    }


def _lines(kind: Kind) -> Iterable[Json]:
    line: Json = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
    }
    if kind.stored:
        line["storageVersionHash"] = _hash(kind)
    yield {key: value for key, value in line.items() if value not in ([],)}
    for sub in kind.subresources:
        yield {
            "name": f"{kind.plural}/{sub.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            **_foreign(sub),
            "kind": sub.kind or kind.name,
            "verbs": list(sub.verbs),
        }


def _foreign(sub: Subresource) -> Json:
    if not sub.group_version:
        return {}
    group_name, _, version = sub.group_version.rpartition("/")
    return {"group": group_name, "version": version}


def _hash(kind: Kind) -> str:
    digest = hashlib.sha256(f"{kind.group}/{kind.version}/{kind.name}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def aggregated(kinds: Kinds, *, core: bool, version: str) -> Json:
    """/api or /apis with everything in it, in `version` (v2 or v2beta1) of the format."""
    groups = {name: versions for name, versions in kinds.groups().items() if core is not bool(name)}
    found = [
        {
            "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
            "versions": [_version(kinds, name, one) for one in versions],
        }
        for name, versions in groups.items()
    ]
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": found}


def _version(kinds: Kinds, group_name: str, version: str) -> Json:
    served = [kind for kind in kinds if (kind.group, kind.version) == (group_name, version)]
    resources = [_resource(kind) for kind in sorted(served, key=lambda kind: kind.plural)]
    return {"version": version, "freshness": "Current", "resources": resources}


def _resource(kind: Kind) -> Json:
    line: Json = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind.group, kind.version, kind.name),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short),
        "categories": list(kind.categories),
        "subresources": [_subresource(kind, sub) for sub in kind.subresources],
    }
    return {key: value for key, value in line.items() if value not in ([],)}


def _subresource(kind: Kind, sub: Subresource) -> Json:
    group_name, _, version = (sub.group_version or kind.api_version).rpartition("/")
    response = _response_kind(group_name, version, sub.kind or kind.name)
    return {"subresource": sub.name, "responseKind": response, "verbs": list(sub.verbs)}


def _response_kind(group_name: str, version: str, name: str) -> Json:
    return {"group": group_name, "version": version, "kind": name}


def etag(document: Json) -> str:
    """The document's tag: a client that has it gets 304."""
    return f'"{hashlib.sha512(json.dumps(document, sort_keys=True).encode()).hexdigest().upper()}"'


def roots(kinds: Kinds) -> Json:
    """/: every path that there is."""
    groups = [(name, version) for name, versions in kinds.groups().items() if name for version in versions]
    listed = ["/api", "/api/v1", "/apis", *(f"/apis/{name}" for name, _ in groups)]
    listed += [f"/apis/{name}/{version}" for name, version in groups]
    return {"paths": sorted({*listed, "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"})}
