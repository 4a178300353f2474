"""The require_reason policy: where a reason may stand, for how long it holds, and where it is kept."""

import json
from typing import Any

import psycopg
import pytest

from hoopaddon import Command, ConfigError
from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.addons.require_reason import KEY, RequireReason
from hoopaddon.testing import Bench, command, file_operation, http_request, judge, session, shell_command
from tests.adapters.postgres.wire import eventually
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

TICKET = {"reason_pattern": "[A-Z]+-[0-9]+"}


def noted(judged: Command, options: dict[str, Any] | None = None) -> str | None:
    """The reason that is noted with a command; None where it is refused."""
    if not judge(RequireReason(), judged, options=options).passes:
        return None
    return next((line.reason for line in judged.trace if line.addon == KEY), "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT 1", None),
        ("/* reason: OPS-12 cleanup */ DELETE FROM t", "OPS-12 cleanup"),
        ("  /*reason:OPS-12*/ SELECT 1", "OPS-12"),
        ("SELECT 1 /* Reason: OPS-12 */", "OPS-12"),
        ("SELECT 1 /* reason: OPS-12 */ ;", "OPS-12"),
        ("SET hoopaddon.reason = 'OPS-12'", "OPS-12"),
        ("SELECT set_config('hoopaddon.reason', 'OPS-12', false)", "OPS-12"),
        ("SET hoopaddon.reason = 'OPS-12'; DELETE FROM t", "OPS-12"),
        # No reasons, though they look like some.
        ("/* OPS-12 */ SELECT 1", None),
        ("/* reason: */ SELECT 1", None),
        ("/* reason: x */ SELECT 1", None),
        ("SELECT '/* reason: OPS-12 */'", None),
        ("SELECT '/* reason: OPS-12 */' -- ", None),
        ("SELECT 1, '/* reason: OPS-12 */', 2", None),
        ("SELECT set_config('hoopaddon.reason', $1, false)", None),
        ("SELECT 'SET hoopaddon.reason = x'", None),
        ("EXPLAIN SELECT set_config('hoopaddon.reason', 'OPS-12', false)", None),
        ("SET other.reason = 'OPS-12'; SELECT 1", None),
        # What drivers send before anybody could say anything.
        ("BEGIN", ""),
        ("SET client_encoding = 'UTF8'", ""),
        ("SHOW server_version", ""),
        ("COMMIT PREPARED 'x'", None),
        ("BEGIN; DELETE FROM t", None),
    ],
)
def test_sql(text: str, reason: str | None) -> None:
    assert noted(command(text)) == reason


@pytest.mark.parametrize(
    ("name", "reason"), [("reason: OPS-12", "OPS-12"), ("Reason=OPS-12", "OPS-12"), ("psql", None), ("reason:", None)]
)
def test_the_name_of_an_application(name: str, reason: str | None) -> None:
    assert noted(command("SELECT 1", session=session(parameters={"application_name": name}))) == reason


@pytest.mark.parametrize(
    ("line", "typed", "reason"),
    [
        ("ls", False, None),
        ("REASON='OPS-12 disk full' ls", False, "OPS-12 disk full"),
        ("REASON=OPS-12; rm x", False, "OPS-12"),
        ("export REASON=OPS-12", True, "OPS-12"),
        ("REASON=OPS-12", True, "OPS-12"),
        ("REASON=$x ls", False, None),
        ("echo REASON=OPS-12", False, None),
        ("reason=OPS-12 ls", False, None),
    ],
)
def test_command_lines(line: str, typed: bool, reason: str | None) -> None:
    found = noted(shell_command(line, typed=typed))
    assert found == reason


def test_a_variable_that_an_ssh_client_sends_along() -> None:
    line = shell_command("ls")
    line.parameters = ("REASON=OPS-12", "TERM=xterm")
    assert noted(line) == "OPS-12"


def test_a_reason_for_the_session_holds_until_there_is_another() -> None:
    with Bench(RequireReason(), options=TICKET) as bench:
        who = session()

        def reason(text: str) -> str | None:
            judged = command(text, session=who)
            passes = bench.judge(judged).passes
            return next((line.reason for line in judged.trace if line.addon == KEY), "") if passes else None

        assert reason("SELECT 1") is None
        assert reason("SET hoopaddon.reason = 'OPS-1'") == "OPS-1"
        assert reason("SELECT 1") == "OPS-1"
        assert reason("/* reason: OPS-2 */ SELECT 1") == "OPS-2"
        assert reason("SELECT 1") == "OPS-1", "a comment is for its own command"
        assert reason("SET hoopaddon.reason = 'OPS-3'") == "OPS-3"
        assert reason("SELECT 1") == "OPS-3"
        for text in ("RESET hoopaddon.reason", "RESET ALL", "DISCARD ALL", "SET hoopaddon.reason = ''"):
            assert reason("SET hoopaddon.reason = 'OPS-3'")
            assert reason(text) == ""
            assert reason("SELECT 1") is None


def test_files_go_by_what_was_said_in_the_same_connection() -> None:
    with Bench(RequireReason()) as bench:
        who = session(protocol="ssh")
        assert not bench.judge(file_operation("read", "/srv/a", session=who)).passes
        assert bench.judge(shell_command("REASON='OPS-12'", session=who)).passes
        assert bench.judge(file_operation("read", "/srv/a", session=who)).passes
        assert not bench.judge(file_operation("read", "/srv/a")).passes


