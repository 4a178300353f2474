"""Who guesses too often has to wait, and hears so in an error of PostgreSQL's own."""

from pathlib import Path

from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.adapters.postgres.test_login import refused, who
from tests.conftest import StartGateway
from tests.servers.postgres import APP, PostgresServer


def test_guesses_have_to_wait(postgres: PostgresServer, gateway: StartGateway, tmp_path: Path) -> None:
    users = tmp_path / "users.yaml"
    users.touch(mode=0o600)
    users.write_text(f"ada:\n  password: {ScramVerifier.from_password('pencil')}\n")
    settings = {"user": APP, "password": "env:TARGET_PASSWORD", "sslmode": "disable", "users": users}
    front = gateway(
        postgres,
        settings=settings,
        options={"login_failures": 3},
        environment={"TARGET_PASSWORD": postgres.passwords[APP]},
    )
    token = sign(SigningKey.load_or_create(front.confdir), subject="agent-7", ttl_s=60)
    assert who(front, "agent-7", token).startswith(APP)
    # Who asks what to prove itself with, as psql does before it asks for the password, has guessed nothing.
    for _ in range(5):
        assert "no password supplied" in refused(front, "ada", sslmode="disable")
    for user, wrong in (("ada", "pen"), ("ben", "pen"), ("ada", "Pencil")):
        assert "password authentication failed" in refused(front, user, wrong, sslmode="disable")
    assert "FATAL:  too many failed logins; try again in 1" in refused(front, "ada", "pencil", sslmode="disable")
    assert "too many failed logins" in refused(front, "somebody", "x", sslmode="disable")
    # Who was in from here before is held to its own failures alone.
    assert who(front, "agent-7", token).startswith(APP)
    assert "pencil" not in front.log()
