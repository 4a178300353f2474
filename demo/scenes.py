"""The scenes: the agent sends real statements, and each outcome is looked at on both sides of the gateway."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from demo.agent import NAME, Agent, Reply
from demo.gateway import APP, APPROVERS, DATABASE, Gateway
from demo.http_target import HttpTarget
from demo.postgres import EmbeddedPostgres
from demo.report import Report
from demo.ssh_agent import SshAgent
from demo.ssh_target import SshTarget

APPROVER = "maria"
WITHIN_S = 6
_NEWS_WITHIN_S = 20
_TOTALS = "SELECT item, count(*) AS orders, sum(amount) AS total FROM orders GROUP BY item ORDER BY item"
PEOPLE = "SELECT name, email, phone, card, ssn, last_login FROM customers ORDER BY id LIMIT 4"
_DOUBLE = "INSERT INTO customers (id, name, email) VALUES (99, 'Double', 'amara.osei@example.com')"
_DESTRUCTIVE = (
    "DROP TABLE customers",
    "DELETE FROM orders",
    "UPDATE orders SET amount = 0 WHERE 1 = 1",
    "DO $$ BEGIN EXECUTE 'DR' || 'OP TABLE orders'; END $$",
)
_DISCOUNT = "UPDATE orders SET amount = amount - %s WHERE id = %s"
_DELETE = "DELETE FROM orders WHERE id = 3"


@dataclass(slots=True)
class Stage:
    """Who takes part. `asked` are the agent's statements so far, in order, with the verdict each has to have;
    `replies` are the replies by statement."""

    database: EmbeddedPostgres
    gateway: Gateway
    agent: Agent
    agent_token: str
    approver_token: str
    report: Report
    ssh_target: SshTarget
    ssh_agent: SshAgent
    http_target: HttpTarget
    asked: list[tuple[str, str]] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)

    def run(self, sql: str, verdict: str) -> Reply:
        """Let the agent run a statement, and show what it gets."""
        self.report.statement(NAME, sql)
        self.asked.append((sql, verdict))
        self.replies[sql] = reply = self.agent.run(sql)
        self.report.reply(reply)
        return reply

    def events(self, session: str) -> list[dict[str, Any]]:
        """What is recorded of a session."""
        return [json.loads(line) for line in self.gateway.run("sessions", "show", session, "--json").out.splitlines()]

    def told(self, session: str) -> list[tuple[str, str]]:
        """Each command of a session with its verdict. A refused one has a single event, which says what was asked."""
        texts: dict[int, str] = {}
        told = []
        for event in self.events(session):
            if event["type"] == "command":
                texts[event["command"]] = event["text"]
            elif event["type"] == "command_end":
                told.append((event.get("text") or texts.get(event["command"], ""), event["verdict"]))
        return told

    def really(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows as the database itself has them, without any gateway."""
        return self.database.execute(sql, DATABASE, APP)

    def hoopaddon(self, who: str, *words: str, token: str = "", max_lines: int = 0) -> int:
        """Run a command of the program for somebody, and show it with what it prints; its exit code."""
        self.report.command(who, *words)
        done = self.gateway.run(*words, columns=self.report.columns, colour=self.report.colour, token=token)
        self.report.output(done.out, max_lines)
        if done.err.strip():
            self.report.output(done.err, style="red")
        return done.code


def allowed(stage: Stage) -> None:
    reply = stage.run(_TOTALS, "allowed")
    same = not reply.failed and list(reply.rows) == stage.really(_TOTALS)
    stage.report.check("allowed", "the rows are the database's own", same)


def masked(stage: Stage) -> None:
    report = stage.report
    reply = stage.run(PEOPLE, "allowed")
    rows = stage.really(PEOPLE)
    secrets = {str(cell) for row in rows for cell in row[1:] if cell is not None}
    found = {str(cell) for row in reply.rows for cell in row}
    names = [row[0] for row in rows]
    hidden = bool(reply.rows) and not any(secret in cell for secret in secrets for cell in found)
    report.check("masked", f"none of the {len(secrets)} real values reached the agent", hidden)
    report.check("masked", "what is not personal data is as it was", names == [row[0] for row in reply.rows])
    empty = bool(reply.rows) and all(row[-1] is None for row in reply.rows)
    report.check("masked", "last_login is of type inet: no mask fits there, so it is NULL", empty)
    report.gap()
    reply = stage.run(_DOUBLE, "allowed")
    quoted = reply.code == "23505" and "(email)" in reply.detail and "amara" not in reply.detail
    report.check("masked", "the database's own error does not give the address away", quoted)


