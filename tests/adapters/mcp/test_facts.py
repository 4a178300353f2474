"""What a call names, and what it holds: nothing of it is lost in a crowd."""

import pytest

from hoopaddon import ToolCommand, Unparsable
from hoopaddon.adapters.mcp.commands import McpToolCall
from hoopaddon.adapters.mcp.facts import objects_of
from hoopaddon.testing import command
from tests.adapters.mcp.talk import mcp_session


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        ({"path": "notes.txt"}, {"notes.txt"}),
        ({"x": "/srv/../etc/passwd"}, {"/srv/../etc/passwd", "/etc/passwd"}),
        ({"x": "//etc//passwd"}, {"//etc//passwd", "/etc/passwd"}),
        ({"x": "..\\..\\a"}, {"..\\..\\a", "../../a"}),
        ({"x": "C:\\Windows"}, {"C:\\Windows", "C:/Windows"}),
        ({"x": "~/.ssh/id"}, {"~/.ssh/id"}),
        ({"uri": "file:///etc/pass%77d"}, {"file:///etc/pass%77d", "/etc/passwd"}),
        ({"url": "https://user@Evil.example/x"}, {"https://user@Evil.example/x", "evil.example"}),
        ({"text": "see https://a.example/b."}, {"https://a.example/b.", "a.example"}),
        ({"a": {"b": [{"filePath": "x"}]}}, {"x"}),
        ({"files": {"/etc/hosts": "content"}}, {"/etc/hosts"}),
        ({"message": "and/or"}, set()),
        ({"n": 5, "t": True, "z": None}, set()),
    ],
)
def test_what_is_named(value: dict[str, object], objects: set[str]) -> None:
    assert objects_of(value) == objects


def test_a_long_way_round_leads_to_the_same_place() -> None:
    assert objects_of({"path": "/" * 5000 + "etc/./" + "x/../" * 5000 + "passwd"}) == {"/etc/passwd"}


def test_a_crowd_hides_nothing() -> None:
    with pytest.raises(Unparsable, match="more than"):
        objects_of({"paths": [f"/tmp/{n}" for n in range(20_000)]})
    crowd = McpToolCall(mcp_session(), "execute_sql", {"statements": ["SELECT 1"] * 2000})
    with pytest.raises(Unparsable, match="more than"):
        _ = crowd.within


def test_comments_cost_no_more_than_they_are_long() -> None:
    text = "/**/" * 20_000 + "nothing"
    assert McpToolCall(mcp_session(), "query", {"query": text}).within == ()


def test_what_is_within_is_numbered_by_nobody() -> None:
    who = mcp_session()
    call = McpToolCall(who, "run", {"command": "ls", "args": ["-l", "a b"]})
    assert [inner.text for inner in call.within] == ["ls -l 'a b'"]
    assert who.commands == 1


def test_texts_show_what_hides() -> None:
    call = McpToolCall(mcp_session(), "a", {"x": "b\u202ec\u200b\U000e0041"})
    assert call.text == 'a {"x": "b\\u202ec\\u200b\\udb40\\udc41"}'
    again = command(call.text, protocol="mcp")
    assert isinstance(again, ToolCommand)
    assert again.arguments == call.arguments


@pytest.mark.parametrize("name", ["read_file", "a b", 'x"y', "{", "größe", "a\u200bb", "tools/x"])
def test_a_name_is_read_back_from_its_text(name: str) -> None:
    call = McpToolCall(mcp_session(), name, {"a": 1})
    again = command(call.text, protocol="mcp")
    assert isinstance(again, ToolCommand)
    assert (again.tool, again.arguments) == (name, {"a": 1})
