"""Every example for MCP does what its docstring says, tried with the kit that users get."""

from pathlib import Path
from types import ModuleType

import pytest

from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.testing import held, judge, load, session

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    return load(EXAMPLES / f"{name}.py")


# -- tools_read_only


@pytest.mark.parametrize(
    ("server", "read_only", "is_held"),
    [
        ("server-filesystem", True, False),
        ("server-filesystem", False, True),
        ("server-filesystem", None, True),
        ("another", True, True),
    ],
)
def test_tools_read_only(server: str, read_only: bool | None, is_held: bool) -> None:
    who = session(protocol="mcp", target=server)
    hints = {} if read_only is None else {"read_only": read_only}
    call = McpToolCall(who, "read_file", {"path": "/srv/a"}, annotations=hints, listed=True)
    request = held(example("tools_read_only"), call)
    assert (request is not None) is is_held
    if request is not None:
        assert request.reason == f"read_file of {server} may change something"
    unseen = McpToolCall(who, "read_file", {}, annotations=hints)
    assert judge(example("tools_read_only"), unseen).reason == "ask for the list of tools first"


# -- quiet_servers


@pytest.mark.parametrize(
    ("method", "params", "to_client", "passes"),
    [
        ("sampling/createMessage", {"messages": []}, True, False),
        ("elicitation/create", {"message": "?"}, True, False),
        ("roots/list", {}, True, True),
        ("resources/read", {"uri": "docs://a"}, False, True),
        ("resources/read", {"uri": "FILE:///etc/passwd"}, False, False),
        ("resources/subscribe", {"uri": "file:///a"}, False, False),
        ("resources/list", {}, False, True),
        ("prompts/get", {"name": "x"}, False, True),
    ],
)
def test_quiet_servers(method: str, params: dict[str, object], to_client: bool, passes: bool) -> None:
    asked = McpRequest(session(protocol="mcp"), method, params, to_client=to_client)
    assert judge(example("quiet_servers"), asked).passes is passes
