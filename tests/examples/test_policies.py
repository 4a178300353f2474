"""Every example does what its docstring says, tried with the kit that users get."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mitmproxy.test import tflow

from hoopaddon import Column, ConfigError, Outcome, Refused
from hoopaddon.testing import Bench, command, held, judge, load, mask, rows, session

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    return load(EXAMPLES / f"{name}.py")


# -- require_ticket


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("SELECT 1", True),
        ("/* OPS-123 */ UPDATE t SET a = 1", True),
        ("UPDATE t SET a = 1 -- OPS-123", True),
        ("UPDATE t SET a = 1", False),
        ("/* no ticket */ DELETE FROM t", False),
        ("UPDATE t SET a = 'OPS-123'", False),
    ],
)
def test_require_ticket(text: str, passes: bool) -> None:
    assert judge(example("require_ticket"), command(text)).passes is passes


def test_require_ticket_of_another_shape() -> None:
    script = example("require_ticket")
    assert judge(script, command("/* #77 */ DROP TABLE t"), options={"ticket_pattern": "#[0-9]+"}).passes
    with pytest.raises(ConfigError, match="not a regular expression"):
        judge(script, command("SELECT 1"), options={"ticket_pattern": "("})


# -- read_only_group


@pytest.mark.parametrize(
    ("text", "groups", "passes"),
    [
        ("SELECT 1", ["analysts"], True),
        ("DELETE FROM t", ["analysts"], False),
        ("DELETE FROM t", ["analysts", "dba"], False),
        ("DELETE FROM t", ["dba"], True),
        ("BEGIN", ["analysts"], True),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", ["analysts"], False),
    ],
)
def test_read_only_group(text: str, groups: list[str], passes: bool) -> None:
    options = {"read_only_groups": ["analysts"]}
    assert judge(example("read_only_group"), command(text, groups=groups), options=options).passes is passes


# -- working_hours


@pytest.mark.parametrize(
    ("now", "text", "env", "passes"),
    [
        ("2026-03-04T09:00", "UPDATE t SET a = 1", "prod", True),
        ("2026-03-04T07:59", "UPDATE t SET a = 1", "prod", False),
        ("2026-03-04T18:00", "UPDATE t SET a = 1", "prod", False),
        ("2026-03-07T09:00", "UPDATE t SET a = 1", "prod", False),
        ("2026-03-07T09:00", "UPDATE t SET a = 1", "dev", True),
        ("2026-03-07T09:00", "SELECT 1", "prod", True),
    ],
)
def test_working_hours(now: str, text: str, env: str, passes: bool) -> None:
    clock = datetime.fromisoformat(now).replace(tzinfo=UTC)
    policy = example("working_hours").WorkingHours(lambda: clock)
    assert judge(policy, command(text, labels={"env": env})).passes is passes


def test_working_hours_are_those_of_the_zone() -> None:
    policy = example("working_hours").WorkingHours(lambda: datetime(2026, 3, 4, 7, 30, tzinfo=UTC))
    late = command("DROP TABLE t", labels={"env": "prod"})
    assert judge(policy, late, options={"working_zone": "Europe/Berlin"}).passes
    assert not judge(policy, late).passes


@pytest.mark.parametrize("options", [{"working_hours": "8 to 6"}, {"working_zone": "Mars/Olympus"}])
def test_working_hours_that_make_no_sense(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="for example"):
        judge(example("working_hours"), command("SELECT 1"), options=options)


# -- tag_queries


def test_tag_queries() -> None:
    query = command("SELECT 1", user="agent-7")
    assert judge(example("tag_queries"), query).passes
    assert query.text == f"/* user=agent-7 session={query.session.id} */ SELECT 1"
    assert query.original_text == "SELECT 1"


def test_tag_queries_cannot_be_left_by_a_name() -> None:
    query = command("SELECT 1", user="x */ DROP TABLE t; /*")
    judge(example("tag_queries"), query)
    assert query.text.count("*/") == 1
    assert query.text.endswith("*/ SELECT 1")


# -- mask_by_role


@pytest.mark.parametrize(("groups", "seen"), [(["dev"], "***"), (["hr"], "4200"), ([], "***")])
def test_mask_by_role(groups: list[str], seen: str) -> None:
    of = command("SELECT name, salary FROM staff", groups=groups)
    assert mask(example("mask_by_role"), ["name", "salary"], [["Ada", 4200]], of=of) == [["Ada", seen]]


def test_mask_by_role_sees_through_an_alias() -> None:
    columns = [Column("x", "text", "public.staff", "salary")]
    assert mask(example("mask_by_role"), columns, [["4200"], [None]]) == [["***"], ["***"]]


# -- slow_queries


@pytest.mark.parametrize(("duration_s", "reported"), [(11.0, True), (9.9, False)])
def test_slow_queries(caplog: pytest.LogCaptureFixture, duration_s: float, reported: bool) -> None:
    with Bench(example("slow_queries")) as bench, caplog.at_level(logging.WARNING, "slow_queries"):
        query = command("SELECT 'secret'", user="bob")
        bench.judge(query)
        bench.end(query, duration_s=duration_s, rows=3)
    assert ("bob on test: 11.0 s, 3 rows" in caplog.text) is reported
    assert "secret" not in caplog.text


# -- approve_prod_deletes


@pytest.mark.parametrize(
    ("text", "env", "count"),
    [
        ("DELETE FROM t WHERE id = 1", "prod", 1),
        ("DROP TABLE t", "prod", 2),
        ("DELETE FROM t WHERE id = 1", "dev", 0),
        ("SELECT 1", "prod", 0),
    ],
)
def test_approve_prod_deletes(text: str, env: str, count: int) -> None:
    request = held(example("approve_prod_deletes"), command(text, labels={"env": env}))
    assert (request.count if request else 0) == count
    assert request is None or request.by == {"dba"}


def test_approve_prod_deletes_follows_the_answer() -> None:
    script = example("approve_prod_deletes")
    delete = command("DELETE FROM t", labels={"env": "prod"})
    assert judge(script, delete, approve=True).outcome is Outcome.APPROVED
    assert judge(script, delete, approve=False).outcome is Outcome.DENIED


# -- ask_service


class Service(HTTPServer):
    """A service that gives the answers of a test, and keeps the questions."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body
        self.questions: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Answering)


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.questions.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with Service(*request.param) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("service", "passes", "says"),
    [
        ((200, b'{"allow": true}'), True, ""),
        ((200, b'{"allow": false, "reason": "not on a Friday"}'), False, "not on a Friday"),
        ((200, b'{"allow": "yes"}'), False, "said no"),
        ((200, b"{}"), False, "said no"),
        ((200, b"[true]"), False, "did not answer"),
        ((200, b"true, of course"), False, "did not answer"),
        ((500, b'{"allow": true}'), False, "did not answer"),
    ],
    indirect=["service"],
)
def test_ask_service(service: Service, passes: bool, says: str) -> None:
    url = f"http://127.0.0.1:{service.server_port}/allow"
    query = command("DELETE FROM orders", user="agent-7", groups=["dev"])
    verdict = judge(example("ask_service"), query, options={"ask_url": url})
    assert verdict.passes is passes
    assert says in verdict.reason
    assert service.questions[0]["verbs"] == ["delete"]
    assert service.questions[0]["user"] == "agent-7"


