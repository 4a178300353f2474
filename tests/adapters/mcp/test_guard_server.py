"""The guard, scripted: what the server says and asks, sizes, batches, and which tools are offered."""

import json
from typing import Any

import pytest

from hoopaddon import Addon, ContextCommand
from hoopaddon.adapters.mcp.toolbox import Offer
from tests.adapters.mcp.policies import Approver, Hold, Refuse, Seen
from tests.adapters.mcp.talk import MODERN_META, Talk, note, request, result, texts, tool


class Breaks:
    def mcp_request(self, command: ContextCommand) -> None:
        if "answer" in command.verbs:
            raise KeyError("hunter2")


class Rewrites:
    def mcp_request(self, command: ContextCommand) -> None:
        if "answer" in command.verbs:
            command.rewrite(command.text.replace("hunter2", "***"))


class HoldAnswers:
    async def mcp_request(self, command: ContextCommand) -> None:
        if "answer" in command.verbs:
            await command.approve("what is said to the server")


# -- what the server does


@pytest.mark.parametrize("id", [2, "1", None])
async def test_an_answer_that_nobody_waits_for_is_dropped(id: object) -> None:
    talk = await Talk().begin()
    await talk.call("a", id=1)
    await talk.answer({"jsonrpc": "2.0", "id": id, "error": {"code": 1, "message": "x"}})
    assert talk.to_client == []
    await talk.answer(result(texts("x")))
    await talk.answer(result(texts("again")))
    assert talk.heard()["result"] == texts("x")


@pytest.mark.parametrize(
    "unreadable",
    [
        b'{"jsonrpc":"2.0","id":1,"result":{"content":[],"content":[]}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"big":1234567890123456789012}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","id":1,"error":"no"}',
    ],
)
async def test_who_waits_for_an_answer_that_cannot_be_read_is_told(unreadable: bytes) -> None:
    talk = await Talk().begin()
    await talk.call("a")
    talk.reached()
    await talk.answer(unreadable)
    assert talk.heard()["error"]["message"] == "the server's answer cannot be read"
    assert talk.to_server == []
    await talk.answer(result(texts("x")))
    assert talk.to_client == []


async def test_a_held_call_cannot_be_answered_by_the_server() -> None:
    talk = await Talk(Hold(), approver=Approver()).begin()
    await talk.call("pay", id=1)
    await talk.answer(result(texts("paid")))
    assert talk.to_client == []
    await talk.guard.close()


