"""What is within a scope, and what tries to look as if it were."""

import pytest

from hoopaddon import Command, Unparsable
from hoopaddon.access.level import Level, level_of
from hoopaddon.access.scope import Scope, read_scope
from hoopaddon.testing import command, file_operation, forward, http_request, session, shell_command

READ, WRITE, ADMIN = Level.READ, Level.WRITE, Level.ADMIN

SQL = [
    (READ, "SELECT * FROM orders"),
    (READ, "SELECT count(*) FROM orders WHERE created > now()"),
    (READ, "EXPLAIN DELETE FROM orders"),
    (READ, "BEGIN; SELECT 1; COMMIT"),
    (READ, "COPY orders TO STDOUT"),
    (WRITE, "EXPLAIN ANALYZE DELETE FROM orders"),
    (WRITE, "INSERT INTO orders VALUES (1)"),
    (WRITE, "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone"),
    (WRITE, "COPY orders FROM STDIN"),
    (WRITE, "SELECT nextval('orders_id_seq')"),
    (WRITE, "PREPARE p AS DELETE FROM orders"),
    (WRITE, "DECLARE c CURSOR FOR SELECT 1; DELETE FROM orders"),
    (WRITE, "/* SELECT */ TRUNCATE orders"),
    (ADMIN, "SELECT * INTO taken FROM orders; DROP TABLE orders"),
    (ADMIN, "DO 'BEGIN DROP TABLE orders; END'"),
    (ADMIN, "DO $$ BEGIN EXECUTE 'DROP' || ' TABLE orders'; END $$"),
    (ADMIN, "SELECT pg_read_file('/etc/passwd')"),
    (ADMIN, "SELECT (pg_stat_file('/etc/passwd')).size"),
    (ADMIN, "SELECT dblink_exec('', 'DROP TABLE orders')"),
    (ADMIN, "COPY orders TO PROGRAM 'sh'"),
    (ADMIN, "COPY orders FROM '/etc/passwd'"),
    (ADMIN, "SET ROLE postgres"),
    (ADMIN, "GRANT ALL ON orders TO bob"),
    (ADMIN, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
    (ADMIN, "ALTER TABLE orders OWNER TO bob"),
]


@pytest.mark.parametrize(("level", "text"), SQL)
def test_levels_of_sql(level: Level, text: str) -> None:
    assert level_of(command(text)) is level


SHELL = [
    (READ, "ls -l /srv && cat /etc/hosts | grep x | wc -l"),
    (READ, "find /srv -name '*.log'"),
    (READ, "systemctl status nginx"),
    (READ, "LANG=C sort /srv/a 2>/dev/null"),
    (WRITE, "cat /etc/hosts > /srv/hosts"),
    (WRITE, "sort -o /srv/a /srv/a"),
    (WRITE, "sort -uo /srv/a /srv/a"),
    (WRITE, "find /srv -delete"),
    (WRITE, "find /srv -exec rm {} +"),
    (WRITE, "rm -rf /srv"),
    (WRITE, "sh -c 'rm -rf /srv'"),
    (WRITE, "echo $(rm /srv/a)"),
    (WRITE, "sort $OPTIONS"),
    (WRITE, "ls() { rm /srv/a; }; ls"),
    (ADMIN, "sudo ls"),
    (ADMIN, "systemctl restart nginx"),
    (ADMIN, "$X /srv"),
    (ADMIN, "python3 deploy.py"),
    (ADMIN, "curl -s http://x/a.sh | sh"),
    (ADMIN, "/tmp/ls"),
    (ADMIN, "LD_PRELOAD=/tmp/x.so ls"),
    (ADMIN, "PATH=/tmp; ls"),
    (ADMIN, "alias ls='rm -rf'; ls"),
    (ADMIN, 'eval "$(echo cm0gLXJm | base64 -d)"'),
]


@pytest.mark.parametrize(("level", "text"), SHELL)
def test_levels_of_command_lines(level: Level, text: str) -> None:
    found = level_of(shell_command(text))
    assert found is not None
    assert found >= level
    if level is READ:
        assert found is READ


def test_a_line_that_is_only_known_in_part_is_no_read() -> None:
    assert level_of(shell_command("ls", unsure=True)) is ADMIN


OTHERS: list[tuple[Level, Command]] = [
    (READ, file_operation("read", "/srv/a")),
    (READ, file_operation("list", "/srv")),
    (WRITE, file_operation("write", "/srv/a")),
    (WRITE, file_operation("remove", "/srv/a")),
    (ADMIN, forward("local", "db", 5432)),
    (ADMIN, forward("agent")),
    (READ, http_request("GET /orders/1")),
    (READ, http_request("POST /graphql", json={"query": "{ me { id } }"})),
    (WRITE, http_request("POST /graphql", json={"query": "mutation { remove(id: 1) }"})),
    (WRITE, http_request("POST /orders", json={"id": 1})),
    (WRITE, http_request("GET /orders/1", headers={"x-http-method-override": "DELETE"})),
    (WRITE, http_request("DELETE /orders/1")),
    (ADMIN, http_request("POST /orders", None)),
]


@pytest.mark.parametrize(("level", "judged"), OTHERS, ids=lambda value: str(getattr(value, "text", value)))
def test_levels_of_all_else(level: Level, judged: Command) -> None:
    assert level_of(judged) is level


def test_what_cannot_be_read_raises() -> None:
    with pytest.raises(Unparsable):
        read_scope(["write"]).permits(command("SELEC 1"))


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        (
            "select:orders,public.pay_*",
            ["SELECT * FROM orders", "SELECT * FROM public.orders JOIN pay_out USING (id)", "BEGIN", "SHOW all"],
            [
                "SELECT * FROM customers",
                "SELECT * FROM other.orders",
                "SELECT * FROM orders WHERE id IN (SELECT id FROM customers)",
                "WITH orders AS (SELECT * FROM customers) SELECT * FROM orders",
                "SELECT * FROM orders UNION SELECT * FROM customers",
                "DELETE FROM orders",
                "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
                "SELECT pg_read_file('x') FROM orders",
                "SELECT query_to_xml('select * from customers', true, true, '') FROM orders",
                "DO 'BEGIN DELETE FROM orders; END'",
                "COPY orders TO STDOUT",
                "SET ROLE postgres",
                "SET search_path = other",
                "SELECT set_config('search_path', 'other', false)",
                "SELECT * INTO stolen FROM orders",
                "CREATE TABLE stolen AS SELECT * FROM orders",
                "EXPLAIN ANALYZE DELETE FROM orders",
                "SELECT 1; DROP TABLE orders",
                'SELECT * FROM "Customers"',
            ],
        ),
        (
            "insert:orders select:orders,customers",
            ["INSERT INTO orders SELECT id FROM customers"],
            ["INSERT INTO customers SELECT id FROM orders", "INSERT INTO orders SELECT id FROM secrets"],
        ),
    ],
)
def test_verbs_and_tables(scope: str, inside: list[str], outside: list[str]) -> None:
    allowed = read_scope(scope.split(" "))
    for text in inside:
        assert allowed.permits(command(text)), text
    for text in outside:
        assert not allowed.permits(command(text)), text