def test_ask_service_that_is_not_there_allows_nothing() -> None:
    with Service(200, b"") as free:
        url = f"http://127.0.0.1:{free.server_port}/"
    verdict = judge(example("ask_service"), command("SELECT 1"), options={"ask_url": url})
    assert verdict.outcome is Outcome.REFUSED


def test_ask_service_without_a_service_does_not_start() -> None:
    with pytest.raises(ConfigError, match="ask_url"):
        judge(example("ask_service"), command("SELECT 1"))


# -- session_groups


@pytest.mark.parametrize(
    ("target", "groups", "enters"),
    [("orders", ["dev"], True), ("orders", ["hr"], False), ("payroll", ["hr"], True), ("other", ["hr"], False)],
)
def test_session_groups(target: str, groups: list[str], enters: bool) -> None:
    with Bench(example("session_groups"), options={"session_groups": ["orders:dev,ops", "payroll:hr"]}) as bench:
        if enters:
            bench.start(session(groups=groups, target=target))
            assert bench.errors == []
        else:
            with pytest.raises(Refused, match=f"no access to {target}"):
                bench.start(session(groups=groups, target=target))


def test_session_groups_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="TARGET:GROUP"):
        judge(example("session_groups"), command("SELECT 1"), options={"session_groups": ["orders"]})


