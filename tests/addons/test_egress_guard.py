"""The egress_guard policy: what counts as read, whose requests are held, for how long, and what outlives a reload."""

import json
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Column, Command, ConfigError, HttpCommand, Outcome, Refused
from hoopaddon.adapters.http.message import message_of
from hoopaddon.addons import egress_guard
from hoopaddon.addons.egress_guard import FILE, EgressGuard
from hoopaddon.command import Verdict
from hoopaddon.testing import Bench, command, file_operation, http_request, rows, session, shell_command
from tests.conftest import StartGateway
from tests.servers.http import exchange, get
from tests.servers.in_front import InFront, confdir, in_front
from tests.servers.postgres import Database

__all__ = ["confdir", "in_front"]

SENSITIVE = ["hr.*", "salaries", "/etc/ssl/private/*", "secrets", "/v1/salaries*"]
COLUMNS = ["customers.card", "public.staff.iban", "ssn"]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Guarded(Bench):
    """A bench on which requests go to the host `test`."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        given = {"egress_sensitive": SENSITIVE, "egress_columns": COLUMNS, **options}
        super().__init__(EgressGuard(self.clock), options=given)

    def sends(self, user: str = "agent-7", **of_session: Any) -> Verdict:
        return self.judge(http_request("GET /", user=user, **of_session))

    def is_marked(self, user: str = "agent-7") -> bool:
        return not self.sends(user).passes


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("SELECT * FROM salaries", True),
        ("SELECT count(*) FROM public.salaries s", True),
        ("select 1 from HR.people", True),
        ('SELECT * FROM "hr"."people"', True),
        ("WITH a AS (SELECT * FROM salaries) SELECT 1 FROM a", True),
        ("INSERT INTO copied SELECT * FROM salaries", True),
        ("DO $$ BEGIN PERFORM * FROM salaries; END $$", True),
        ("COPY salaries TO STDOUT", True),
        ("DECLARE c CURSOR FOR SELECT 1 FROM salaries", True),
        ("PREPARE p AS SELECT * FROM salaries", True),
        ("CREATE TABLE x AS SELECT c::text FROM customers c", True),
        ("DECLARE c CURSOR FOR SELECT md5(card) FROM customers", True),
        ("COPY (SELECT to_json(c) FROM customers c) TO STDOUT", True),
        ("SELECT ssn FROM anything", True),
        ('SELECT t."ssn" || 1 FROM t', True),
        ("SELECT 1", False),
        ("SELECT * FROM orders", False),
        ("SELECT 'salaries'", False),
        ("SELECT * FROM other.people", False),
        ("SELECT session_user", False),
        ("WITH salaries AS (SELECT 1) SELECT * FROM salaries", False),
        ("SELECT name FROM customers", False),
    ],
)
def test_statements(text: str, marks: bool) -> None:
    with Guarded() as bench:
        assert bench.judge(command(text, user="agent-7")).passes
        assert bench.is_marked() is marks


@pytest.mark.parametrize(
    ("text", "column", "marks"),
    [
        ("SELECT card FROM customers", Column("card", "text", "public.customers", "card"), True),
        ("SELECT card AS x FROM v", Column("x", "text", "public.customers", "card"), True),
        ("SELECT card||'' FROM customers", Column("?column?"), True),
        ("SELECT to_json(c) FROM customers c", Column("to_json"), True),
        ("SELECT x FROM customers", Column("x", "text", "public.customers", "x", settled=False), True),
        ("SELECT iban FROM staff", Column("iban", "text", "public.staff", "iban"), True),
        ("SELECT * FROM v", Column("ssn", "text", "public.v", "ssn"), True),
        ("FETCH 1 FROM c", Column("a", "text", "public.salaries", "a"), True),
        ("SELECT name FROM customers", Column("name", "text", "public.customers", "name"), False),
        ("SELECT card FROM orders", Column("card", "text", "public.orders", "card"), False),
        ("SELECT iban FROM other.staff", Column("iban", "text", "other.staff", "iban"), False),
        ("SELECT now()", Column("now"), False),
    ],
)
def test_columns_of_results(text: str, column: Column, marks: bool) -> None:
    with Guarded() as bench:
        query = command(text, user="agent-7")
        bench.rows(rows(query, [column], [["x"]]))
        assert bench.is_marked() is marks


@pytest.mark.parametrize(
    ("made", "marks"),
    [
        (shell_command("cat /etc/ssl/private/key.pem", user="agent-7"), True),
        (shell_command("cat /etc/ssl/priv*/k*", user="agent-7"), True),
        (shell_command("tar cz /etc/ssl", user="agent-7"), True),
        (shell_command("grep -r x /", user="agent-7"), True),
        (shell_command("cd /etc/ssl/private && cat key.pem", user="agent-7"), True),
        (shell_command("cat /etc/ssl/../ssl/private/key.pem", user="agent-7"), True),
        (shell_command("cat $FILE", user="agent-7"), True),
        (shell_command("x=/etc/ssl/private; cat $x/key.pem", user="agent-7"), True),
        (shell_command("python3 dump.py", user="agent-7"), True),
        (shell_command("ls", user="agent-7", unsure=True), True),
        (shell_command("cat key.pem", user="agent-7"), True),
        (shell_command("cat k*", user="agent-7"), True),
        (shell_command("cat /etc/*/private/key.pem", user="agent-7"), True),
        (shell_command("cat /etc/ssl/$x/key.pem", user="agent-7"), True),
        (shell_command("cat /srv/*", user="agent-7"), False),
        (shell_command("cat /srv/app/readme", user="agent-7"), False),
        (shell_command("ls /etc/ssl", user="agent-7"), False),
        (shell_command("cd / && ls", user="agent-7"), False),
        (file_operation("read", "/etc/ssl/private/key.pem", user="agent-7"), True),
        (file_operation("rename", "/etc/ssl/private/key.pem", "/tmp/x", user="agent-7"), True),
        (file_operation("stat", "/etc/ssl/private/key.pem", user="agent-7"), False),
        (file_operation("read", "/etc/hosts", user="agent-7"), False),
        (command("GET /api/v1/namespaces/shop/secrets", protocol="kubernetes", user="agent-7"), True),
        (command("GET /api/v1/namespaces/shop/pods", protocol="kubernetes", user="agent-7"), False),
        (command('read_file {"path": "/etc/ssl/private/key.pem"}', protocol="mcp", user="agent-7"), True),
        (command('read_file {"path": "/etc/hosts"}', protocol="mcp", user="agent-7"), False),
        (http_request("GET /v1/salaries?year=1", user="agent-7"), True),
        (http_request("GET /", user="agent-7"), False),
    ],
)
def test_paths_and_objects(made: Command, marks: bool) -> None:
    with Guarded() as bench:
        assert bench.judge(made).passes
        assert bench.is_marked() is marks


def test_a_request_is_held_and_says_what_was_read() -> None:
    with Guarded(egress_approvers=["security"], egress_within="30s") as bench:
        bench.judge(command("SELECT * FROM salaries", user="agent-7"))
        assert bench.sends().outcome is Outcome.DENIED
        (asked,) = bench.requests
        assert asked.reason == "goes to test, and agent-7 has read salaries"
        assert (asked.by, asked.within_s) == (frozenset({"security"}), 30)
    with Bench(EgressGuard(), options={"egress_sensitive": ["salaries"]}, approve=True) as bench:
        bench.judge(command("SELECT * FROM salaries"))
        assert bench.judge(http_request("POST /", json={"a": 1})).outcome is Outcome.APPROVED


def test_only_requests_of_the_same_user_in_any_session() -> None:
    with Guarded() as bench:
        bench.judge(command("SELECT * FROM salaries", user="agent-7"))
        assert not bench.sends("AGENT-7").passes
        assert bench.sends("bob").passes
        assert bench.judge(command("SELECT 1", user="agent-7")).passes


@pytest.mark.parametrize(
    ("hosts", "passes"),
    [(["test"], True), (["TEST."], True), (["*est"], True), (["other"], False), (["tes"], False), ([], False)],
)
def test_hosts_that_are_listed(hosts: list[str], passes: bool) -> None:
    with Guarded(egress_hosts=hosts) as bench:
        bench.judge(command("SELECT * FROM salaries", user="agent-7"))
        assert bench.sends().passes is passes


def test_a_websocket_that_was_open_before_is_held_too() -> None:
    with Guarded() as bench:
        who = session("agent-7", protocol="http")
        assert bench.judge(message_of(who, "hello")).passes
        bench.judge(command("SELECT * FROM salaries", user="agent-7"))
        assert not bench.judge(message_of(who, "hello")).passes


def test_it_ends_after_a_time_that_begins_anew_with_each_read() -> None:
    with Guarded(egress_for="1h") as bench:
        for _ in range(2):
            bench.judge(command("SELECT * FROM salaries", user="agent-7"))
            bench.clock.now += 3599
            assert bench.is_marked()
        bench.clock.now += 1
        assert not bench.is_marked()


def test_what_it_remembers_is_bounded_and_forgets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_guard, "MOST_USERS", 2)
    with Guarded() as bench:
        seen = [bench.judge(command("SELECT * FROM salaries", user=f"user-{n}")).passes for n in range(3)]
        assert seen == [True, True, False]
        assert bench.is_marked("user-0")
        bench.clock.now += 3601
        assert bench.judge(command("SELECT * FROM salaries", user="user-2")).passes


def test_a_new_version_of_the_script_knows_what_the_old_one_did(tmp_path: Path) -> None:
    options = {"egress_sensitive": ["salaries"], "confdir": str(tmp_path)}
    with Bench(EgressGuard(), options=options) as bench:
        bench.judge(command("SELECT * FROM salaries", user="agent-7"))
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    with Bench(EgressGuard(), options=options) as bench:
        assert not bench.judge(http_request("GET /", user="agent-7")).passes
        assert bench.judge(http_request("GET /", user="bob")).passes


def test_gateways_that_share_a_folder_know_it_of_each_other(tmp_path: Path) -> None:
    options = {"egress_sensitive": ["salaries"], "confdir": str(tmp_path)}
    with Bench(EgressGuard(), options=options) as one, Bench(EgressGuard(), options=options) as other:
        for user in ("ann", "bob"):
            one.judge(command("SELECT * FROM salaries", user=user))
            assert not other.judge(http_request("GET /", user=user)).passes
        other.judge(command("SELECT * FROM salaries", user="eve"))
        assert not one.judge(http_request("GET /", user="ann")).passes
        assert not one.judge(http_request("GET /", user="eve")).passes
        (tmp_path / FILE).write_text("{")
        assert "is not known" in one.judge(http_request("GET /", user="carl")).reason
        assert "is not known" in one.judge(command("SELECT * FROM salaries", user="carl")).reason


def test_a_long_name_is_kept_in_part(tmp_path: Path) -> None:
    with Bench(EgressGuard(), options={"egress_sensitive": ["/x*"], "confdir": str(tmp_path)}) as bench:
        assert bench.judge(file_operation("read", "/x" + "y" * 100_000)).passes
    assert (tmp_path / FILE).stat().st_size < 400


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": ["x", "y"]}', '{"a": null}', "\xff"])
def test_a_file_that_cannot_be_read_is_an_error_that_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match="mend it, or remove it"):
        Bench(EgressGuard(), options={"egress_sensitive": ["a"], "confdir": str(tmp_path)})


def test_what_cannot_be_kept_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with Bench(EgressGuard(), options={"egress_sensitive": ["salaries"], "confdir": str(tmp_path)}) as bench:
        assert "cannot be kept" in bench.judge(command("SELECT * FROM salaries")).reason
        query = command("SELECT 1")
        batch = rows(query, [Column("a", "text", "public.salaries", "a")], [["x"]])
        with pytest.raises(Refused, match="cannot be kept"):
            bench.rows(batch)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"egress_columns": ["customers."]},
        {"egress_columns": [".card"]},
        {"egress_sensitive": ["a"], "egress_for": "soon"},
        {"egress_sensitive": ["a"], "egress_for": "0h"},
        {"egress_sensitive": ["a"], "egress_within": "5"},
    ],
)
def test_what_makes_no_sense_is_an_error_that_says_what_to_write(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="write"):
        Bench(EgressGuard(), options=options)


# -- in front of servers


def test_a_read_in_a_database_is_kept(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["egress_guard.py"], options={"egress_columns": "customers.card"})
    path = proxy.confdir / FILE
    with proxy.connect(database) as connection:
        connection.execute("SELECT name FROM customers").fetchall()
        connection.execute("SELECT count(*) FROM orders").fetchall()
        assert not path.exists()
        assert connection.execute("SELECT card FROM customers LIMIT 1").fetchone()
    kept = json.loads(path.read_text())
    assert [what for _, what in kept.values()] == ["customers.card"]
    assert list(kept) == ["app"]


@pytest.mark.parametrize("mode", ["http:http://127.0.0.1:{}@127.0.0.1:0", "regular@0"])
async def test_a_request_of_who_has_read_does_not_go_out(
    in_front: InFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    class Reads:
        """Stands for a session at a database, of whoever it is that the proxy knows."""

        def http_request(self, command: HttpCommand) -> None:
            if command.path == "/read":
                guard.command(shell_command("cat /secret", session=command.session))

    # The folder is the same for all tests.
    monkeypatch.setattr(egress_guard, "FILE", f"{tmp_path.name}.json")
    guard = EgressGuard()
    async with in_front(guard, Reads(), mode=mode, egress_sensitive=["/secret"], egress_within="1s") as (
        upstream,
        where,
    ):
        base = b"" if mode.startswith("http:") else b"http://127.0.0.1:%d" % upstream.port
        assert (await exchange(where, get("/read").replace(b"/read", base + b"/read"))).startswith(b"HTTP/1.1 200")
        seen = len(upstream.seen)
        answer = await exchange(where, get("/leak").replace(b"/leak", base + b"/leak"))
        assert answer.startswith(b"HTTP/1.1 403")
        assert b"leak" not in bytes(upstream.seen[seen:])
