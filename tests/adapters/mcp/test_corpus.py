"""Ways to get a call past the policies, and calls that only look like one."""

import json
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.testing import Bench
from tests.adapters.mcp.talk import MODERN_META, Talk, note, request, tool

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "sql": {"type": "string"}}}


def call(name: str, arguments: object, **more: Any) -> bytes:
    return json.dumps(request("tools/call", {"name": name, "arguments": arguments, **more})).encode()


def raw(inside: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{inside}}}'.encode()


SQL = "DROP TABLE users"

EVASIONS: dict[str, bytes] = {
    # what is said twice, or in another way
    "the arguments twice": raw(
        '{"name":"execute_sql","arguments":{"sql":"SELECT 1"},"arguments":{"sql":"DROP TABLE x"}}'
    ),
    "the name twice": raw('{"name":"list","name":"execute_sql","arguments":{"sql":"DROP TABLE x"}}'),
    "an argument twice": raw('{"name":"execute_sql","arguments":{"sql":"SELECT 1","sql":"DROP TABLE x"}}'),
    "an argument twice behind an escape": raw(
        '{"name":"execute_sql","arguments":{"sql":"SELECT 1","s\\u0071l":"DROP TABLE x"}}'
    ),
    "the name in another case beside it": raw('{"name":"list","Name":"execute_sql","arguments":{}}'),
    "the arguments in another case": raw(
        '{"name":"execute_sql","arguments":{"sql":"SELECT 1"},"Arguments":{"sql":"DROP TABLE x"}}'
    ),
    "an argument in another case": call("read_file", {"Path": "/etc/shadow"}),
    "an argument with a Kelvin sign": raw('{"name":"read_file","arguments":{"k":"a","\\u212a":"/etc/shadow"}}'),
    "two messages in a line": call("list", {}) + call("execute_sql", {"sql": SQL}),
    "a message after a NUL": call("list", {}) + b"\0" + call("execute_sql", {"sql": SQL}),
    "a byte order mark": b"\xef\xbb\xbf" + call("execute_sql", {"sql": SQL}),
    "UTF-16": call("execute_sql", {"sql": SQL}).decode().encode("utf-16"),
    "overlong UTF-8": raw('{"name":"execute_sql","arguments":{"sql":"X"}}').replace(b"X", b"\xc1\x84ROP TABLE x"),
    "a comment": raw('{"name":"execute_sql",/* */"arguments":{"sql":"DROP TABLE x"}}'),
    "single quotes": b"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'execute_sql'}}",
    "a comma too many": raw('{"name":"execute_sql","arguments":{"sql":"DROP TABLE x",}}'),
    "a batch": json.dumps([request("tools/call", {"name": "execute_sql", "arguments": {"sql": SQL}})]).encode(),
    "half of a character": raw('{"name":"execute_sql","arguments":{"sql":"DROP TABLE x","y":"\\ud800"}}'),
    "a number that is none": raw('{"name":"execute_sql","arguments":{"sql":"DROP TABLE x","y":NaN}}'),
    "deeper than anybody reads": call("a", json.loads('{"a":' * 120 + "1" + "}" * 120)),
    # the envelope
    "another method in another case": json.dumps(request("Tools/Call", {"name": "execute_sql"})).encode(),
    "a blank behind the method": json.dumps(request("tools/call ", {"name": "execute_sql"})).encode(),
    "a method of a later version": json.dumps(request("tasks/call", {"name": "execute_sql"})).encode(),
    "a call without an id": json.dumps(
        note("tools/call", {"name": "execute_sql", "arguments": {"sql": SQL}})
    ).encode(),
    "a call that is an answer too": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{}}',
    "a call whose id is a list": b'{"jsonrpc":"2.0","id":[1],"method":"tools/call","params":{"name":"a"}}',
    "an older JSON-RPC": b'{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}',
    "a call as a task": call("execute_sql", {"sql": "SELECT 1"}, task={"ttl": 1}),
    "a second tool beside the first": call("list", {}, tool="execute_sql"),
    "arguments as text": call("execute_sql", json.dumps({"sql": SQL})),
    "another version in the middle": call("execute_sql", {"sql": "SELECT 1"}, _meta=MODERN_META),
    # what the arguments hold
    "SQL": call("execute_sql", {"sql": SQL}),
    "SQL under another name": call("query", {"statement": SQL}),
    "SQL after a comment": call("run_query", {"query": "/* SELECT */ DROP TABLE users"}),
    "SQL in parentheses and blanks": call("query", {"query": "  ;\n DROP TABLE users"}),
    "SQL in a list": call("execute_sql", {"statements": ["SELECT 1", SQL]}),
    "SQL in an object": call("db_execute", {"options": {"sql": SQL}}),
    "SQL in a CTE": call("execute_sql", {"sql": "WITH x AS (DELETE FROM users RETURNING 1) SELECT * FROM x"}),
    "SQL in a dialect that is not read": call("mysql_query", {"sql": "DROP TABLE `users`"}),
    "a command line": call("run_command", {"command": "rm -rf /"}),
    "a command line in a shell": call("shell", {"cmd": "bash -c 'rm -rf /'"}),
    "a command and its words": call("execute", {"command": "rm", "args": ["-rf", "/"]}),
    "a command as a list": call("exec", {"command": ["rm", "-rf", "/"]}),
    "a command behind base64": call("bash", {"command": "echo cm0gLXJmIC8= | base64 -d | sh"}),
    "a command in a long name": call("terminal-run", {"command_line": "shutdown -h now"}),
    "a file of the system": call("write_file", {"path": "/etc/passwd", "content": "x"}),
    "a file of the system, around a corner": call("write_file", {"path": "/srv/../etc/passwd", "content": "x"}),
    "a file of the system as a URI": call("edit", {"uri": "file:///etc/passw%64", "edits": []}),
    "a file in a list": call("delete_files", {"files": [{"path": "/usr/lib"}]}),
    "a name in another style": call("writeFile", {"filePath": "/etc/cron.d/x"}),
    "a tool in another case": call("Forbidden_Tool", {}),
    "a tool in full width": call("\uff46orbidden_tool", {}),
    "a tool with a blank before it": call(" forbidden_tool", {}),
    "a tool with a blank behind it": call("forbidden_tool ", {}),
    "a tool with a line's end behind it": call("read_file\n", {}),
    "a tool with a NUL behind it": call("read_file\0", {}),
    "a tool with what has no width in it": call("read\u200b_file", {}),
    "an argument with a NUL behind it": call("read_file", {"path\0": "/etc/shadow"}),
    "a tool that is not offered": call("forbidden_tool", {}),
}

