"""Policies beside the record policy, and what it has written, for its tests."""

from pathlib import Path
from typing import Any

import orjson

from hoopaddon import Command, Facts, Refused, Rows, Session, Unparsable
from hoopaddon.testing import Bench


class Unread(Command):
    """A command that breaks when somebody asks for its facts."""

    @property
    def facts(self) -> Facts:
        raise Unparsable("nobody should have asked")


class Guard:
    """Refuses DROP, rewrites `old`, asks for an approval of DELETE, and masks e-mail addresses."""

    def command(self, command: Command) -> Any:
        if "DROP" in command.text:
            raise Refused("DROP needs a ticket")
        command.rewrite(command.text.replace("old", "new"))
        return command.approve("delete") if "DELETE" in command.text else None

    def rows(self, rows: Rows) -> None:
        for row in rows:
            for position in range(len(row)):
                if "@" in (row[position] or ""):
                    row[position] = "***"


def journals(confdir: Path) -> list[Path]:
    return sorted((confdir / "store" / "sessions").rglob("*.jsonl"))


def events(confdir: Path, *types: str) -> list[dict[str, Any]]:
    (path,) = journals(confdir)
    found = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return [event for event in found if not types or event["type"] in types]


def recorded(confdir: Path) -> list[tuple[list[str] | None, list[list[str | None]]]]:
    """The batches of rows, each with its columns if it says them: in events of their own, or with a command's end."""
    return [(event.get("columns"), event["cells"]) for event in events(confdir) if "cells" in event]


def run(bench: Bench, session: Session, text: str, *parameters: Any, **end: Any) -> Command:
    """A command from its judgement to its end."""
    command = Unread(session, text, parameters)
    bench.judge(command)
    bench.end(command, **end)
    return command
