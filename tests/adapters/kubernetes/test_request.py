"""What a URL asks for, against what the API server's own RequestInfo says of it."""

# ruff: noqa: E501 - a case is a line

import pytest

from hoopaddon import Unparsable
from hoopaddon.adapters.kubernetes.request.info import read_url
from hoopaddon.adapters.kubernetes.request.query import is_true, read_query, refuse_repeats
from hoopaddon.adapters.kubernetes.request.selectors import exact_name

# Method, URL, and then verb, group, version, namespace, resource, subresource, name: the cases of requestinfo_test.go.
URLS = [
    ("GET", "/api/v1/namespaces", "list", "", "v1", "", "namespaces", "", ""),
    ("GET", "/api/v1/namespaces/other", "get", "", "v1", "other", "namespaces", "", "other"),
    ("PUT", "/api/v1/namespaces/other/finalize", "update", "", "v1", "other", "namespaces", "finalize", "other"),
    ("GET", "/api/v1/namespaces/other/pods", "list", "", "v1", "other", "pods", "", ""),
    ("GET", "/api/v1/namespaces/other/pods/foo", "get", "", "v1", "other", "pods", "", "foo"),
    ("HEAD", "/api/v1/namespaces/other/pods/foo", "get", "", "v1", "other", "pods", "", "foo"),
    ("GET", "/api/v1/pods", "list", "", "v1", "", "pods", "", ""),
    ("HEAD", "/api/v1/pods", "list", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/pods?watch=true", "watch", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/pods?watch=1", "watch", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/pods?watch", "watch", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/pods?watch=0", "list", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/pods?watch=False", "list", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/watch/pods", "watch", "", "v1", "", "pods", "", ""),
    ("GET", "/api/v1/watch/namespaces/other/pods", "watch", "", "v1", "other", "pods", "", ""),
    ("GET", "/api/v1/namespaces/other/pods/foo?watch=true", "get", "", "v1", "other", "pods", "", "foo"),
    ("GET", "/api/v1/namespaces/other/pods?fieldSelector=metadata.name=foo", "list", "", "v1", "other", "pods", "", "foo"),
    ("GET", "/api/v1/namespaces/other/pods/foo/status", "get", "", "v1", "other", "pods", "status", "foo"),
    ("GET", "/api/v1/namespaces/other/pods/foo/log", "logs", "", "v1", "other", "pods", "log", "foo"),
    ("POST", "/api/v1/namespaces/other/pods/foo/exec", "exec", "", "v1", "other", "pods", "exec", "foo"),
    ("POST", "/api/v1/namespaces/other/pods", "create", "", "v1", "other", "pods", "", ""),
    ("PATCH", "/api/v1/namespaces/other/pods/foo", "patch", "", "v1", "other", "pods", "", "foo"),
    ("DELETE", "/api/v1/namespaces/other/pods/foo", "delete", "", "v1", "other", "pods", "", "foo"),
    ("DELETE", "/api/v1/namespaces/other/pods", "deletecollection", "", "v1", "other", "pods", "", ""),
    ("GET", "/apis/extensions/v1/namespaces/other/pods", "list", "extensions", "v1", "other", "pods", "", ""),
    ("GET", "/apis/a.b.c/v1beta1/namespaces/n/things/x/status", "get", "a.b.c", "v1beta1", "n", "things", "status", "x"),
    ("GET", "/api/v1/proxy/namespaces/other/pods/foo", "proxy", "", "v1", "other", "pods", "", "foo"),
    ("GET", "/api/v1/namespaces/other/services/https:w:1/proxy/a", "proxy", "", "v1", "other", "services", "proxy", "https:w:1"),
    ("OPTIONS", "/api/v1/namespaces/other/services/w/proxy/a", "proxy", "", "v1", "other", "services", "proxy", "w"),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", "get", "rbac.authorization.k8s.io", "v1", "", "clusterroles", "", "system:node"),
    ("GET", "/", "get", "", "", "", "", "", ""),
    ("GET", "/api", "get", "", "", "", "", "", ""),
    ("GET", "/api/v1", "get", "", "", "", "", "", ""),
    ("GET", "/apis/apps/v1", "get", "", "", "", "", "", ""),
    ("POST", "/foo/bar/baz/qux", "post", "", "", "", "", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("method", "url", "verb", "group", "version", "namespace", "resource", "sub", "name"), URLS)
def test_reads_urls_as_the_server_does(
    method: str, url: str, verb: str, group: str, version: str, namespace: str, resource: str, sub: str, name: str
) -> None:
    path, _, query = url.partition("?")
    info = read_url(method, path, read_query(query))
    assert (info.verb, info.group, info.version, info.namespace) == (verb, group, version, namespace)
    assert (info.resource, info.subresource, info.name) == (resource, sub, name)


@pytest.mark.parametrize(
    "path",
    [
        "api/v1/pods",
        "/api/v1//pods",
        "/api/v1/./pods",
        "/api/v1/namespaces/a/../b",
        "/api/v1/namespaces/a/pods/b%2Fexec",
        "/api/v1/namespaces/a/pods/b%252Fexec",
        "/api/v1/namespaces/a/pods/%2e%2e",
        "/api/v1/namespaces/a/pods/b%00",
        "/api/v1/namespaces/a/pods/%zz",
        "/api/v1/namespaces/a/pods/%c3",
        "/api/v1/namespaces/A/pods",
        "/api/v1/watch",
        "/healthz/../api",
        "/api/v1/nodes/a/proxy/..%2f..%2fx",
        "/api/v1/nodes/a/proxy/..\\x",
    ],
)
def test_refuses_what_could_be_read_in_two_ways(path: str) -> None:
    with pytest.raises(Unparsable):
        read_url("GET", path, {})


def test_queries() -> None:
    assert read_query("a=1&b=%2F+x&a=2&c") == {"a": ("1", "2"), "b": ("/ x",), "c": ("",)}
    for broken in ("a=1;b=2", "a=%z", "a=%ff"):
        with pytest.raises(Unparsable):
            read_query(broken)
    refuse_repeats(read_query("command=a&command=b&dryRun=All&dryRun=All"))
    with pytest.raises(Unparsable):
        refuse_repeats(read_query("limit=1&limit=2"))
    assert [is_true(read_query(text), "watch") for text in ("", "watch", "watch=0", "watch=FALSE", "watch=no")] == [
        False,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("", ""),
        ("metadata.name=web", "web"),
        ("metadata.name==web", "web"),
        ("metadata.name!=web", ""),
        ("status.phase=Running,metadata.name=web", "web"),
        ("a=b\\,metadata.name=web", ""),
        ("metadata.name=a/b", ""),
        ("metadata.name=..", ""),
        ("xmetadata.name=web", ""),
    ],
)
def test_a_selector_that_has_one_name(selector: str, name: str) -> None:
    assert exact_name(selector) == name