def blocked(stage: Stage) -> None:
    report = stage.report
    already = len(stage.database.log())
    tables = "SELECT (SELECT count(*) FROM customers), (SELECT sum(amount) FROM orders)"
    before = stage.really(tables)
    for sql in _DESTRUCTIVE:
        reply = stage.run(sql, "refused")
        told = reply.refused and bool(reply.message) and "block_destructive" in reply.detail
        report.check("blocked", "refused as PostgreSQL refuses, with the reason and the policy", told)
        report.gap()
    arrived = [sql for sql in _DESTRUCTIVE if sql in stage.database.log()[already:]]
    report.check("blocked", "the server's own log has none of the four", not arrived)
    report.check("blocked", "both tables are as they were", _unless_gone(stage, tables) == before)


def _unless_gone(stage: Stage, sql: str) -> list[tuple[Any, ...]] | None:
    try:
        return stage.really(sql)
    except Exception:  # whatever it is, the tables are not as they were
        return None


def approved(stage: Stage) -> None:
    report, amount = stage.report, "SELECT amount FROM orders WHERE id = 7"
    before = stage.really(amount)
    report.statement(NAME, _DISCOUNT, (5, 7))
    stage.asked.append((_DISCOUNT.replace("%s", "$1", 1).replace("%s", "$2", 1), "approved"))
    with _held(stage, lambda: stage.agent.run(_DISCOUNT, (5, 7))) as (request, reply):
        if not report.check("approved", "the statement is held, and the agent waits", bool(request)):
            return
        report.check("approved", "the database has not seen it", stage.really(amount) == before)
        report.gap()
        stage.hoopaddon(APPROVER, "approvals", "show", request, token=stage.approver_token)
        words = ("approvals", "approve", request, "--reason", "ticket 4711")
        code = stage.hoopaddon(APPROVER, *words, token=stage.approver_token)
        report.check("approved", f"{APPROVER}, who is in {APPROVERS}, may answer", code == 0)
        report.gap()
        got = reply.result()
        report.statement(NAME, "(goes on)")
        report.reply(got)
    ran = got.tag == "UPDATE 1" and stage.really(amount)[0][0] == before[0][0] - 5
    report.check("approved", "that statement ran, with those values, once", ran)


def denied(stage: Stage) -> None:
    report = stage.report
    report.statement(NAME, _DELETE)
    stage.asked.append((_DELETE, "denied"))
    with _held(stage, lambda: stage.agent.run(_DELETE)) as (request, reply):
        if not report.check("denied", "the statement is held", bool(request)):
            return
        report.gap()
        code = stage.hoopaddon(NAME, "approvals", "approve", request, token=stage.agent_token)
        report.check("denied", "whoever asks cannot answer", code == 1)
        report.gap()
        with report.console.status(Text(f"nobody else answers; the gateway waits {WITHIN_S} s")):
            got = reply.result()
        report.statement(NAME, "(goes on)")
        report.reply(got)
    report.check("denied", "the wait ends with a no", got.refused and f"within {WITHIN_S} s" in got.message)
    kept = len(stage.really("SELECT id FROM orders WHERE id = 3")) == 1
    report.check("denied", "the row is still there", kept)


@contextmanager
def _held(stage: Stage, run: Callable[[], Reply]) -> Iterator[tuple[str, "Future[Reply]"]]:
    """Run a statement that is going to be held: the id of its request (empty: it was not held), and its reply."""
    with ThreadPoolExecutor(1) as thread:
        reply = thread.submit(run)
        request, deadline = "", time.monotonic() + _NEWS_WITHIN_S
        while not request and not reply.done() and time.monotonic() < deadline:
            listed = stage.gateway.run("approvals", "list", "--json").out.splitlines()
            request = next((json.loads(line)["id"] for line in listed), "")
        yield request, reply
        if not request:
            stage.report.reply(reply.result())


def truthful(stage: Stage) -> None:
    report = stage.report
    stage.run("BEGIN", "allowed")
    stage.run("INSERT INTO orders VALUES (900, 1, 'headset', 59.90, '2026-03-01')", "allowed")
    refused = stage.run("TRUNCATE orders", "refused").refused
    report.check("truthful", "the driver knows that its transaction has failed", stage.agent.in_failed_transaction)
    report.gap()
    reply = stage.run("SELECT 'anything'", "allowed")
    report.check("truthful", "so does the server: this is its own answer", reply.code == "25P02")
    report.gap()
    stage.run("COMMIT", "allowed")
    gone = stage.really("SELECT 1 FROM orders WHERE id = 900") == []
    report.check("truthful", "COMMIT rolled back: nothing of the transaction remains", refused and gone)
    report.gap()
    reply = stage.run("SELECT count(*) FROM orders", "allowed")
    report.check("truthful", "the session goes on as if nothing had been", not reply.failed)
