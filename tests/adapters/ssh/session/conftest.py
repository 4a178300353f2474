"""Gateways that many tests share, and an SSH client in the test's own loop."""

from collections.abc import Iterator

import pytest

from tests.servers.ssh import SshGateway, SshServer

SOON = {"shutdown_timeout": 2}

POLICY = '''
"""Refuses, holds, rewrites and breaks where a command has a word for it, and notes how each ended."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path

from hoopaddon import Command, Output, Refused, ctx


def command(command: Command) -> Awaitable[None] | None:
    if "refuseme" in command.text:
        raise Refused("no such thing\\nhere \\x1b[31m")
    if "breakme" in command.text:
        raise KeyError("secret 4711")
    if "holdme" in command.text:
        return command.approve("somebody has to look", within_s=60)
    if "rewriteme" in command.text:
        command.rewrite("echo rewritten")
    if "emptyme" in command.text:
        command.rewrite("")
    if "slowly" in command.text:
        return asyncio.sleep(0.3)
    return None


def output(output: Output) -> Awaitable[None] | None:
    if "SECRET" in output.text:
        output.text = output.text.replace("SECRET", "[masked]")
    if "WITHHOLD" in output.text:
        raise Refused("that is not for you")
    if "CRASH" in output.text:
        raise KeyError("secret 4711")
    if "WAIT" in output.text:
        return asyncio.sleep(0.2)
    if output.kind == "resize":
        note({"what": "resize", "text": output.text})
    return None


def command_end(command: Command) -> None:
    note(
        {
            "what": "ended",
            "hook": command.hook,
            "text": command.text,
            "verbs": sorted(command.verbs) if command.hook == "ssh_forward" else [],
            "objects": sorted(command.objects) if command.hook == "ssh_forward" else [],
            "parameters": list(command.parameters),
            "outcome": str(command.verdict.outcome),
            "tag": command.tag,
            "bytes": command.bytes,
            "duration_s": command.duration_s,
            "error": command.error,
        }
    )


def note(what: dict[str, object]) -> None:
    with (Path(ctx.options.confdir) / "notes.jsonl").open("a") as notes:
        notes.write(json.dumps(what) + "\\n")
'''


@pytest.fixture(scope="session")
def judging(sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGateway]:
    """A gateway with `POLICY` that allows nothing beside sessions."""
    folder = tmp_path_factory.mktemp("judging")
    with SshGateway(sshd, folder, scripts=[POLICY], settings=sshd.settings, options=SOON) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def open_gateway(sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGateway]:
    """The same, which allows every kind of forward and every environment variable."""
    settings = {**sshd.settings, "allow": ["local_forward", "remote_forward", "agent_forward", "environment"]}
    folder = tmp_path_factory.mktemp("open")
    with SshGateway(sshd, folder, scripts=[POLICY], settings=settings, options=SOON) as gateway:
        yield gateway
