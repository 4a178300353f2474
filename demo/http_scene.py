"""The scene at an HTTP service: the same policies, before an API."""

import json
import shlex
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from demo.agent import NAME
from demo.scenes import Stage
from demo.server import HOST

_WITHIN_S = 60
_AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back."""

    status: int
    body: str

    @property
    def document(self) -> Any:
        """The body, read as JSON; nothing where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def http(stage: Stage) -> None:
    report, target = stage.report, stage.http_target
    report.note("The service wants a key, which is the gateway's; the agent has its token.\n")
    nobody = _ask(stage, "GET", "/customers", token="")
    report.check(
        "http", "without a token: 401, and the service hears nothing", nobody.status == 401 and not target.seen
    )
    report.gap()
    seen = _ask(stage, "GET", "/customers")
    names = [customer["name"] for customer in seen.document or []]
    secrets = [customer[field] for customer in target.customers for field in ("email", "card")]
    hidden = names == [customer["name"] for customer in target.customers] and not any(s in seen.body for s in secrets)
    report.check("http", f"masked: none of the {len(secrets)} real values reached the agent", hidden)
    report.gap()
    refused = _ask(stage, "DELETE", "/customers")
    problem = refused.document if isinstance(refused.document, dict) else {}
    told = refused.status == 403 and problem.get("policy") == "block_destructive.py" and problem.get("detail")
    report.check("http", "blocked: 403, with the reason and the policy", bool(told))
    kept = len(target.customers) == len(names) and target.seen == ["GET /customers"]
    report.check("http", "the service never heard of it", kept)
    report.gap()
    _recorded(stage, seen)


def _ask(stage: Stage, method: str, path: str, token: str | None = None) -> HttpReply:
    token = stage.agent_token if token is None else token
    asked = [] if method == "GET" else ["-X", method]
    with_token = ["-H", "Authorization: Bearer …"] if token else []
    line = ["curl", *asked, *with_token, f"http://{HOST}:{stage.gateway.http_port}{path}"]
    stage.report.program_of(NAME, shlex.join(line))
    connection = HTTPConnection(HOST, stage.gateway.http_port, timeout=_WITHIN_S)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        reply = HttpReply(answer.status, answer.read().decode(errors="replace"))
    finally:
        connection.close()
    failed = reply.status >= 400
    stage.report.output(f"HTTP {reply.status}", style="red" if failed else "dim")
    stage.report.output(reply.body, style="red" if failed else "")
    return reply


def _recorded(stage: Stage, seen: HttpReply) -> None:
    """The session goes on, as one on HTTP does between two requests; its record is there all the same."""
    listed = stage.gateway.run("sessions", "list", "--json").out.splitlines()
    sessions = [session["id"] for session in map(json.loads, listed) if session["protocol"] == "http"]
    told = {text: verdict for session in sessions for text, verdict in stage.told(session)}
    expected = {"GET /customers": "allowed", "DELETE /customers": "refused"}
    stage.report.check("http", "recorded: both requests, each with its verdict", told == expected)
    events = [event for session in sessions for event in stage.events(session)]
    outputs = "".join(event["text"] for event in events if event["type"] == "output")
    same = seen.status == 200 and json.loads(outputs or "null") == seen.document
    stage.report.check("http", "recorded: the answer that the agent saw, masks and all", same)
    if sessions:
        stage.report.gap()
        stage.hoopaddon(_AUDITOR, "sessions", "show", sessions[0])
