"""The policy behind the gateway's own tests: small, and with every outcome.

Deletes are refused; what stands in a comment asks for the rest: `/* hold 0.3 */` waits so many seconds,
`/* held no */` is refused after a while, `/* rewrite: … */` replaces the text, `/* break */` raises. Addresses and
the word `classified` are masked wherever they turn up. Every command's end is noted in `ended.jsonl` of confdir.
"""

import asyncio
import json
import re
from collections.abc import Awaitable
from pathlib import Path

from hoopaddon import Command, Denied, Output, Refused, Rows, ctx

REFUSED_VERBS = frozenset({"delete", "drop", "truncate"})
HOLD = re.compile(r"/\* hold ([0-9.]+) \*/")
REWRITE = re.compile(r"/\* rewrite: (.*) \*/", re.DOTALL)
# Bounded, so that a cell of many megabytes is searched in linear time.
SENSITIVE = re.compile(r"[\w.+-]{0,64}@[\w.-]{1,255}|classified")
PROBE = re.compile(rb"@|classified")


class Tested:
    """See the module."""

    def __init__(self) -> None:
        self._notes: Path | None = None

    def configure(self, updated: set[str]) -> None:
        self._notes = Path(ctx.options.confdir) / "ended.jsonl"

    def command(self, command: Command) -> Awaitable[None] | None:
        if found := REWRITE.search(command.text):
            command.rewrite(found[1])
        if command.verbs & REFUSED_VERBS:
            raise Refused("nothing is deleted here")
        if "forbidden" in command.parameters:
            raise Refused("that value is forbidden")
        if "/* break */" in command.text:
            raise ZeroDivisionError("the row was 4711")
        if "/* held no */" in command.text:
            return self._deny()
        if found := HOLD.search(command.text):
            return self._hold(float(found[1]))
        return None

    async def _deny(self) -> None:
        await asyncio.sleep(0.05)
        raise Denied("nobody approved it")

    async def _hold(self, for_s: float) -> None:
        await asyncio.sleep(for_s)

    def rows(self, rows: Rows) -> None:
        if not PROBE.search(rows.haystack):
            return
        for column in range(len(rows.columns)):
            for row, text in enumerate(rows.texts(column)):
                if text and SENSITIVE.search(text):
                    rows.replace(row, column, SENSITIVE.sub("***", text))

    def output(self, output: Output) -> None:
        output.text = SENSITIVE.sub("***", output.text)

    def command_end(self, command: Command) -> None:
        if self._notes is None:
            return
        note = {
            "session": command.session.id,
            "number": command.number,
            "text": command.text,
            "outcome": command.verdict.outcome,
            "tag": command.tag,
            "rows": command.rows,
            "error": command.error,
        }
        with self._notes.open("a") as notes:
            notes.write(json.dumps(note) + "\n")


addons = [Tested()]
