"""Levels and scopes of Kubernetes' requests and of MCP's calls."""

import pytest

from hoopaddon import Command, Unparsable
from hoopaddon.access.level import Level, level_of
from hoopaddon.access.scope import read_scope
from hoopaddon.testing import command


def kube(text: str) -> Command:
    return command(text, protocol="kubernetes")


def mcp(text: str) -> Command:
    return command(text, protocol="mcp")


KUBE = [
    (Level.READ, "GET /api/v1/namespaces/shop/pods"),
    (Level.READ, "GET /api/v1/namespaces/shop/pods/web/log"),
    (Level.READ, "GET /version"),
    (Level.WRITE, "GET /api/v1/namespaces/shop/secrets/db"),
    (Level.WRITE, "DELETE /api/v1/namespaces/shop/pods/web"),
    (Level.WRITE, "POST /api/v1/namespaces/shop/pods/web/exec?command=ls"),
    (Level.ADMIN, "GET /api/v1/namespaces/shop/pods/web/attach"),
    (Level.ADMIN, "DELETE /apis/rbac.authorization.k8s.io/v1/clusterroles/x"),
    (Level.ADMIN, "DELETE /api/v1/nodes/n1"),
    (Level.ADMIN, "DELETE /api/v1/namespaces/shop"),
]


@pytest.mark.parametrize(("level", "text"), KUBE)
def test_levels_of_kubernetes(level: Level, text: str) -> None:
    assert level_of(kube(text)) is level


def test_namespaces_and_names() -> None:
    allowed = read_scope(["get,list,delete:shop/pods*"])
    for text in ("GET /api/v1/namespaces/shop/pods", "DELETE /api/v1/namespaces/shop/pods/web"):
        assert allowed.permits(kube(text)), text
    for text in (
        "GET /api/v1/namespaces/other/pods",
        "GET /api/v1/pods",
        "GET /api/v1/namespaces/shop/secrets",
        "POST /api/v1/namespaces/shop/pods/web/exec?command=ls",
        "GET /api/v1/namespaces/shop/../other/pods",
        "GET /api/v1/namespaces/shop%2f..%2fother/pods",
        "DELETE /api/v1/namespaces/shop",
    ):
        try:
            permitted = allowed.permits(kube(text))
        except Unparsable:
            continue
        assert not permitted, text


def test_calls_of_tools() -> None:
    assert level_of(mcp('query {"sql": "SELECT 1"}')) is Level.WRITE
    assert level_of(mcp('query {"sql": "DROP TABLE orders"}')) is Level.ADMIN
    assert level_of(mcp('run_command {"command": "sudo reboot"}')) is Level.ADMIN
    allowed = read_scope(["read_file:/srv/*"])
    assert allowed.permits(mcp('read_file {"path": "/srv/a"}'))
    for text in (
        'read_file {"path": "/etc/passwd"}',
        'read_file {"path": "/srv/../etc/passwd"}',
        'read_file {"path": ["/srv/a", "/etc/passwd"]}',
        'read_file {"path": "file:///etc/passwd"}',
        'write_file {"path": "/srv/a"}',
    ):
        assert not allowed.permits(mcp(text)), text
