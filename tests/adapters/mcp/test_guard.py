"""The guard, scripted: what one end says, and what comes out at the other."""

import asyncio
import json
from typing import Any

import pytest

from hoopaddon import Addon, Command, ContextCommand, Decision, ToolCommand
from tests.adapters.mcp.policies import Approver, Hold, Refuse, Seen, settle
from tests.adapters.mcp.talk import (
    MODERN_META,
    VERSION,
    Talk,
    initialize,
    note,
    result,
    texts,
    tool,
    welcome,
)

# -- the beginning


async def test_the_handshake_passes_and_is_told_to_the_policies() -> None:
    seen = Seen()
    talk = Talk(seen)
    await talk.ask("initialize", initialize())
    assert talk.reached()["params"] == initialize()
    await talk.answer(result(welcome()))
    assert talk.heard()["result"] == welcome()
    await talk.say(note("notifications/initialized"))
    assert talk.reached()["method"] == "notifications/initialized"
    (command,) = seen.ended
    assert isinstance(command, ContextCommand)
    assert (command.method, command.to_client) == ("initialize", False)
    assert command.verbs == {"initialize"}
    assert command.tag == "ok"
    assert talk.session.parameters["client"] == "test 1"
    assert talk.session.parameters["protocol_version"] == VERSION


@pytest.mark.parametrize("method", ["tools/call", "tools/list", "resources/read", "logging/setLevel"])
async def test_nothing_comes_before_the_handshake(method: str) -> None:
    talk = Talk()
    await talk.ask(method, {"name": "x"})
    assert "before initialize" in talk.heard()["error"]["message"]
    assert talk.to_server == []


async def test_a_ping_may_come_at_any_time() -> None:
    talk = Talk()
    await talk.ask("ping")
    assert talk.reached()["method"] == "ping"
    await talk.answer(result({}))
    assert talk.heard() == result({})


async def test_the_handshake_comes_once() -> None:
    talk = await Talk().begin()
    await talk.ask("initialize", initialize(), 9)
    assert "once" in talk.heard()["error"]["message"]
    assert talk.to_server == []


async def test_a_version_that_nobody_here_knows_is_not_agreed_on() -> None:
    talk = Talk()
    await talk.ask("initialize", initialize("2031-01-01"))
    assert talk.reached()["params"]["protocolVersion"] == VERSION
    await talk.answer(result(welcome("2031-01-01")))
    assert "version" in talk.heard()["error"]["message"]
    await talk.ask("tools/list", None, 2)
    assert "before initialize" in talk.heard()["error"]["message"]


async def test_a_handshake_that_failed_may_come_again() -> None:
    talk = Talk()
    await talk.ask("initialize", initialize())
    await talk.answer({"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "busy"}})
    assert talk.heard()["error"] == {"code": -1, "message": "busy"}
    await talk.begin()


async def test_who_does_not_wait_for_the_handshake_is_kept_waiting() -> None:
    talk = Talk()
    await talk.ask("initialize", initialize(), 1)
    early = asyncio.create_task(talk.call("a", id=2))
    await settle()
    assert talk.reached()["method"] == "initialize"
    await talk.answer(result(welcome(), 1))
    await early
    assert talk.reached()["id"] == 2


async def test_requests_of_the_stateless_version_need_no_handshake() -> None:
    talk = Talk()
    await talk.ask("tools/call", {"name": "a", "arguments": {}, "_meta": MODERN_META})
    assert talk.reached()["params"]["_meta"] == MODERN_META
    await talk.ask(
        "tools/list", {"_meta": {**MODERN_META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}}, 2
    )
    assert talk.heard()["error"]["code"] == -32022


async def test_a_refused_call_of_the_stateless_version_is_a_complete_result() -> None:
    talk = Talk(Refuse("a"))
    await talk.ask("tools/call", {"name": "a", "arguments": {}, "_meta": MODERN_META})
    assert talk.heard()["result"]["resultType"] == "complete"


# -- requests


async def test_a_call_is_judged_with_what_the_server_says_of_the_tool() -> None:
    seen = Seen()
    talk = await Talk(seen).begin()
    hints = {"readOnlyHint": False, "destructiveHint": True, "title": "x"}
    await talk.list_tools(tool("delete_file", annotations=hints))
    await talk.call("delete_file", {"path": "/srv/a"})
    assert talk.reached()["params"] == {"name": "delete_file", "arguments": {"path": "/srv/a"}}
    command = seen.commands[-1]
    assert isinstance(command, ToolCommand)
    assert command.text == 'delete_file {"path": "/srv/a"}'
    assert (command.server, command.tool, command.arguments) == ("files", "delete_file", {"path": "/srv/a"})
    assert command.annotations == {"read_only": False, "destructive": True}
    assert command.verbs == {"delete_file", "destructive"}
    assert command.objects == {"/srv/a"}
    assert command.listed
    await talk.answer(result(texts("gone")))
    assert talk.heard()["result"] == texts("gone")
    assert (seen.ended[-1].tag, seen.ended[-1] is command) == ("ok", True)


async def test_a_tool_that_was_never_listed_is_said_to_be_so() -> None:
    seen = Seen()
    talk = await Talk(seen).begin()
    await talk.call("surprise")
    command = seen.commands[-1]
    assert isinstance(command, ToolCommand)
    assert (command.listed, dict(command.annotations)) == (False, {})


async def test_a_refused_call_is_a_result_that_models_read() -> None:
    seen = Seen()
    talk = await Talk(Refuse("drop_table"), seen).begin()
    await talk.call("drop_table", {"name": "users"})
    answer = talk.heard()["result"]
    assert answer["isError"] is True
    assert answer["content"][0]["text"].startswith("hoopaddon refused this call: not today (policy Refuse).")
    assert talk.to_server == []
    assert seen.ended[-1].verdict.reason == "not today"


@pytest.mark.parametrize(
    ("method", "params", "verb"),
    [
        ("resources/read", {"uri": "file:///etc/passwd"}, "read"),
        ("resources/subscribe", {"uri": "file:///etc/passwd"}, "subscribe"),
        ("prompts/get", {"name": "greet"}, "get"),
        (
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}},
            "complete",
        ),
        ("logging/setLevel", {"level": "debug"}, "set"),
        ("tools/list", {}, "list"),
        ("resources/templates/list", {}, "list"),
    ],
)
async def test_other_requests_are_refused_by_an_error(method: str, params: dict[str, Any], verb: str) -> None:
    talk = await Talk(Refuse(verb)).begin()
    await talk.ask(method, params)
    error = talk.heard()["error"]
    assert (error["code"], error["message"]) == (-32010, "refused: not today (policy Refuse)")
    assert error["data"] == {"refused_by": "hoopaddon", "outcome": "refused", "policy": "Refuse"}
    assert talk.to_server == []


