"""Refuses what is secret, and notes every operation that has ended."""

import json
from pathlib import Path

from hoopaddon import Command, FileOperation, Refused, ctx


def sftp_operation(command: FileOperation) -> None:
    if any("secret" in path for path in command.objects):
        raise Refused("that is a secret")


def command_end(command: Command) -> None:
    with (Path(ctx.options.confdir).expanduser() / "notes.jsonl").open("a") as notes:
        note = {"text": command.text, "tag": command.tag, "error": command.error, "outcome": command.verdict.outcome}
        notes.write(json.dumps(note) + "\n")