def test_headers() -> None:
    assert noted(http_request("GET /a")) is None
    assert noted(http_request("GET /a", headers={"x-access-reason": "OPS-12"})) == "OPS-12"
    assert noted(http_request("GET /a", headers={"X-Ticket": "OPS-12"}), {"reason_header": "x-ticket"}) == "OPS-12"
    assert noted(http_request("GET /a?x-access-reason=OPS-12")) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("DELETE /api/v1/namespaces/shop/pods/web", None),
        ("PATCH /api/v1/namespaces/shop/pods/web?fieldManager=reason%3A%20OPS-12\n\n{}", "OPS-12"),
        ("PATCH /api/v1/namespaces/shop/pods/web?fieldManager=kubectl\n\n{}", None),
    ],
)
def test_kubernetes(line: str, reason: str | None) -> None:
    assert noted(command(line, protocol="kubernetes")) == reason


def test_tools() -> None:
    def call(meta: object) -> McpToolCall:
        beside = (json.dumps({"_meta": meta}),) if meta is not None else ()
        return McpToolCall(session(protocol="mcp"), "run", {"hoopaddon/reason": "OPS-12"}, parameters=beside)

    assert noted(call(None)) is None
    assert noted(call({"hoopaddon/reason": "OPS-12"})) == "OPS-12"
    assert noted(call({"hoopaddon/reason": 12})) is None
    assert noted(call(["hoopaddon/reason"])) is None
    who = session(protocol="mcp")
    assert noted(McpRequest(who, "initialize", {})) == ""
    assert noted(McpRequest(who, "resources/read", {"uri": "file:///a"})) is None
    assert (
        noted(McpRequest(who, "resources/read", {"uri": "file:///a", "_meta": {"hoopaddon/reason": "OPS"}})) == "OPS"
    )
    assert noted(McpRequest(who, "sampling/createMessage", {}, to_client=True)) == ""


def test_a_ticket_can_be_asked_for() -> None:
    assert noted(command("/* reason: because */ SELECT 1"), TICKET) is None
    assert noted(command("/* reason: because of OPS-12 */ SELECT 1"), TICKET) == "because of OPS-12"


def test_whom_and_what_it_does_not_concern() -> None:
    query = command("SELECT 1", groups=["oncall"], labels={"env": "test"})
    assert judge(RequireReason(), query, options={"reason_except": ["oncall,dba"]}).passes
    assert judge(RequireReason(), query, options={"reason_labels": ["env=prod"]}).passes
    assert judge(RequireReason(), query, options={"reason_not_for": ["select,get"]}).passes
    assert not judge(
        RequireReason(), query, options={"reason_labels": ["env=test"], "reason_not_for": ["get"]}
    ).passes
    writes = command("WITH d AS (DELETE FROM t RETURNING 1) SELECT 1")
    assert not judge(RequireReason(), writes, options={"reason_not_for": ["select"]}).passes


def test_a_reason_is_short_and_of_one_line() -> None:
    found = noted(command(f"/* reason: {'x' * 500} */ SELECT 1"))
    assert found is not None
    assert len(found) == 200
    assert noted(command("/* reason: OPS-12\n\x1b[31m red */ SELECT 1")) == "OPS-12 [31m red"


def test_what_no_record_could_hold_is_left_out() -> None:
    assert noted(http_request("GET /", headers={"x-access-reason": "OPS\udcff-12\u202e"})) == "OPS -12"


def test_a_long_text_full_of_comments_is_read_at_once() -> None:
    assert noted(command("SELECT 1" + "/* reason: " * 10_000 + "*/" * 10_000)) is None


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (command("SELECT 1"), "SET hoopaddon.reason = '…'"),
        (shell_command("ls"), "begin with REASON='…'"),
        (http_request("GET /"), "in the header X-Access-Reason"),
    ],
)
def test_a_refusal_says_how(made: Command, said: str) -> None:
    assert said in judge(RequireReason(), made).reason
    assert "(it has to match [A-Z]+-[0-9]+)" in judge(RequireReason(), made, options=TICKET).reason


@pytest.mark.parametrize(
    "options", [{"reason_pattern": "("}, {"reason_header": "a b"}, {"reason_header": ""}, {"reason_labels": ["prod"]}]
)
def test_what_makes_no_sense_is_an_error_that_says_what_to_write(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="write"):
        Bench(RequireReason(), options=options)


# -- in front of a server


def recorded(proxy: Gateway) -> str:
    return "\n".join(path.read_text() for path in proxy.folder.rglob("*.jsonl"))


def test_the_reason_is_recorded_with_the_command(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["require_reason.py", "record.py"])
    with proxy.connect(database) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="say why first: SET"):
            connection.execute("SELECT * FROM orders")
        connection.execute("SET hoopaddon.reason = 'OPS-4711 refund'")
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (48,)
    with proxy.connect(database, options="-c hoopaddon.reason=OPS-4712") as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (48,)
    with proxy.connect(database, application_name="reason: OPS-4713") as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (48,)
    said = [
        f'"require_reason","postgres_query","reason","OPS-{ticket}"' for ticket in ("4711 refund", "4712", "4713")
    ]
    eventually(lambda: all(one in recorded(proxy) for one in said))