async def test_a_resource_has_its_path_among_the_objects() -> None:
    seen = Seen()
    talk = await Talk(seen).begin()
    await talk.ask("resources/read", {"uri": "file:///srv/../etc/pass%77d"})
    assert {"file:///srv/../etc/pass%77d", "/etc/passwd"} <= seen.commands[-1].objects


@pytest.mark.parametrize("method", ["tools/call2", "tasks/get", "sampling/createMessage", "server/discover", "x"])
async def test_methods_that_the_version_does_not_know_are_refused_by_name(method: str) -> None:
    talk = await Talk().begin()
    await talk.ask(method, {})
    error = talk.heard()["error"]
    assert error["code"] == -32601
    assert method in error["message"]
    assert talk.to_server == []


async def test_a_method_that_the_operator_allows_passes_and_is_judged() -> None:
    seen = Seen()
    talk = await Talk(seen, methods=frozenset({"tasks/get"})).begin()
    await talk.ask("tasks/get", {"taskId": "7"})
    assert talk.reached()["params"] == {"taskId": "7"}
    assert seen.commands[-1].text == 'tasks/get {"taskId": "7"}'


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"name": "a", "arguments": {}, "task": {"ttl": 5}}, "task"),
        ({"name": "a", "arguments": {}, "tool": "b"}, "more than a tool"),
        ({"name": "a", "arguments": []}, "arguments"),
        ({"name": 7, "arguments": {}}, "name"),
        ({"arguments": {}}, "name"),
    ],
)
async def test_a_call_with_more_or_less_than_a_call_has_is_refused(params: dict[str, Any], said: str) -> None:
    talk = await Talk().begin()
    await talk.ask("tools/call", params)
    assert said in talk.heard()["error"]["message"]
    assert talk.to_server == []


async def test_an_id_is_free_only_once_it_is_answered() -> None:
    talk = await Talk().begin()
    await talk.call("a", id=5)
    await talk.call("b", id=5)
    assert "no answer yet" in talk.heard()["error"]["message"]
    assert talk.reached()["params"]["name"] == "a"
    await talk.answer(result(texts("x"), 5))
    assert talk.heard()["id"] == 5
    await talk.call("c", id=5)
    assert talk.reached()["params"]["name"] == "c"


async def test_so_many_requests_wait_and_no_more() -> None:
    talk = await Talk().begin()
    for number in range(300):
        await talk.call("a", id=number)
    assert len(talk.to_server) == 256
    assert len(talk.to_client) == 44


async def test_what_comes_beside_the_arguments_is_judged_with_them() -> None:
    seen = Seen()
    talk = await Talk(seen).begin()
    await talk.call("a", _meta={"progressToken": 1, "as_user": "root"})
    assert seen.commands[-1].parameters == ('{"_meta":{"as_user":"root"}}',)
    assert talk.reached()["params"]["_meta"] == {"progressToken": 1, "as_user": "root"}


