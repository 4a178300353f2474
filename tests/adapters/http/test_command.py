"""Requests as policies see them: text, rewrites, and what is sent then."""

import gzip
import json

import pytest

from hoopaddon import Command, HttpCommand, Unparsable
from hoopaddon.adapters.http.command import HttpRequest, unreadable
from hoopaddon.testing import session
from tests.adapters.http.requests import FORM, JSON, request, sent, unparsable


def test_the_text_is_the_line_and_the_body() -> None:
    assert sent("GET /a?b=c").text == "GET /a?b=c"
    assert sent("POST /v1/refunds?x=1", '{"amount": 5}', JSON).text == 'POST /v1/refunds?x=1\n\n{"amount": 5}'
    packed = sent("POST /a", gzip.compress(b'{"b": 1}'), JSON, {"Content-Encoding": "gzip"})
    assert packed.text == 'POST /a\n\n{"b": 1}'
    assert packed.parameters == ()


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"\x89PNG\r\n", "image/png"),
        (b"\x00\x01", ""),
        (b"a\x1b[31m", "text/plain"),
        (b"\0\0\0\0\2\x08\x01", "application/grpc"),
        (b"\xff", JSON),
    ],
)
def test_a_body_that_is_no_text_is_bound_by_its_hash(body: bytes, media: str) -> None:
    command = sent("POST /a", body, media)
    assert command.text == "POST /a"
    assert command.parameters[0].startswith("sha256:")
    assert command.parameters != sent("POST /a", body + b"x", media).parameters


def test_what_is_said_of_a_request() -> None:
    body = json.dumps({"Amount": 5, "to": [{"iban": "DE1"}]})
    command = sent("POST /v1/refunds/42/lines?amount=7&dry", body, JSON, {"X-Trace": "1"})
    assert isinstance(command, HttpCommand)
    assert (command.method, command.scheme, command.host) == ("POST", "https", "api.internal")
    assert command.path == "/v1/refunds/42/lines"
    assert command.paths == {command.path}
    assert command.route == "/v1/refunds/{id}/lines"
    assert command.query == {"amount": ("7",), "dry": ("",)}
    assert command.headers.get("x-trace") == "1"
    assert (command.body_seen, command.body_kind, command.body["Amount"]) == (True, "json", 5)
    assert sorted(command.values("amount"), key=str) == [5, "7"]
    assert command.values("iban") == ("DE1",)
    assert {"DE1", "7", "iban"} <= command.strings
    assert command.verbs == {"post"}
    assert command.objects == {command.path, command.route, "api.internal"}
    assert not command.operations
    assert not command.within
    assert Command.types["http_request"] is HttpRequest


def test_a_body_that_streams_is_not_seen() -> None:
    command = sent("PUT /a", None, "application/octet-stream")
    assert command.body_seen is False
    assert (command.body_kind, command.body, command.parameters) == ("", None, ())


def test_a_request_that_nobody_rewrites_is_sent_as_it_came() -> None:
    came = request("POST /a", gzip.compress(b"{}"), JSON, {"Content-Encoding": "gzip"})
    command = HttpRequest.of(session(protocol="http"), came)
    assert command.facts
    assert command.request is came


def test_a_line_that_is_rewritten_keeps_the_body_as_it_came() -> None:
    body = gzip.compress(b'{"b": 1}')
    command = sent("POST /a", body, JSON, {"Content-Encoding": "gzip", "Content-Length": str(len(body))})
    assert command.route == "/a"
    command.rewrite('PUT /c/1?d=e\n\n{"b": 1}')
    found = command.request
    assert (found.method, found.path, found.query, found.body) == ("PUT", "/c/1", "d=e", body)
    assert found.headers.get("content-encoding") == "gzip"
    assert (command.route, command.body) == ("/c/{id}", {"b": 1})
    assert command.verbs == {"put"}


