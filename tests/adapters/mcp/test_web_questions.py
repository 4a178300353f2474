"""MCP over HTTP, scripted: what a server asks its client on a stream, and what either end hears of it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from hoopaddon.adapters.mcp.commands import McpRequest
from hoopaddon.adapters.mcp.web.protocol import instead, sent
from hoopaddon.command import Verdict
from tests.adapters.mcp.policies import Refuse, Seen
from tests.adapters.mcp.talk import MODERN_META, request, result, texts
from tests.adapters.mcp.test_answers import MAIL, Mask
from tests.adapters.mcp.test_web import CALL, Web, messages, post, stream

SAMPLING = {"messages": [{"role": "user", "content": {"type": "text", "text": MAIL}}], "maxTokens": 5}


async def test_what_the_server_asks_on_a_stream_is_judged_and_answered() -> None:
    web = Web(Mask())
    asked, answer = await web.call(CALL, request("sampling/createMessage", SAMPLING, 9), result(texts("x")))
    assert asked["params"]["messages"][0]["content"]["text"] == "[email]"
    assert answer == result(texts("x"))
    command, carried = web.read(post(result({"role": "assistant"}, 9)))
    assert isinstance(command, McpRequest)
    assert (command.method, carried.objection) == ("sampling/createMessage/answer", "")
    assert "nobody waits" in web.read(post(result({}, 9)))[1].objection


ELICITATION = {"message": "Your password?", "requestedSchema": {"type": "object", "properties": {}}}
ROOTS_WRONG = "roots/list: its params._meta is not what the protocol says"
DECLINED = {"result": {"action": "decline"}}


def refused_with(code: int, reason: str = "refused: a policy says no") -> dict[str, Any]:
    return {"error": {"code": code, "message": reason}}


def told(web: Web, answer: Mapping[str, Any], id: object = 9) -> dict[str, Any]:
    """What the server gets of the client's answer, as the policies leave it."""
    command, carried = web.read(post({"jsonrpc": "2.0", "id": id, **answer}))
    command._carried = carried
    assert carried.objection == ""
    verdict = web.policies.chain.judge(command)
    assert isinstance(verdict, Verdict)
    sent_on = sent(command) if verdict.passes else instead(command)
    assert sent_on is not None
    body: dict[str, Any] = json.loads(sent_on.body or b"")
    return {name: value for name, value in body.items() if name in ("result", "error")}


@pytest.mark.parametrize(
    ("method", "params", "verb", "hears"),
    [
        ("sampling/createMessage", SAMPLING, "sample", refused_with(-1)),
        ("elicitation/create", ELICITATION, "elicit", DECLINED),
        ("roots/list", None, "roots/list", refused_with(-32010)),
        ("tools/call", {"name": "a"}, "", refused_with(-32601, "tools/call is none of protocol version 2025-11-25")),
        ("roots/list", {"_meta": 7}, "", refused_with(-32602, ROOTS_WRONG)),
    ],
)
async def test_a_question_that_is_refused_is_answered_in_the_clients_place(
    method: str, params: dict[str, Any] | None, verb: str, hears: dict[str, Any]
) -> None:
    web = Web(Refuse(verb))
    # The client is asked for a pong alone, and the call goes on.
    heard = await web.call(CALL, request(method, params, 9), result(texts("done")))
    assert heard == [request("ping", None, 9), result(texts("done"))]
    assert told(web, {"result": {"role": "assistant", "roots": [], "action": "accept"}}) == hears
    assert "nobody waits" in web.read(post(result({}, 9)))[1].objection


async def test_an_answer_that_is_refused_is_declined_in_the_clients_place() -> None:
    for addon, hears in ((Refuse("answer"), DECLINED), (Seen(), {"result": {"action": "accept"}})):
        web = Web(addon)
        await web.call(CALL, request("elicitation/create", ELICITATION, 9))
        assert told(web, {"result": {"action": "accept"}}) == hears
    web = Web(Refuse("elicit", "answer"))
    await web.call(CALL, request("elicitation/create", ELICITATION, 9))
    assert told(web, {"result": {"action": "accept"}}) == DECLINED
    await web.call(CALL, request("ping", None, "p"))
    assert told(web, {"result": {}}, "p") == {"result": {}}


async def test_by_one_id_there_is_one_question() -> None:
    web = Web()
    sampling, roots = request("sampling/createMessage", SAMPLING, 9), request("roots/list", None, 9)
    assert await web.call(CALL, sampling, sampling, roots) == [sampling, sampling]
    command, _ = web.read(post(result({"role": "assistant"}, 9)))
    assert command.text.startswith("sampling/createMessage/answer")


async def test_the_newest_version_has_no_questions_on_a_stream() -> None:
    web = Web()
    headers = {"mcp-protocol-version": "2026-07-28"}
    _, carried = web.read(post({**CALL, "params": {"name": "a", "_meta": MODERN_META}}, headers))
    body = stream(request("sampling/createMessage", SAMPLING, 9), result(texts("x")))
    assert messages(await web.answered(carried, body, streams=True)) == [result(texts("x"))]
