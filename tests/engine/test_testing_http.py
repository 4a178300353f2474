"""The kit makes requests as the gateway makes them."""

import pytest

from hoopaddon import HttpCommand, Refused
from hoopaddon.testing import command, http_request, judge, session


class SmallRefunds:
    def http_request(self, command: HttpCommand) -> None:
        if any(amount > 100 for amount in command.values("amount")):
            raise Refused("too much")


def test_a_request() -> None:
    found = http_request("POST /v1/users/42?x=1", json={"a": 1}, headers={"X-Trace": "t"}, user="bob", groups=["dev"])
    assert isinstance(found, HttpCommand)
    assert found.text == 'POST /v1/users/42?x=1\n\n{"a": 1}'
    assert (found.route, found.query, found.body) == ("/v1/users/{id}", {"x": ("1",)}, {"a": 1})
    assert (found.headers.get("content-type"), found.headers.get("x-trace")) == ("application/json", "t")
    assert (found.session.user.subject, found.session.target.protocol) == ("bob", "http")


def test_bodies() -> None:
    assert http_request("POST /", "a=1").body == {"a": ("1",)}
    assert http_request("POST /", b"\x00\x01").body_kind == "binary"
    assert http_request("POST /", None).body_seen is False
    assert http_request("GET /").body_kind == ""


def test_it_is_judged() -> None:
    assert judge(SmallRefunds(), http_request("POST /refunds", json={"amount": 5})).passes
    assert not judge(SmallRefunds(), http_request("POST /refunds", json={"amount": 500})).passes
    assert not judge(SmallRefunds(), command('POST /refunds\n\n{"amount": 500}', protocol="http")).passes


def test_a_session_of_ones_own() -> None:
    who = session("ada", protocol="http", target="shop")
    assert http_request("GET /", session=who).session is who
    with pytest.raises(TypeError, match="belongs to the session"):
        http_request("GET /", session=who, user="bob")
