"""`hoopaddon login`, `whoami` and `logout` as people and agents use them, with a certified provider."""

import json
import stat

import psycopg
import pytest

from tests.engine.login.conftest import Logins
from tests.servers.gateway import Gateway
from tests.servers.person import Interactive, Person
from tests.servers.postgres import APP


def connect(gateway: Gateway, user: str, token: str) -> "psycopg.Connection[tuple[object, ...]]":
    where = f"host={gateway.host} port={gateway.port} dbname=postgres"
    return psycopg.connect(where, user=user, password=token, autocommit=True)


def test_a_person_logs_in_by_the_browser_connects_and_logs_out(logins: Logins, ada: Person) -> None:
    gateway, url = logins()
    said = ada.run("login", url)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("logged in as ada (dba, dev) until 20")
    kept = ada.confdir / "login.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    shown = ada.run("whoami")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert (lines["user"], lines["groups"], lines["agent"], lines["target"]) == ("ada", "dba, dev", "none", "every")
    token = ada.token()
    with connect(gateway, "ada", token) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (APP,)
        out = ada.run("logout")
        assert (out.returncode, out.stdout) == (0, "ada is logged out\n")
        assert not kept.exists()
        with pytest.raises(psycopg.OperationalError, match="revoked"):
            connection.execute("SELECT pg_sleep(30)")
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "ada", token)
    assert token not in gateway.log()
    assert ada.run("whoami").returncode == 1
    assert ada.run("logout").stdout == "nobody was logged in\n"


def test_where_no_browser_opens_the_address_is_printed(logins: Logins, ada: Person) -> None:
    _, url = logins()
    login = Interactive(ada, "--no-browser", url, BROWSER="")
    assert "Go back to the terminal" in login.browse()
    code, said = login.end()
    assert (code, "logged in as ada" in said) == (0, True)
    # The address is known from now on.
    again = Interactive(ada, "--no-browser")
    again.browse()
    assert again.end()[0] == 0


@pytest.mark.parametrize("arguments", [["--device"], []])
def test_a_device_code_where_there_is_no_display(logins: Logins, ada: Person, arguments: list[str]) -> None:
    _, url = logins()
    login = Interactive(ada, *arguments, url, BROWSER="")
    assert "Sign-in Success" in login.browse(r"or open (\S+)")
    code, said = login.end()
    assert (code, "logged in as ada" in said) == (0, True), said


def test_a_token_may_be_for_one_target(logins: Logins, ada: Person) -> None:
    gateway, url = logins()
    assert ada.run("login", "--target", "billing", url).returncode == 0
    shown = json.loads(ada.run("whoami", "--json").stdout)
    assert (shown["target"], shown["good"], shown["gateway"]) == ("billing", True, url)
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "ada", ada.token())


def test_an_agent_has_a_token_of_its_own_and_one_for_a_person(logins: Logins, ada: Person) -> None:
    gateway, url = logins(login_agents="agent-RS256")
    agent = Person(ada.folder.parent / "agent", AGENT_SECRET="not-so-secret")
    how = ["--client", "agent-RS256", "--secret", "env:AGENT_SECRET", "--resource", "urn:hoopaddon?ttl=300"]
    alone = agent.run("login", *how, url)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.startswith("logged in as agent-RS256 (agents) until")
    assert ada.run("login", url).returncode == 0
    lent = agent.folder / "ada.token"
    lent.write_text(ada.token())
    acting = agent.run("login", *how, "--act-for", str(lent))
    assert acting.returncode == 0, acting.stderr
    assert acting.stdout.startswith("logged in as agent-RS256 for ada (dba, dev) until")
    shown = json.loads(agent.run("whoami", "--json").stdout)
    assert (shown["user"], shown["agent"]) == ("ada", "agent-RS256")
    with connect(gateway, "ada", agent.token()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    # Whoever has let it act takes that back by logging out.
    assert ada.run("logout").returncode == 0
    gone = agent.run("whoami")
    assert (gone.returncode, "does not take" in gone.stderr) == (1, True)
    assert "not-so-secret" not in gateway.log()


def test_what_cannot_be_is_one_clear_error(logins: Logins, ada: Person) -> None:
    _, url = logins()
    agent = ["login", "--client", "agent-RS256", url]
    wrong = [*agent, "--secret", "env:AGENT_SECRET"]
    for arguments, code, says in (
        (["login"], 2, "which gateway to log in at is not known"),
        (["login", "gateway.example.com:8443"], 2, "write https://gateway.example.com:8443"),
        (["login", "http://gateway.example.com"], 2, "http is for this machine alone"),
        (["login", "--ca", "none.pem", url], 2, "none.pem: --ca: cannot be used"),
        (["login", "--saml", url], 1, "no SAML"),
        (agent, 2, "--secret: is needed with --client"),
        ([*agent, "--secret", "hunter2"], 2, "--secret"),
        ([*agent, "--secret", "env:NOT_THERE"], 2, "NOT_THERE"),
        (wrong, 1, "gives no access_token"),
        (["login", "--target", "a" * 300, url], 1, "audience is the name of a target"),
        (["whoami"], 1, "nobody is logged in"),
    ):
        said = ada.run(*arguments, AGENT_SECRET="wrong-secret")
        assert (said.returncode, says in said.stderr) == (code, True), (arguments, said.stderr)
        assert not {"hunter2", "wrong-secret", "Traceback"} & set(said.stderr.split()), said.stderr
    assert not (ada.confdir / "login.json").exists()


def test_a_gateway_that_is_gone_revokes_nothing_and_that_is_said(logins: Logins, ada: Person) -> None:
    gateway, url = logins()
    assert ada.run("login", url).returncode == 0
    gateway.stop()
    unknown = ada.run("whoami")
    assert (unknown.returncode, "cannot be known" in unknown.stderr) == (1, True)
    assert ada.run("whoami", "--offline").returncode == 0
    out = ada.run("logout")
    assert (out.returncode, "removed here, and not revoked" in out.stderr) == (1, True)
    assert not (ada.confdir / "login.json").exists()
