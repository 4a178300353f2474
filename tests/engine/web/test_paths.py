"""Paths in all the ways in which servers read them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.web.paths import PathFacts, read_path

PLAIN = [
    "/",
    "/a",
    "/a/b",
    "/a/b/",
    "/a-b/c_d/e.f",
    "/users/42",
    "/x@y",
    "/.well-known/openid",
    "/a/b:action",
    "/a,b",
]


@pytest.mark.parametrize("path", PLAIN)
def test_a_plain_path_is_read_in_one_way(path: str) -> None:
    found = read_path(path)
    assert found.path == path
    assert found.readings == {path, path.rstrip("/") or "/"}
    assert found.segments == tuple(part for part in path.split("/") if part)


@pytest.mark.parametrize(
    ("sent", "path", "also"),
    [
        ("/a//b", "/a/b", "/a//b"),
        ("//a", "/a", "/a"),
        ("/a/./b", "/a/b", "/a/b"),
        ("/a/../b", "/b", "/a/../b"),
        ("/../../b", "/b", "/b"),
        ("/a/%2e%2e/b", "/b", "/a/%2e%2e/b"),
        ("/a/%2E./b", "/b", "/b"),
        ("/a/..;/b", "/a/..;/b", "/b"),
        ("/a/..;x=1/b", "/a/..;x=1/b", "/b"),
        ("/a;v=1/b", "/a;v=1/b", "/a/b"),
        ("/a%3Bv=1/b", "/a;v=1/b", "/a/b"),
        ("/a\\b", "/a\\b", "/a/b"),
        ("/a\\..\\b", "/a\\..\\b", "/b"),
        ("/a%2Fb", "/a%2Fb", "/a/b"),
        ("/a%5Cb", "/a\\b", "/a/b"),
        ("/%61dmin", "/admin", "/admin"),
        ("/%2561dmin", "/%61dmin", "/admin"),
        ("/%252e%252e/b", "/%2e%2e/b", "/b"),
        ("/a.", "/a.", "/a"),
        ("/a%20", "/a ", "/a"),
        ("/a/.", "/a/", "/a"),
        ("/a/b/..", "/a/", "/a"),
        ("/100%25", "/100%", "/100%25"),
        ("/caf%C3%A9", "/café", "/caf%C3%A9"),
        ("/users.json", "/users.json", "/users"),
        ("/%75sers.xml/", "/users.xml/", "/users"),
        ("/.json", "/.json", "/.json"),
        ("*", "*", "*"),
    ],
)
def test_readings(sent: str, path: str, also: str) -> None:
    found = read_path(sent)
    assert found.path == path
    assert {sent, path, also} <= found.readings


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/a%00", "control"),
        ("/a%0d%0aX: y", "control"),
        ("/a%2500", "control"),
        ("/a%", "begins no escape"),
        ("/a%zz", "begins no escape"),
        ("/a%u002e", "begins no escape"),
        ("/%c0%ae%c0%ae/b", "UTF-8"),
        ("/a%e9", "UTF-8"),
        ("/a\udce9", "UTF-8"),
        ("/a#b", "fragment"),
        ("/a/..%2fb", "dot segments"),
        ("/a/%2e%2e%2fb", "dot segments"),
        ("/a/..%5cb", "dot segments"),
        ("/a/..%252fb", "dot segments"),
        ("/a%2f..", "dot segments"),
        ("/a/..;%2fb", "dot segments"),
        ("/%2525252561", "over and over"),
        ("a", "no slash"),
        ("/" + "a" * 20_000, "more than"),
        ("/a" * 201, "more than"),
    ],
)
def test_what_is_past_all_readings_is_refused(path: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        read_path(path)


@pytest.mark.parametrize("path", ["/a%00", "/a%zz", "/a/..%2fb", "/a%e9"])
def test_odd_paths_may_be_allowed(path: str) -> None:
    assert path in read_path(path, odd=True).readings


@settings(deadline=None)
@given(st.text(st.sampled_from("/.%25eEfF2;\\aA \x00é+c0"), max_size=24))
def test_any_path_is_read_or_refused(text: str) -> None:
    try:
        found = read_path("/" + text)
    except Unparsable:
        return
    assert "/" + text in found.readings
    assert ".." not in found.segments
    assert all(path.startswith("/") for path in found.readings)
    assert found.path in found.readings


@settings(deadline=None)
@given(st.text(st.sampled_from("/.%25eEfF2;\\aA \x00é+c0"), max_size=24))
def test_odd_paths_are_read_without_end(text: str) -> None:
    found: PathFacts | Unparsable
    try:
        found = read_path("/" + text, odd=True)
    except Unparsable as e:
        found = e
    assert "over and over" in found.reason if isinstance(found, Unparsable) else "/" + text in found.readings
