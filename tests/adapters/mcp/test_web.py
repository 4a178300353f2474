"""MCP over HTTP, scripted: requests as commands, and answers through the editor, whole and in pieces."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.adapters.mcp.conversation import Conversation
from hoopaddon.adapters.mcp.web.editor import MessagesEditor
from hoopaddon.adapters.mcp.web.events import Event, Events
from hoopaddon.adapters.mcp.web.places import Place
from hoopaddon.adapters.mcp.web.protocol import refusal, sent
from hoopaddon.adapters.mcp.web.requests import read_request
from hoopaddon.adapters.mcp.web.state import Carried, WebState
from hoopaddon.errors import HoopaddonError
from hoopaddon.web.request import Headers, WebRequest
from tests.adapters.mcp.talk import (
    MODERN_META,
    VERSION,
    Policies,
    initialize,
    mcp_session,
    note,
    request,
    result,
    texts,
    tool,
    welcome,
)
from tests.adapters.mcp.test_answers import MAIL, Mask

MCP = WebRequest("POST", "http", "mcp.internal", 80, "/mcp", headers=Headers((("content-type", "application/json"),)))


def post(message: object, headers: Mapping[str, str] | None = None, query: str = "") -> WebRequest:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    fields = {"content-type": "application/json", "mcp-protocol-version": VERSION, **(headers or {})}
    return replace(MCP, body=body, headers=Headers(tuple(fields.items())), query=query)


class Web:
    """One client's session at the gateway."""

    def __init__(self, *addons: object, binary: bool = False, sse: bool = False) -> None:
        self.session = mcp_session()
        self.policies = Policies(*addons)
        self.place = Place("/sse", names_another=True) if sse else Place("/mcp")
        self.state = WebState.of(self.session, None, binary=binary)
        self.failures: list[HoopaddonError] = []

    def read(self, request: WebRequest, *origins: str) -> tuple[McpToolCall | McpRequest, Carried]:
        return read_request(self.session, self.state, request, self.place, frozenset(origins))

    async def answered(self, carried: Carried, body: bytes, *, streams: bool = False, step: int = 0) -> bytes:
        """The body as the client gets it, fed in pieces of `step` bytes."""
        sent: list[bytes] = []
        editor = MessagesEditor(
            self.session,
            self.state,
            carried,
            self.policies,
            sent.append,
            self.failures.append,
            lambda _: None,
            streams=streams,
        )
        for at in range(0, len(body), step or len(body) or 1):
            editor.feed(body[at : at + (step or len(body))])
        editor.close()
        await editor.drained()
        return b"".join(sent)

    async def call(self, message: object, *answers: object, step: int = 0) -> list[dict[str, Any]]:
        """What the client hears on the stream that answers its message."""
        _, carried = self.read(post(message))
        return messages(await self.answered(carried, stream(*answers), streams=True, step=step))


def stream(*messages: object) -> bytes:
    return b"".join(Event([("id", str(n))], json.dumps(m)).write() for n, m in enumerate(messages))


def messages(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in Events(1 << 20).feed(body) if event.data]


CALL = request("tools/call", {"name": "a", "arguments": {"path": "/x"}})


# -- requests


def test_a_message_is_a_command() -> None:
    command, carried = Web().read(post(CALL))
    assert isinstance(command, McpToolCall)
    assert (command.tool, command.arguments) == ("a", {"path": "/x"})
    assert carried.objection == ""
    for message, method in (
        (request("resources/read", {"uri": "a://b"}), "resources/read"),
        (note("notifications/initialized"), "notifications/initialized"),
        (request("ping"), "ping"),
    ):
        found, carried = Web().read(post(message))
        assert isinstance(found, McpRequest)
        assert (found.method, carried.objection) == (method, "")


