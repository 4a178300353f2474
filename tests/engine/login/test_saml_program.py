"""`hoopaddon login` where the organisation's identity provider speaks SAML; pysaml2 is that provider."""

import json

from tests.engine.login.conftest import Logins
from tests.engine.login.test_program import connect
from tests.servers.person import Interactive, Person


def test_a_person_logs_in_by_saml_and_connects(saml_logins: Logins, ada: Person) -> None:
    gateway, url = saml_logins()
    said = ada.run("login", url)
    assert said.returncode == 0, said.stderr + gateway.log()
    assert said.stdout.startswith("logged in as ada (dba, dev) until 20")
    with connect(gateway, "ada", ada.token()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert ada.run("logout").returncode == 0
    again = Interactive(ada, "--no-browser", "--target", "billing", url)
    assert "Go back to the terminal" in again.browse()
    assert again.end()[0] == 0
    assert json.loads(ada.run("whoami", "--json").stdout)["target"] == "billing"


def test_what_saml_has_not_is_said(saml_logins: Logins, ada: Person) -> None:
    _, url = saml_logins()
    said = ada.run("login", "--device", url)
    assert (said.returncode, "SAML has no device codes" in said.stderr) == (1, True)