def test_a_body_that_is_rewritten_goes_out_without_a_coding_and_with_its_length() -> None:
    fields = {"Content-Encoding": "gzip", "Content-Length": "3", "Content-MD5": "x", "Digest": "y", "X-Trace": "z"}
    command = sent("POST /a", gzip.compress(b'{"b": 1}'), JSON, fields)
    command.rewrite('POST /a\n\n{"b": "é"}')
    found = command.request
    assert found.body == '{"b": "é"}'.encode()
    assert dict(found.headers) == {"Content-Type": JSON, "X-Trace": "z", "content-length": "11"}
    assert command.body == {"b": "é"}
    command.rewrite("POST /a")
    assert command.request.body == b""
    assert command.body_kind == ""


def test_a_body_is_rewritten_in_its_charset() -> None:
    command = sent("POST /a", b"b=\xe9", "text/plain; charset=iso-8859-1")
    assert command.text == "POST /a\n\nb=é"
    command.rewrite("POST /a\n\nb=èé")
    assert command.request.body == b"b=\xe8\xe9"
    with pytest.raises(ValueError, match="encode"):
        command.rewrite("POST /a\n\n日本")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET",
        "GET a",
        "GET /a b",
        "GET /a\r\nX: y",
        "GET /a\nX: y",
        "GET  /a",
        "GE T /a",
        "GET /é",
        "GET http://other/a",
        "/a",
    ],
)
def test_what_is_no_request_cannot_be_sent(text: str) -> None:
    command = sent()
    with pytest.raises(ValueError, match="rewritten request"):
        command.rewrite(text)
    assert command.text == "GET /"


def test_bytes_cannot_be_rewritten() -> None:
    for command in (sent("PUT /a", b"\x00\x01"), sent("PUT /a", None)):
        command.rewrite("PUT /b")
        assert command.request.path == "/b"
        with pytest.raises(ValueError, match="cannot be rewritten"):
            command.rewrite("PUT /a\n\ntext")


def test_a_body_that_cannot_be_read_is_not_sent() -> None:
    command = sent("POST /a", b"no gzip", JSON, {"Content-Encoding": "gzip"})
    assert command.text == "POST /a"
    assert command.parameters[0].startswith("sha256:")
    assert "gzip" in unparsable(command)
    with pytest.raises(Unparsable):
        command.request  # noqa: B018
    assert (command.method, command.host, command.body_seen) == ("POST", "api.internal", True)
    assert "gzip" in unreadable(command)
    assert unreadable(sent("POST /a", '{"a": 1, "a": 2}')) == ""


def test_a_command_of_its_text_alone() -> None:
    command = HttpRequest(session(protocol="http"), 'POST /a?b=c\n\n{"d": 1}')
    assert (command.method, command.query, command.body) == ("POST", {"b": ("c",)}, {"d": 1})
    with pytest.raises(Unparsable, match="METHOD /PATH"):
        HttpRequest(session(protocol="http"), "DROP TABLE t")


def test_what_a_mode_allows() -> None:
    odd = request("GET /a/..%2fb")
    assert "dot segments" in unparsable(HttpRequest.of(session(protocol="http"), odd))
    allowed = HttpRequest.of(session(protocol="http"), odd, frozenset({"odd_paths"}))
    assert {"/a/..%2fb", "/b"} <= allowed.paths


def test_form_fields_and_nested_names() -> None:
    command = sent("POST /a", "refund[amount]=5&refund.amount=6&amount=7&x=%7B%22amount%22%3A8%7D", FORM)
    assert command.body_kind == "form"
    assert command.body["amount"] == ("7",)
    assert {str(value) for value in command.values("amount")} == {"5", "6", "7", "8"}


def test_limits() -> None:
    batch = [{"method": "GET", "url": f"/{n}"} for n in range(1_001)]
    assert "more than 1000 requests" in unparsable(sent("POST /$batch", json.dumps(batch), JSON))
    assert ("get", "/7") in sent("POST /$batch", json.dumps(batch[:1_000]), JSON).calls
    many = "&".join(f"_method={'a' * n}" for n in range(1, 20))
    assert "more than 16 methods" in unparsable(sent("POST /", many, FORM))
    assert "more than 8 queries" in unparsable(sent("GET /?" + "query={a}&" * 9))
    assert "more than 10000 names" in unparsable(sent("GET /?" + "&" * 10_000))