def test_streams_and_ends_are_commands_too() -> None:
    for method, text in (("GET", 'http/listen {"path": "/mcp"}'), ("DELETE", 'http/end {"path": "/mcp"}')):
        web, name = Web(), f"ended by {method}"
        named = Headers((("mcp-session-id", name),))
        _, carried = web.read(replace(MCP, method=method, headers=named))
        assert (carried.status, carried.objection) == (404, "there is no such session: begin another one")
        web.state.begun(name, Conversation())
        command, carried = web.read(replace(MCP, method=method, headers=named))
        assert isinstance(command, McpRequest)
        assert (command.text, carried.objection) == (text, "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (post(b"{"), "cannot be read"),
        (post(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"ping"}'), "twice"),
        (post([CALL]), "batches"),
        (replace(post(CALL), body=None), "too long"),
        (post(CALL, {"content-type": "text/plain"}), "application/json"),
        (post(CALL, {"content-type": "application/x-www-form-urlencoded"}), "application/json"),
        (post(CALL, {"content-encoding": "gzip"}), "plain"),
        (post(CALL, {"mcp-method": "ping"}), "another method"),
        (post(CALL, {"mcp-name": "harmless"}), "another name"),
        (post(CALL, {"mcp-name": "=?base64?!?="}), "another name"),
        (post(request("tasks/get", {})), "tasks/get"),
        (post(request("tools/call", {"arguments": {}})), "name"),
        (
            post(request("tools/list", {"_meta": {**MODERN_META}}), {"mcp-protocol-version": VERSION}),
            "another version",
        ),
        (post(result({}, "s")), "nobody waits"),
        (replace(MCP, method="PUT"), "no PUT"),
        (post(CALL, {"origin": "https://evil.example"}), "another site"),
        (post(CALL, {"origin": "http://127.0.0.1.evil.example"}), "another site"),
        (post(CALL, {"origin": "null"}), "another site"),
        (replace(MCP, method="GET", headers=Headers((("origin", "http://evil.example"),))), "another site"),
    ],
)
def test_what_cannot_be_understood_goes_no_further(wrong: WebRequest, said: str) -> None:
    _, carried = Web().read(wrong)
    assert said in carried.objection


@pytest.mark.parametrize(
    "right",
    [
        post(CALL, {"origin": "http://localhost:6274"}),
        post(CALL, {"origin": "http://[::1]:80"}),
        post(CALL, {"origin": "https://inspector.example"}),
        post(CALL, {"mcp-method": "tools/call", "mcp-name": "a"}),
        post(CALL, {"mcp-name": "=?base64?YQ==?="}),
        post(request("tools/list", {"_meta": MODERN_META}), {"mcp-protocol-version": "2026-07-28"}),
    ],
)
def test_what_is_right_goes_on(right: WebRequest) -> None:
    assert Web().read(right, "https://inspector.example")[1].objection == ""


def test_a_header_that_occurs_twice_is_refused() -> None:
    twice = Headers((*post(CALL).headers, ("Mcp-Name", "a"), ("mcp-name", "b")))
    assert "twice" in Web().read(replace(post(CALL), headers=twice))[1].objection


def test_refusals_are_answers_of_the_protocol() -> None:
    tool_error = refusal(post(CALL), 403, "not today", "p.py")
    assert tool_error.status == 200
    assert json.loads(tool_error.body)["result"]["isError"] is True
    error = refusal(post(request("prompts/get", {"name": "a"}, 7)), 403, "not today", "p.py")
    assert (error.status, json.loads(error.body)["error"]["code"], json.loads(error.body)["id"]) == (200, -32010, 7)
    assert refusal(post(b"{"), 403, "x", "").status == 400
    assert refusal(replace(MCP, method="GET"), 403, "x", "").status == 405
    assert refusal(post(note("notifications/initialized")), 403, "x", "").status == 403


# -- answers


@pytest.mark.parametrize("step", [0, 1, 7])
async def test_a_stream_is_edited_message_by_message(step: int) -> None:
    web = Web(Mask())
    progress = note("notifications/message", {"level": "info", "data": MAIL})
    heard = await web.call(CALL, progress, result(texts(MAIL)), step=step)
    assert heard == [
        note("notifications/message", {"level": "info", "data": "[email]"}),
        result(texts("[email]")),
    ]
    assert web.failures == []


async def test_a_document_is_edited_as_a_whole() -> None:
    web = Web(Mask())
    _, carried = web.read(post(CALL))
    body = await web.answered(carried, json.dumps(result(texts(MAIL))).encode(), step=5)
    assert json.loads(body) == result(texts("[email]"))


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"7", json.dumps(result({}, 2)).encode(), json.dumps([CALL]).encode()]
)
async def test_an_answer_that_is_none_is_withheld(body: bytes) -> None:
    web = Web()
    _, carried = web.read(post(CALL))
    assert await web.answered(carried, body) == b""
    assert len(web.failures) == 1


async def test_who_waits_for_an_event_that_cannot_be_read_is_told() -> None:
    web = Web()
    _, carried = web.read(post(CALL))
    body = b'data: {"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}\n\n'
    (heard,) = messages(await web.answered(carried, body, streams=True))
    assert heard["error"]["message"] == "the server's answer cannot be read"


async def test_only_the_answer_to_its_request_is_on_a_stream() -> None:
    web = Web()
    assert await web.call(CALL, result(texts("x"), 2), result(texts("x"), "1"), result(texts("mine"))) == [
        result(texts("mine"))
    ]


