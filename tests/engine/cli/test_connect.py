"""`hoopaddon connect`: real clients reach their target by nothing but its name, and leave nothing behind."""

import base64
import json
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.identity.stored import StoredToken
from hoopaddon.store.tokens import Tokens
from tests.engine.cli.connecting import Connecting, command_lines
from tests.servers.plain_http import Target
from tests.servers.postgres import APP, Database
from tests.servers.ssh import SshServer

SLOW = "echo ready; exec sleep 20"
LIST = 'find "$TMPDIR" -type f -printf "%m %f\\n"; find "$TMPDIR" -mindepth 1 -type d -printf "%m %f\\n"; env'


@pytest.fixture
def orders(tmp_path: Path, database: Database) -> Iterator[Connecting]:
    """A gateway in front of a database."""
    server = database.server
    folder = Connecting(tmp_path, {"ORDERS_PASSWORD": server.passwords[APP]})
    folder.target("orders", "postgres", f"{server.host}:{server.port}", user=APP, database=database.name)
    folder.target("unused", "postgres", f"{server.host}:{server.port}", user=APP, password="env:ORDERS_PASSWORD")
    text = (tmp_path / "hoopaddon.yaml").read_text()
    text = text.replace("  unused:", "    password: env:ORDERS_PASSWORD\n  unused:")
    (tmp_path / "hoopaddon.yaml").write_text(text)
    with folder:
        yield folder


@pytest.fixture
def web(tmp_path: Path, sshd: SshServer) -> Iterator[Connecting]:
    """A gateway in front of an SSH server."""
    folder = Connecting(tmp_path)
    with folder.target("web", "ssh", f"{sshd.host}:{sshd.port}", **sshd.settings):
        yield folder


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Connecting]:
    """A gateway in front of an HTTP service."""
    folder = Connecting(tmp_path)
    with Target() as target, folder.target("api", "http", f"http://127.0.0.1:{target.port}", login="token"):
        yield folder


def test_psql_as_whoever_holds_the_gateway_s_key(orders: Connecting, database: Database) -> None:
    code, out, err = orders.run("orders", "--user", "ann", "--", "psql", "-Atc", "SELECT count(*) FROM orders")
    assert (code, out, err) == (0, "48\n", "")
    assert orders.run("orders", "--", "psql", "-Atc", "SELECT 1/0")[0] == 1
    # PostgreSQL 18's own programs, beside those of the system.
    there = {"PATH": f"{database.server.bin_dir}:{os.environ['PATH']}"}
    told = ("orders", "--", "pg_dump", "--schema-only", "-t", "orders")
    assert orders.run(*told, **there)[1].count("CREATE TABLE") == 1


def test_ssh_and_what_runs_it(web: Connecting, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert web.run("web", "--", "ssh", "web", "echo fine; exit 3") == (3, "fine\n", "")
    assert web.run("web", "--", "scp", "-q", "hoopaddon.yaml", f"web:{tmp_path}/there/copy") == (0, "", "")
    assert (tmp_path / "there" / "copy").read_text() == (tmp_path / "hoopaddon.yaml").read_text()
    assert web.run("web", "--", "rsync", "hoopaddon.yaml", f"web:{tmp_path}/there/again") == (0, "", "")
    assert web.run("web", "--", "ssh", "elsewhere.invalid", "true")[0] == 255


def test_a_host_that_is_another_is_sent_no_token(web: Connecting, sshd: SshServer) -> None:
    token = web.token()
    told = ("web", "--gateway", f"{sshd.host}:{sshd.port}", "--", "ssh", "web", "true")
    code, _, err = web.run(*told, HOOPADDON_TOKEN=token)
    assert code == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in err or "Host key verification failed" in err


def test_curl(api: Connecting) -> None:
    code, out, _ = api.run("api", "--", "curl", "-sS", "-w", "%{http_code}", "{url}/orders")
    assert (code, out[-3:]) == (0, "200")
    assert "fine" in api.run("api")[1]
    assert api.run("api", "--", "sh", "-c", 'curl -sS "$HOOPADDON_URL/a"')[0] == 0


def test_curl_shows_the_token_to_no_other_host(api: Connecting) -> None:
    with Target() as other:
        code, out, _ = api.run("api", "--", "curl", "-sSv", f"http://localhost:{other.port}/")
        assert code == 0
        assert "uthorization" not in out


PROGRAMS = [
    ("orders", ("psql", "-c", "SELECT pg_sleep(20)"), "pg_sleep"),
    ("web", ("ssh", "web", "sleep 20"), "sleep 20"),
    ("api", ("curl", "-sS", "--retry", "20", "--retry-connrefused", "http://127.0.0.1:9/"), "--retry-connrefused"),
]


@pytest.mark.parametrize(("target", "command", "seen"), PROGRAMS, ids=["psql", "ssh", "curl"])
def test_the_token_is_on_no_command_line_and_in_no_file_afterwards(
    target: str, command: tuple[str, ...], seen: str, request: pytest.FixtureRequest
) -> None:
    folder: Connecting = request.getfixturevalue(target)
    token = folder.token()
    started = folder.start(target, "--", *command, HOOPADDON_TOKEN=token)
    try:
        until = time.monotonic() + 20
        while not any(seen in line and "hoopaddon" not in line.split(" -")[0] for line in command_lines()):
            assert started.program.poll() is None, started.shown
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.5)
        lines = command_lines()
        assert any(seen in line for line in lines)
        assert not [line for line in lines if token in line or token.split(".")[2] in line]
        assert folder.left or target == "orders"
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.left)
    finally:
        # ssh has a way of its own to end.
        assert started.end() in (128 + signal.SIGTERM, 255)
    assert folder.left == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_made_is_for_us_alone_and_goes_with_the_command(api: Connecting, number: int) -> None:
    started = api.start("api", "--", "sh", "-c", f"{LIST}; {SLOW}", HOOPADDON_TOKEN=api.token())
    listed = started.wait_for("ready")
    assert "600 netrc\n" in listed
    assert "600 .curlrc\n" in listed
    assert "HOOPADDON_TOKEN" not in listed
    assert {line[:3] for line in listed.splitlines() if line[:1].isdigit()} <= {"600", "700"}
    assert started.end(number) == 128 + number
    assert api.left == []