def test_programs_and_paths() -> None:
    allowed = read_scope(["cat,tail:/srv/app/*"])
    for text in ("cat /srv/app/log", "tail /srv/app/a/b | cat"):
        assert allowed.permits(shell_command(text)), text
    for text in (
        "cat /etc/passwd",
        "cat /srv/app/../../etc/passwd",
        "cat /srv/app/log /etc/passwd",
        "cat < /etc/passwd",
        "cat /srv/app/log > /etc/cron.d/x",
        "rm /srv/app/log",
        "cat /srv/app/log; rm /srv/app/log",
        "cat $(echo /etc/passwd)",
        "cat /srv/app/$X",
        "sh -c 'rm /srv/app/log'",
        "/tmp/cat /srv/app/log",
        "LD_PRELOAD=/tmp/x cat /srv/app/log",
        "cd /etc && cat passwd",
    ):
        assert not allowed.permits(shell_command(text)), text


def test_files() -> None:
    allowed = read_scope(["read,list:/srv/app/*"])
    assert allowed.permits(file_operation("read", "/srv/app/log"))
    assert not allowed.permits(file_operation("read", "/srv/app/../secret"))
    assert not allowed.permits(file_operation("read", "//etc/passwd"))
    assert not allowed.permits(file_operation("read", "/etc/passwd"))
    assert not allowed.permits(file_operation(["read", "write"], "/srv/app/log"))
    assert not allowed.permits(file_operation("rename", "/srv/app/log", "/etc/passwd"))
    renames = read_scope(["rename:/srv/app/*"])
    assert not renames.permits(file_operation("rename", "/srv/app/log", "/etc/passwd"))


def test_methods_and_paths() -> None:
    allowed = read_scope(["get:/orders/*", "post:/orders"])
    assert allowed.permits(http_request("GET /orders/1"))
    assert allowed.permits(http_request("POST /orders", json={}))
    for line in (
        "GET /users/1",
        "DELETE /orders/1",
        "POST /orders/1",
        "GET /orders/../users/1",
        "GET /orders/%2e%2e/users",
    ):
        try:
            permitted = allowed.permits(http_request(line))
        except Unparsable:
            continue
        assert not permitted, line
    hidden = http_request("POST /orders", headers={"x-http-method-override": "DELETE"})
    assert not allowed.permits(hidden)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [""],
        [":orders"],
        ["select:"],
        ["select,:orders"],
        ["all"],
        ["se lect"],
        ["cat:/a admin"],
        ["cat:/a\u00a0admin"],
    ],
)
def test_scopes_that_are_none(parts: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_scope(parts)


def test_scopes_are_written_as_they_are_read() -> None:
    for parts in (["read"], ["select,insert:orders,public.*", "get"], ["write", "drop:scratch_*"]):
        assert str(read_scope(parts)) == " ".join(parts)
        assert read_scope(str(read_scope(parts)).split(" ")) == read_scope(parts)


def test_nothing_permits_nothing() -> None:
    assert not Scope().permits(command("SELECT 1", session=session()))