INNOCENTS: dict[str, bytes] = {
    "a question": call("execute_sql", {"sql": "SELECT * FROM users WHERE id = 7"}),
    "an insertion": call("execute_sql", {"sql": "INSERT INTO notes VALUES (1, 'DROP TABLE users')"}),
    "a search for words of SQL": call("search", {"query": "how do I drop a table"}),
    "a search that begins like SQL": call("search_docs", {"query": "delete from list in python"}),
    "text about shells": call("send_message", {"text": "never run rm -rf / please"}),
    "a document about SQL": call("write_file", {"path": "/home/me/notes.md", "content": SQL}),
    "a dialect that only reads": call("execute_sql", {"sql": "SHOW TABLES LIKE `x`"}),
    "a listing": call("run_command", {"command": "ls -la /srv | wc -l"}),
    "a command and its words": call("execute", {"command": "git", "args": ["status", "--short"]}),
    "a file of one's own": call("write_file", {"path": "/home/me/project/a.py", "content": "x = 1\n"}),
    "a relative file": call("edit_file", {"path": "src/a.py", "edits": [{"old": "a", "new": "b"}]}),
    "a file of the system that is read": call("read_file", {"path": "/etc/hosts"}),
    "no arguments": json.dumps(request("tools/call", {"name": "list"})).encode(),
    "arguments that are null": call("list", {"cursor": None}),
    "all sorts of values": call("a", {"n": 1.5, "big": 12345678901234567890, "t": True, "l": [1, [2, {"x": []}]]}),
    "every language": call("a", {"text": "日本語 می‌خواهم 👩‍👩‍👧 שלום \u202e"}),
    "names that differ in more than case": call("a", {"path": "x", "paths": ["y"]}),
    "a progress token": call("a", {}, _meta={"progressToken": 5}),
    "a ping": json.dumps(request("ping")).encode(),
    "params that are null": b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}',
    "an empty line's end": call("a", {}) + b"\r",
    "a resource": json.dumps(request("resources/read", {"uri": "notes://today"})).encode(),
    "a name of a tool with dots": call("github.create_issue", {"title": "x", "body": "y"}),
}


async def reaches(message: bytes, confdir: Path) -> bool:
    """Whether the server hears of it, behind the shipped policy and an offer of tools."""
    from hoopaddon.adapters.mcp.toolbox import Offer

    with Bench(BlockDestructive()) as bench:
        talk = await Talk(chain=bench.chain, confdir=confdir, offer=Offer((), ("forbidden_*",))).begin()
        await talk.list_tools(tool("read_file"), tool("execute_sql", inputSchema=SCHEMA))
        await talk.say(message.strip())
        for sent in talk.to_server:
            # What the server reads is what was judged: one message, with every name once.
            assert isinstance(sent, dict)
        return bool(talk.to_server)


@pytest.mark.parametrize("way", EVASIONS)
async def test_no_call_gets_past(way: str, tmp_path: Path) -> None:
    assert not await reaches(EVASIONS[way], tmp_path)


@pytest.mark.parametrize("way", INNOCENTS)
async def test_what_only_looks_like_one_passes(way: str, tmp_path: Path) -> None:
    assert await reaches(INNOCENTS[way], tmp_path)


def test_there_are_enough() -> None:
    assert len(EVASIONS) >= 40
    assert len(INNOCENTS) >= 20