def test_a_signal_that_the_command_takes_its_own_way_is_its_own(api: Connecting) -> None:
    started = api.start("api", "--", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")
    started.wait_for("ready")
    assert started.end() == 7
    assert api.left == []


def test_a_login_goes_before_the_key_of_the_gateway(orders: Connecting) -> None:
    StoredToken(orders.token("eve"), "https://gateway.example.com").save(orders.folder / ".hoopaddon")
    code, out, _ = orders.run("orders", "--print")
    assert (code, "eve" in out) == (0, True)
    assert "ann" in orders.run("orders", "--print", HOOPADDON_TOKEN=orders.token("ann"))[1]
    StoredToken(orders.token("eve", ttl_s=1), "https://gateway.example.com").save(orders.folder / ".hoopaddon")
    time.sleep(1.1)
    code, _, err = orders.run("orders", "--", "psql", "-c", "SELECT 1")
    assert (code, err.count("\n"), "the login has expired" in err) == (2, 2, True)


def test_where_the_client_s_own_login_reaches_the_target_no_token_is_needed(
    tmp_path: Path, database: Database, sshd: SshServer
) -> None:
    server = database.server
    folder = Connecting(tmp_path)
    folder.target("orders", "postgres", f"{server.host}:{server.port}", sslmode="require")
    folder.target("bills", "postgres", f"{server.host}:{server.port}", database=database.name, sslmode="require")
    with folder:
        own = {"PGUSER": APP, "PGPASSWORD": server.passwords[APP], "HOOPADDON_TOKEN": folder.token()}
        query = ("psql", "-Atc", "SELECT current_database() || '@' || current_user")
        assert folder.run("bills", "--", *query, **own)[:2] == (0, f"{database.name}@{APP}\n")
        assert folder.run("orders", "--", *query, PGDATABASE=database.name, **own)[:2] == (
            0,
            f"{database.name}@{APP}\n",
        )
        passfile = tmp_path / "pgpass"
        passfile.write_text(f"*:*:*:*:{server.passwords[APP]}\n")
        passfile.chmod(0o600)
        assert folder.run("bills", "--", *query, PGUSER=APP, PGPASSFILE=str(passfile))[0] == 0
        assert folder.run("bills", "--print", **own)[1:] == (
            f"postgresql://{APP}%40bills@127.0.0.1:{folder.port}/?sslmode=prefer\n",
            "",
        )


def test_printed_it_holds_no_secret_and_leaves_none(orders: Connecting) -> None:
    token = orders.token("ann")
    code, out, err = orders.run("orders", "--print", HOOPADDON_TOKEN=token)
    assert code == 0
    assert out == (
        f"postgresql://ann%40orders@127.0.0.1:{orders.port}/"
        f"?sslmode=verify-full&sslrootcert={orders.folder}/conf/hoopaddon-ca-cert.pem\n"
    )
    assert "It holds no secret" in err
    assert orders.run("orders", "--print", "--user", "bob")[1].startswith("postgresql://bob%40orders@")
    tokens = Tokens(orders.folder / "store" / "tokens.db")
    assert tokens.list(everything=True) == []
    tokens.close()
    assert orders.run("orders", "--", "psql", out.strip(), "-Atc", "SELECT 1", HOOPADDON_TOKEN=token)[1] == "1\n"


WRONG = [
    (("order", "--", "true"), "there is no target order\n  did you mean orders?", 2),
    (("zzz", "--", "true"), "there is no target zzz\n  targets are orders, unused", 2),
    (("-x; rm", "--", "true"), "", 2),
    (("a b", "--", "true"), "TARGET: is no name of a target", 2),
    (("orders", "--", "no-such-client"), "no-such-client is not installed, or not in the PATH", 127),
    (("orders", "--token-file", "missing", "--", "true"), "missing: cannot read the token: No such file", 2),
    (("orders", "--ca", "missing", "--", "true"), "missing: --ca: there is no such file", 2),
    (("orders", "--ttl", "soon", "--", "true"), "--ttl: 'soon' is no duration", 2),
    (("zzz", "--gateway", "a b", "--", "true"), "--protocol: nothing says what zzz speaks", 2),
    (("orders", "--gateway", "a b", "--", "true"), "--gateway: is no place of a gateway", 2),
    (("zzz", "--gateway", "h", "--protocol", "telnet"), "--protocol: telnet is no protocol", 2),
]


def test_what_is_wrong_is_one_clear_line(orders: Connecting) -> None:
    for told, says, expected in WRONG:
        code, out, err = orders.run(*told)
        assert (code, out) == (expected, ""), told
        assert says in err, err


def test_a_token_that_is_of_no_use_is_not_sent(orders: Connecting) -> None:
    key_of_another = orders.token(target="unused")
    for token, says in (
        ("hunter2", "what is given is no token"),
        ("a.b.c", "what is given is no token"),
        ("", "what is given is no token"),
        (key_of_another, "the token is good for another target than orders"),
    ):
        code, _, err = orders.run("orders", "--", "psql", "-c", "SELECT 1", HOOPADDON_TOKEN=token)
        assert code == 2
        assert says in err
        assert not token or token not in err


def test_where_people_log_in_nobody_is_taken_for_the_system_s_user(orders: Connecting, tmp_path: Path) -> None:
    file = tmp_path / "hoopaddon.yaml"
    file.write_text(f"{file.read_text()}identity: {{login_listen: 8443}}\n")
    code, out, err = orders.run("orders", "--", "psql", "-Atc", "SELECT 1")
    assert (code, out, "nobody is logged in\n  log in with hoopaddon login" in err) == (2, "", True)
    assert orders.run("orders", "--user", "ann", "--", "psql", "-Atc", "SELECT 1")[:2] == (0, "1\n")


def test_elsewhere_nothing_is_guessed(orders: Connecting, tmp_path: Path) -> None:
    (tmp_path / "hoopaddon.yaml").rename(tmp_path / "away.yaml")
    code, _, err = orders.run("orders")
    assert (code, "nothing here says where the gateway is" in err) == (2, True)
    there = f"127.0.0.1:{orders.port}"
    code, _, err = orders.run("orders", "--gateway", there, "--", "psql", "-Atc", "SELECT 1")
    assert (code, "there is no token, and the gateway's key is not on this machine" in err) == (2, True)
    given = {"HOOPADDON_TOKEN": orders.token()}
    code, _, err = orders.run("orders", "--gateway", there, "--", "psql", "-Atc", "SELECT 1", **given)
    assert (code, "certificate verify failed" in err) == (2, True)
    authority = str(tmp_path / "conf" / "hoopaddon-ca-cert.pem")
    told = ("orders", "--gateway", there, "--ca", authority, "--", "psql", "-Atc", "SELECT 1")
    assert orders.run(*told, **given)[:2] == (0, "1\n")


def test_a_token_that_is_signed_is_listed_and_good_for_this_target_alone(orders: Connecting) -> None:
    code, out, _ = orders.run("orders", "--user", "ann", "--groups", "dev", "--", "sh", "-c", "echo $PGPASSWORD")
    assert code == 0
    claims = json.loads(base64.urlsafe_b64decode(out.split(".")[1] + "=="))
    assert (claims["sub"], claims["groups"], claims["target"]) == ("ann", ["dev"], "orders")


def test_ctrl_c_at_a_terminal_is_the_command_s(orders: Connecting, tmp_path: Path) -> None:
    variables = orders.environment(PSQLRC="/dev/null", PAGER="cat", TERM="dumb", INPUTRC="/dev/null")
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, "-m", "hoopaddon", "connect", "orders"], variables)
    try:
        await_on(terminal, "=>")
        os.write(terminal, b"SELECT 'a' || 'b', pg_sleep(30);\n")
        time.sleep(1)
        os.write(terminal, b"\x03")
        await_on(terminal, "canceling statement due to user request")
        os.write(terminal, b"SELECT 'go' || 'es on';\n")
        await_on(terminal, "goes on")
        os.write(terminal, b"\\q\n")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert orders.left == []


def await_on(terminal: int, said: str, within_s: float = 30) -> None:
    """Read from the terminal until this is on it."""
    seen, until = "", time.monotonic() + within_s
    while said not in seen:
        ready, _, _ = select.select([terminal], [], [], max(until - time.monotonic(), 0))
        assert ready, seen
        seen += os.read(terminal, 4096).decode(errors="replace")