SAMPLING = {"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}], "maxTokens": 5}
ELICITATION = {"message": "Your password?", "requestedSchema": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    ("method", "params", "verb", "answer"),
    [
        (
            "sampling/createMessage",
            SAMPLING,
            "sample",
            {"error": {"code": -1, "message": "refused: a policy says no"}},
        ),
        ("elicitation/create", ELICITATION, "elicit", {"result": {"action": "decline"}}),
        ("roots/list", None, "roots/list", {"error": {"code": -32010, "message": "refused: a policy says no"}}),
    ],
)
async def test_what_the_server_asks_is_a_command_of_its_own(
    method: str, params: dict[str, Any] | None, verb: str, answer: dict[str, Any]
) -> None:
    seen = Seen()
    talk = await Talk(seen).begin()
    await talk.answer(request(method, params, "s1"))
    assert talk.heard() == request(method, params, "s1")
    command = seen.commands[-1]
    assert isinstance(command, ContextCommand)
    assert command.to_client
    assert verb in command.verbs
    await talk.say(result({"roots": []}, "s1"))
    assert talk.reached()["result"] == {"roots": []}
    question, said = seen.ended[-2:]
    assert (question, question.tag) == (command, "answered")
    assert isinstance(said, ContextCommand)
    assert (said.text, said.to_client, said.tag) == (f'{method}/answer {{"result": {{"roots": []}}}}', False, "sent")
    refusing = await Talk(Refuse(verb)).begin()
    await refusing.answer(request(method, params, "s1"))
    assert refusing.reached() == {"jsonrpc": "2.0", "id": "s1", **answer}
    assert refusing.to_client == []


@pytest.mark.parametrize("method", ["tools/call", "initialize", "tasks/list", "anything"])
async def test_a_server_asks_for_nothing_that_it_may_not(method: str) -> None:
    talk = await Talk().begin()
    await talk.answer(request(method, {}, 7))
    assert talk.reached()["error"]["code"] == -32601
    assert talk.to_client == []


async def test_an_answer_of_the_clients_needs_a_question() -> None:
    talk = await Talk().begin()
    await talk.say(result({"action": "accept"}, "s1"))
    assert talk.to_server == []


async def test_what_the_client_answers_is_a_command_too() -> None:
    said = {"action": "accept", "content": {"password": "hunter2"}}
    for addon, answer in (
        (Refuse("answer"), {"action": "decline"}),
        (Breaks(), {"action": "decline"}),
        (Rewrites(), {"action": "decline"}),
        (Seen(), said),
    ):
        talk = await Talk(addon).begin()
        await talk.answer(request("elicitation/create", ELICITATION, "s1"))
        talk.heard()
        await talk.say(result(said, "s1"))
        assert talk.reached()["result"] == answer
        # The question has had its answer, and its id is free.
        await talk.say(result(said, "s1"))
        assert talk.to_server == []
        await talk.answer(request("ping", None, "s1"))
        assert talk.heard()["method"] == "ping"


async def test_an_answer_that_is_held_waits_for_its_approval() -> None:
    talk = await Talk(HoldAnswers(), approver=Approver()).begin()
    await talk.answer(request("elicitation/create", ELICITATION, "s1"))
    talk.heard()
    await talk.say(result({"action": "accept"}, "s1"))
    await talk.say(result({"action": "decline"}, "s1"))
    await talk.answer(request("elicitation/create", ELICITATION, "s1"))
    assert "no answer yet" in talk.reached()["error"]["message"]
    await talk.answer(note("notifications/cancelled", {"requestId": "s1"}))
    assert (talk.to_server, talk.to_client) == ([], [])
    await talk.answer(request("ping", None, "s1"))
    assert talk.heard()["method"] == "ping"
    await talk.guard.close()


async def test_progress_is_that_of_a_request_that_waits() -> None:
    talk = await Talk().begin()
    await talk.call("a", _meta={"progressToken": "t"})
    await talk.tell("notifications/progress", {"progressToken": "t", "progress": 1, "message": "half"})
    assert talk.heard()["params"]["message"] == "half"
    await talk.tell("notifications/progress", {"progressToken": "u", "progress": 1})
    await talk.tell("notifications/progress", {"progressToken": ["t"], "progress": 1})
    await talk.tell("notifications/unheard_of", {})
    assert talk.to_client == []


async def test_what_the_server_asks_within_an_answer_is_judged_too() -> None:
    asks = {
        "resultType": "input_required",
        "inputRequests": {"a": {"method": "elicitation/create", "params": {**ELICITATION, "mode": "form"}}},
        "requestState": "s",
    }
    for policy, passes in ((Seen(), True), (Refuse("elicit"), False)):
        talk = Talk(policy)
        await talk.ask("tools/call", {"name": "a", "arguments": {}, "_meta": MODERN_META})
        await talk.answer(result(asks))
        heard = talk.heard()["result"]
        assert (heard.get("resultType") == "input_required") is passes
        assert passes or "elicitation/create" in heard["content"][0]["text"]


# -- sizes and batches


async def test_a_message_that_is_too_long_is_refused() -> None:
    talk = await Talk(limit_bytes=1000).begin()
    await talk.call("a", {"x": "y" * 1000})
    assert "longer than 1000 bytes" in talk.heard()["error"]["message"]
    await talk.call("a", id=2)
    talk.reached()
    await talk.answer(result(texts("y" * 1000), 2))
    assert "withheld" in talk.heard()["result"]["content"][0]["text"]


async def test_batches_are_for_the_version_that_has_them() -> None:
    both = [request("ping", None, 1), request("tools/call", {"name": "a", "arguments": {}}, 2)]
    talk = await Talk(Refuse("a")).begin("2025-03-26")
    await talk.say(both)
    assert talk.reached()["method"] == "ping"
    assert talk.heard()["result"]["isError"] is True
    other = await Talk().begin("2025-06-18")
    await other.say(both)
    assert "no batches" in other.heard()["error"]["message"]
    assert other.to_server == []


# -- which tools are offered


async def test_tools_that_are_not_offered_are_neither_shown_nor_called() -> None:
    seen = Seen()
    talk = await Talk(seen, offer=Offer(("read_*",), ("read_secret",))).begin()
    listed = await talk.list_tools(tool("read_file"), tool("write_file"), tool("read_secret"))
    assert [one["name"] for one in listed] == ["read_file"]
    for name in ("write_file", "read_secret", "READ_SECRET"):
        await talk.call(name)
        assert "not offered" in talk.heard()["result"]["content"][0]["text"]
        assert not seen.ended[-1].verdict.passes
    await talk.call("read_file")
    assert talk.reached()["params"]["name"] == "read_file"


async def test_a_policy_may_take_tools_out_of_the_list() -> None:
    class Fewer(Addon):
        def output(self, output: Any) -> None:
            command = output.command
            if isinstance(command, ContextCommand) and command.method == "tools/list":
                page = json.loads(output.text)
                page["tools"] = [one for one in page["tools"] if one["name"] != "write_file"]
                output.text = json.dumps(page)

    talk = await Talk(Fewer()).begin()
    assert [one["name"] for one in await talk.list_tools(tool("a"), tool("write_file"))] == ["a"]
    await talk.call("write_file")
    assert "not in the list" in talk.heard()["result"]["content"][0]["text"]


async def test_an_argument_in_another_case_is_refused() -> None:
    talk = await Talk().begin()
    await talk.list_tools(tool("read_file"))
    await talk.call("read_file", {"Path": "/etc/shadow"})
    assert "another case" in talk.heard()["result"]["content"][0]["text"]