# -- row_limit


def test_row_limit_counts_over_batches() -> None:
    with Bench(example("row_limit"), options={"row_limit": 3}) as bench:
        query = command("SELECT 1")
        bench.rows(rows(query, ["a"], [[1], [2]]))
        bench.rows(rows(query, ["a"], [[3]]))
        with pytest.raises(Refused, match="more than 3 rows"):
            bench.rows(rows(query, ["a"], [[4]]))
        bench.end(query)
        assert query.session.vars == {"row_limit.seen": {}}


# -- rate_limit


def test_rate_limit_is_per_user_and_minute() -> None:
    now = 0.0
    with Bench(example("rate_limit").RateLimit(lambda: now), options={"rate_per_minute": 2}) as bench:
        agent, other = session("agent-7"), session("bob")
        assert [bench.judge(command("SELECT 1", session=agent)).passes for _ in range(3)] == [True, True, False]
        assert bench.judge(command("SELECT 1", session=other)).passes
        now = 61.0
        assert bench.judge(command("SELECT 1", session=agent)).passes


def test_rate_limit_counts_a_rewritten_command_once() -> None:
    with Bench(example("rate_limit"), example("tag_queries"), options={"rate_per_minute": 2}) as bench:
        agent = session("agent-7")
        assert [bench.judge(command("SELECT 1", session=agent)).passes for _ in range(3)] == [True, True, False]


# -- columns_read


def test_columns_read_observes_what_the_client_sees(caplog: pytest.LogCaptureFixture) -> None:
    with Bench(example("columns_read"), example("mask_by_role")) as bench, caplog.at_level(logging.INFO):
        query = command("SELECT salary FROM staff", user="bob")
        batch = rows(query, ["name", Column("salary", "int4", "public.staff", "salary")], [["Ada", 1], ["Bob", 2]])
        assert bench.rows(batch).cells == [["Ada", None], ["Bob", None]]
        bench.stop(query.session)
    assert "bob read public.staff.salary in 2 rows" in caplog.text
    assert "bob read name in 2 rows" in caplog.text


# -- http_headers


def test_http_headers() -> None:
    script = example("http_headers")
    flow = tflow.tflow(resp=True)
    assert flow.response
    flow.response.headers["server"] = "Apache/2.4"
    script.request(flow)
    script.response(flow)
    assert flow.request.headers["x-forwarded-by"] == "hoopaddon"
    assert "server" not in flow.response.headers


async def test_http_headers_kill_what_is_for_administrators() -> None:
    flow = tflow.tflow()
    flow.request.path = "/admin/users"
    example("http_headers").request(flow)
    await asyncio.sleep(0)
    assert flow.error is not None


# -- one_schema


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT * FROM sales.orders", ""),
        ("SELECT 1", ""),
        ("SELECT * FROM orders", "write the schema of orders"),
        ("SELECT * FROM sales.orders JOIN payroll.staff USING (id)", "payroll.staff: only sales"),
        ("DROP TABLE payroll.staff", "payroll.staff: only sales"),
        ("WITH x AS (SELECT * FROM payroll.staff) SELECT * FROM x", "payroll.staff"),
    ],
)
def test_one_schema(text: str, says: str) -> None:
    verdict = judge(example("one_schema"), command(text), options={"schemas": ["sales"]})
    assert verdict.passes is (says == "")
    assert says in verdict.reason


# -- writing_functions


@pytest.mark.parametrize(
    ("text", "held_for"),
    [
        ("SELECT cleanup()", "calls cleanup"),
        ("SELECT ops.cleanup(7)", "calls cleanup"),
        ("SELECT (t).cleanup FROM t", "calls cleanup"),
        ("SELECT 1 WHERE EXISTS (SELECT cleanup(), close_month())", "calls cleanup, close_month"),
        ("DO 'BEGIN PERFORM cleanup(); END'", "calls cleanup"),
        ("SELECT lower(name) FROM t", None),
        ("SELECT 'cleanup()'", None),
    ],
)
def test_writing_functions(text: str, held_for: str | None) -> None:
    options = {"writing_functions": ["cleanup", "close_month"]}
    request = held(example("writing_functions"), command(text), options=options)
    assert (request and request.reason) == held_for
