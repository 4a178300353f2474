"""The scene at a shell: the same policies, before another protocol."""

import base64
import json
import subprocess
import time
from typing import Any

from demo.agent import NAME
from demo.scenes import Stage
from demo.ssh_agent import SshReply
from demo.ssh_target import CUSTOMERS

_ENDED_WITHIN_S = 10
_AUDITOR = "auditor"


def ssh(stage: Stage) -> None:
    report, target = stage.report, stage.ssh_target
    report.note(f"The machine is this one: {target.name}, that lets nobody in but the gateway.\n")
    count = f"wc -l < {target.customers}; echo as it is >&2; exit 3"
    reply = _run(stage, count)
    direct = subprocess.run(["/bin/sh", "-c", count], capture_output=True, text=True, check=False)
    same = (reply.out, reply.err, reply.status) == (direct.stdout, direct.stderr, direct.returncode)
    report.check("ssh", "allowed: the output, the errors and the exit status are the command's own", same)
    report.gap()
    show = f"cat {target.customers}"
    seen = _run(stage, show)
    rows = [line.split(",") for line in CUSTOMERS.splitlines()[1:]]
    secrets = [cell for row in rows for cell in row[1:]]
    hidden = seen.status == 0 and all(row[0] in seen.out for row in rows) and not any(s in seen.out for s in secrets)
    report.check("ssh", f"masked: none of the {len(secrets)} real values reached the agent", hidden)
    report.gap()
    hidden_removal = base64.b64encode(f"rm -rf {target.data}".encode()).decode()
    destructive = (f"shred -u {target.customers}", f"echo {hidden_removal} | base64 -d | sh")
    for command in destructive:
        refused = _run(stage, command)
        told = refused.status == 126 and "hoopaddon: " in refused.err and "block_destructive" in refused.err
        report.check("ssh", "blocked: one line with the reason and the policy, and exit status 126", told)
        report.gap()
    intact = target.customers.is_file() and target.customers.read_text() == CUSTOMERS
    report.check("ssh", "the file is as it was", intact)
    report.gap()
    _recorded(stage, {count: "allowed", show: "allowed", **dict.fromkeys(destructive, "refused")}, seen)


def _run(stage: Stage, command: str) -> SshReply:
    stage.report.shell(NAME, command)
    reply = stage.ssh_agent.run(command)
    stage.report.output(reply.out)
    stage.report.output(reply.err, style="red")
    if reply.status:
        stage.report.output(f"exit status {reply.status}", style="dim")
    return reply


def _recorded(stage: Stage, verdicts: dict[str, str], seen: SshReply) -> None:
    sessions = ended_sessions(stage, len(verdicts))
    events = [event for session in sessions for event in stage.events(session)]
    told = {text: verdict for session in sessions for text, verdict in stage.told(session)}
    stage.report.check("ssh", f"recorded: {len(verdicts)} commands, each with its verdict", told == verdicts)
    outputs = "".join(event["text"] for event in events if event["type"] == "output" and event["kind"] == "stdout")
    stage.report.check("ssh", "recorded: what the agent saw, masks and all", bool(seen.out) and seen.out in outputs)
    if sessions:
        stage.report.gap()
        stage.hoopaddon(_AUDITOR, "sessions", "show", sessions[len(sessions) // 3])


def ended_sessions(stage: Stage, count: int) -> list[str]:
    """The ids of the sessions over SSH, the oldest first, once so many of them have ended."""
    deadline = time.monotonic() + _ENDED_WITHIN_S
    while True:
        found: list[dict[str, Any]] = [
            session
            for session in map(json.loads, stage.gateway.run("sessions", "list", "--json").out.splitlines())
            if session["protocol"] == "ssh"
        ]
        if (len(found) >= count and all(session["ended"] for session in found)) or time.monotonic() > deadline:
            return [session["id"] for session in reversed(found)]