async def test_a_stream_that_is_resumed_brings_what_is_waited_for() -> None:
    web = Web(Mask())
    web.read(post(CALL))
    _, listening = web.read(replace(MCP, method="GET", headers=Headers((("last-event-id", "5"),))))
    heard = messages(await web.answered(listening, stream(result(texts(MAIL)), result(texts(MAIL))), streams=True))
    assert heard == [result(texts("[email]"))]


async def test_ids_and_retries_stay_on_the_stream() -> None:
    web = Web()
    _, carried = web.read(post(CALL))
    body = (
        b": hello\r\nid: 7\r\nretry: 500\r\ndata:\r\n\r\nevent: message\nid: 8\ndata: "
        + json.dumps(result(texts("a\nb"))).encode()
    )
    shown = await web.answered(carried, body + b"\n\nevent: other\ndata: secret\n\n", streams=True)
    assert shown.startswith(b":\nid: 7\nretry: 500\n\n")
    assert b"event: message\nid: 8\ndata: {" in shown
    assert b"secret" not in shown


async def test_tools_are_listed_and_known_over_http_too() -> None:
    web = Web()
    listed = await web.call(
        request("tools/list"), result({"tools": [tool("a", "x\u200by", annotations={"readOnlyHint": True})]})
    )
    assert listed[0]["result"]["tools"][0]["description"] == "xy"
    command, _ = web.read(post(CALL))
    assert isinstance(command, McpToolCall)
    assert command.annotations == {"read_only": True}


async def test_the_handshake_agrees_on_a_version() -> None:
    web = Web()
    assert await web.call(request("initialize", initialize()), result(welcome())) == [result(welcome())]
    assert web.session.parameters["protocol_version"] == VERSION
    refused = await web.call(request("initialize", initialize()), result(welcome("2031-01-01")))
    assert "version" in refused[0]["error"]["message"]


def test_what_is_sent_is_written_anew() -> None:
    web = Web()
    body = (
        b' {"params":{"arguments":{"path":"\\u002fx"},"name":"a"},\r\n"id":1,"method":"tools/call","jsonrpc":"2.0"}'
    )
    command, carried = web.read(post(body))
    command._carried = carried
    assert json.loads(sent(command).body or b"") == CALL
    assert b"\\u" not in (sent(command).body or b"")


LISTEN = replace(MCP, method="GET", path="/sse")


@pytest.mark.parametrize(
    ("said", "endpoint"),
    [
        ("/messages?session_id=a1", "/messages?session_id=a1"),
        ("http://mcp.internal/messages?session_id=a1", "/messages?session_id=a1"),
        ("HTTP://MCP.internal:80/m", "/m"),
        ("messages/../m?x=1", "/m?x=1"),
        ("?x=1", "/sse?x=1"),
    ],
)
async def test_where_to_post_is_at_the_gateway(said: str, endpoint: str) -> None:
    web = Web(sse=True)
    _, listening = web.read(LISTEN)
    shown = await web.answered(listening, f"event: endpoint\ndata: {said}\n\n".encode(), streams=True)
    assert shown == f"event: endpoint\ndata: {endpoint}\n\n".encode()
    path, _, query = endpoint.partition("?")
    command, posted = web.read(replace(post(request("tools/list"), query=query), path=path))
    assert posted.objection == ""
    assert "list" in command.verbs
    assert posted.conversation is listening.conversation
    heard = messages(await web.answered(listening, stream(result({"tools": []})), streams=True))
    assert heard == [result({"tools": []})]


@pytest.mark.parametrize(
    "said",
    [
        "http://evil.example/m",
        "https://mcp.internal/m",
        "http://mcp.internal:8080/m",
        "//evil.example/m",
        "http://user@mcp.internal/m",
        "http://mcp.internal:x/m",
        "http://[/m",
        "/m\\..\\x",
        "/m x",
        "/" + "m" * 3000,
    ],
)
async def test_a_server_sends_its_client_nowhere_else(said: str) -> None:
    web = Web(sse=True)
    _, listening = web.read(LISTEN)
    assert await web.answered(listening, f"event: endpoint\ndata: {said}\n\n".encode(), streams=True) == b""
    assert (len(web.failures), web.state.endpoints) == (1, {})


async def test_a_server_that_has_one_address_names_no_other() -> None:
    web = Web()
    _, listening = web.read(replace(MCP, method="GET"))
    assert await web.answered(listening, b"event: endpoint\ndata: /m\n\n", streams=True) == b""
    assert web.read(replace(post(CALL), path="/m"))[1].status == 404
