"""What the tests of withheld results share: a policy that says no, and statements that meet it."""

from tests.adapters.postgres.wire import Message
from tests.servers.postgres import Database

WITHHOLDS = '''
"""Refuses a cell or a text that has `hush` in it, breaks at `crash`; later, if the command says so."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path

from hoopaddon import Command, Output, Refused, Rows, ctx


def look(text: str) -> None:
    if "hush" in text:
        raise Refused("this is not for you")
    if "crash" in text:
        raise KeyError("secret 4711")


async def later(text: str) -> None:
    await asyncio.sleep(0.01)
    look(text)


def rows(rows: Rows) -> Awaitable[None] | None:
    said = " ".join(text for column in range(len(rows.columns)) for text in rows.texts(column) if text)
    if "/* later */" in rows.command.text:
        return later(said)
    return look(said)


def output(output: Output) -> Awaitable[None] | None:
    if output.command is not None and "/* later */" in output.command.text:
        return later(output.text)
    return look(output.text)


def command_end(command: Command) -> None:
    note = {"text": command.text, "error": command.error, "rows": command.rows, "tag": command.tag}
    with (Path(ctx.options.confdir) / "ended.jsonl").open("a") as notes:
        notes.write(json.dumps(note) + "\\n")
'''

REFUSED = "42501"
HUSH = "'hu' || 'sh'"
LONG = f"SELECT CASE WHEN n = 3000 THEN {HUSH} ELSE 'fine' END FROM (SELECT generate_series(1, 1000000000)) s(n)"
"""Begins at once, and would run for minutes."""
SHORT = f"SELECT CASE WHEN n = 3 THEN {HUSH} ELSE 'fine' END FROM generate_series(1, 4) n"


def refusal(answers: list[Message]) -> Message:
    """The one error among them."""
    (error,) = (answer for answer in answers if answer.kind == "E")
    assert error.code == REFUSED
    return error


def completed(error: Message) -> bool:
    return "had completed" in error.fields.get("D", "")


def left(table: Database) -> list[str]:
    return [row[0] for row in table.execute("SELECT a FROM t ORDER BY a")]