# -- rewriting


async def test_a_rewritten_call_is_what_the_server_gets() -> None:
    class Rewrite(Addon):
        def mcp_tool_call(self, command: ToolCommand) -> None:
            arguments = {**command.arguments, "limit": 10}
            command.rewrite(f"{command.tool} {json.dumps(arguments)}")

    talk = await Talk(Rewrite()).begin()
    await talk.call("query", {"sql": "select 1"}, _meta={"progressToken": "t"})
    params = talk.reached()["params"]
    assert params == {"name": "query", "arguments": {"sql": "select 1", "limit": 10}, "_meta": {"progressToken": "t"}}


@pytest.mark.parametrize("text", ["other {}", "query [1]", 'query {"a": 1, "a": 2}', "query {", ""])
async def test_what_is_rewritten_into_no_call_of_the_tool_is_not_made(text: str) -> None:
    class Rewrite(Addon):
        def mcp_tool_call(self, command: ToolCommand) -> None:
            command.rewrite(text)

    talk = await Talk(Rewrite()).begin()
    await talk.call("query", {"sql": "select 1"})
    assert talk.heard()["result"]["isError"] is True
    assert talk.to_server == []


async def test_a_policy_that_breaks_lets_nothing_through() -> None:
    class Broken(Addon):
        def command(self, command: Command) -> None:
            if "a" in command.verbs:
                raise ValueError(command.text)

    talk = await Talk(Broken()).begin()
    await talk.call("a", {"secret": "hunter2"})
    answer = json.dumps(talk.heard())
    assert "could not judge" in answer
    assert "hunter2" not in answer
    assert talk.to_server == []


# -- holding


async def test_a_held_call_says_that_it_waits_and_holds_up_no_other() -> None:
    approver = Approver()
    talk = await Talk(Hold(), approver=approver).begin()
    await talk.call("pay", {"amount": 5}, id=1, _meta={"progressToken": "p"})
    await talk.ask("ping", None, 2)
    await settle()
    waiting = talk.heard()
    assert waiting["method"] == "notifications/progress"
    assert waiting["params"]["progressToken"] == "p"
    assert waiting["params"]["message"] == "waiting for approval: somebody has to look"
    assert talk.reached()["method"] == "ping"
    approver.answer.set_result(Decision(True, ("bob",)))
    await settle()
    assert talk.reached()["params"]["name"] == "pay"


async def test_a_denied_call_says_who_has_to_be_asked() -> None:
    approver = Approver()
    talk = await Talk(Hold(), approver=approver).begin()
    await talk.call("pay")
    approver.answer.set_result(Decision(False, reason="denied by bob"))
    await settle()
    said = talk.heard()["result"]["content"][0]["text"]
    assert said.startswith("hoopaddon did not get an approval for this call: denied by bob (policy Hold).")
    assert talk.to_server == []


async def test_a_held_call_that_is_cancelled_is_given_up() -> None:
    seen, approver = Seen(), Approver()
    talk = await Talk(Hold(), seen, approver=approver).begin()
    await talk.call("pay", id=4)
    await talk.say(note("notifications/cancelled", {"requestId": 4}))
    await settle()
    assert approver.answer.cancelled()
    assert (talk.to_client, talk.to_server) == ([], [])
    assert seen.ended[-1].error == "cancelled by the client"


@pytest.mark.parametrize("id", ["4", 5, None, True, [], {}, 4.0])
async def test_only_its_own_id_cancels_a_request(id: object) -> None:
    talk = await Talk().begin()
    await talk.call("pay", id=4)
    talk.reached()
    await talk.say(note("notifications/cancelled", {"requestId": id}))
    assert talk.to_server == []
    await talk.answer(result(texts("done"), 4))
    assert talk.heard()["id"] == 4


async def test_the_answer_to_what_was_cancelled_is_dropped() -> None:
    talk = await Talk().begin()
    await talk.call("pay", id=4)
    await talk.say(note("notifications/cancelled", {"requestId": 4, "reason": "bored"}))
    assert [m["method"] for m in talk.to_server] == ["tools/call", "notifications/cancelled"]
    await talk.answer(result(texts("done"), 4))
    assert talk.to_client == []


async def test_at_the_end_every_command_has_ended() -> None:
    seen, approver = Seen(), Approver()
    talk = await Talk(Hold(), seen, approver=approver).begin()
    await talk.call("held", id=1)
    await talk.ask("resources/list", None, 2)
    await talk.guard.close()
    assert sorted(command.number for command in seen.ended) == [1, 2, 3]
    assert {command.error for command in seen.ended} == {"", "cancelled", "the session ended"}


async def test_whoever_waits_hears_that_the_server_is_gone() -> None:
    talk = await Talk().begin()
    await talk.call("a")
    await talk.guard.give_up("the server has ended")
    assert "the server has ended" in talk.heard()["result"]["content"][0]["text"]
