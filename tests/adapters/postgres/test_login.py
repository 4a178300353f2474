"""Who gets in: logins that pass through, logins at the gateway, and the gateway's own at the target."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.certificates import Authority
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.conftest import StartGateway
from tests.servers import forked
from tests.servers.gateway import Gateway
from tests.servers.postgres import APP, CERTIFIED, CLEARTEXT, MD5, TRUSTED, PostgresServer

WHO = "SELECT current_user || ' ' || coalesce((SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()), '?')"
PASSWORD = "correct horse battery ünïcode"


def who(gateway: Gateway, user: str, password: str = "", **parameters: Any) -> str:
    """Who a client is at the target, and whether the gateway speaks TLS to it."""
    with psycopg.connect(
        host=gateway.host, port=gateway.port, dbname="postgres", user=user, password=password, **parameters
    ) as connection:
        row = connection.execute(WHO).fetchone()
        assert row is not None
        return str(row[0])


def refused(gateway: Gateway, user: str, password: str = "", **parameters: Any) -> str:
    """The message of the login's failure."""
    with pytest.raises(psycopg.OperationalError) as caught:
        who(gateway, user, password, **parameters)
    return str(caught.value)


def run(gateway: Gateway, *arguments: str) -> str:
    """A command of hoopaddon's."""
    done = forked.run(arguments, cwd=gateway.folder, env=os.environ)
    done.check_returncode()
    return done.stdout.strip()


def token(gateway: Gateway, *arguments: str, user: str = "agent-7") -> str:
    return run(gateway, "token", "--user", user, "--confdir", str(gateway.confdir), *arguments)


# -- passed through


@pytest.mark.parametrize("user", [APP, MD5, CLEARTEXT, TRUSTED])
@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_a_login_passes_through(strict: Gateway, user: str, sslmode: str) -> None:
    password = strict.upstream.passwords[user]
    assert who(strict, user, password, sslmode=sslmode) == f"{user} false"
    if user != TRUSTED:
        assert "password authentication failed" in refused(strict, user, "wrong", sslmode=sslmode)


@pytest.fixture(scope="module")
def encrypted(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Logins pass through to a target that the gateway meets over TLS."""
    settings = {"sslmode": "verify-full", "sslrootcert": postgres.ca_file}
    with Gateway(postgres, tmp_path_factory.mktemp("encrypted"), settings=settings) as gateway:
        yield gateway


@pytest.mark.parametrize("user", [APP, MD5, CLEARTEXT, TRUSTED])
@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
def test_a_login_passes_through_to_tls(encrypted: Gateway, user: str, sslmode: str) -> None:
    """SCRAM binds to a channel, and here there are two: neither side may believe that there is one."""
    password = encrypted.upstream.passwords[user]
    for binding in ("disable", "prefer"):
        assert who(encrypted, user, password, sslmode=sslmode, channel_binding=binding) == f"{user} true"
    if user != TRUSTED:
        assert "password authentication failed" in refused(encrypted, user, "wrong", sslmode=sslmode)


def test_a_client_that_insists_on_channel_binding_is_not_fooled(strict: Gateway, encrypted: Gateway) -> None:
    for gateway, sslmode in ((strict, "require"), (encrypted, "prefer")):
        password = gateway.upstream.passwords[APP]
        assert "channel binding" in refused(gateway, APP, password, sslmode=sslmode, channel_binding="require")


def test_direct_tls(strict: Gateway) -> None:
    password = strict.upstream.passwords[APP]
    assert who(strict, APP, password, sslmode="require", sslnegotiation="direct") == f"{APP} false"


def test_clients_verify_the_gateways_certificate(strict: Gateway) -> None:
    password = strict.upstream.passwords[APP]
    authority = next(strict.confdir.glob("*-ca-cert.pem"))
    assert who(strict, APP, password, sslmode="verify-full", sslrootcert=str(authority)) == f"{APP} false"
    other = str(strict.upstream.ca_file)
    assert "certificate verify failed" in refused(strict, APP, password, sslmode="verify-full", sslrootcert=other)


def test_a_target_with_a_certificate_of_somebody_elses(
    postgres: PostgresServer, gateway: StartGateway, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    for settings in (
        {"sslmode": "verify-full", "sslrootcert": other.ca_file},
        {"sslmode": "verify-ca", "sslrootcert": other.ca_file},
        {"sslmode": "verify-full"},
    ):
        careful = gateway(postgres, settings=settings)
        said = refused(careful, APP, postgres.passwords[APP], sslmode="disable")
        assert "certificate" in said
        assert not re.search(rf"connection authorized: user={APP}.*{careful.port}", postgres.log())


# -- at the gateway


@pytest.fixture(scope="module")
def owned(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The gateway logs in at the target as `app`, over TLS; clients prove themselves to the gateway."""
    folder = tmp_path_factory.mktemp("owned")
    users = folder / "users.yaml"
    hashed = forked.run(["users", "hash"], cwd=folder, env=os.environ, text=f"{PASSWORD}\n").stdout.strip()
    users.touch(mode=0o600)
    users.write_text(f"ada:\n  password: {hashed}\n  groups: [dev]\n")
    settings = {
        "name": "sample",
        "user": APP,
        "password": "env:TARGET_PASSWORD",
        "sslmode": "verify-full",
        "sslrootcert": postgres.ca_file,
        "users": users,
    }
    says = (
        "from hoopaddon import Session\n\ndef session_start(session: Session) -> None:\n"
        "    print('started', session.user.subject, sorted(session.user.groups), session.target.name, flush=True)\n"
    )
    environment = {"TARGET_PASSWORD": postgres.passwords[APP]}
    # These tests guess wrong more often than anybody may.
    options = {"login_failures": 0}
    with Gateway(
        postgres, folder, settings=settings, scripts=[says], options=options, environment=environment
    ) as gateway:
        yield gateway


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_a_token_is_a_password(owned: Gateway, sslmode: str) -> None:
    good = token(owned, "--groups", "ops,dev")
    assert who(owned, "agent-7", good, sslmode=sslmode) == f"{APP} true"
    owned.wait_for_log(r"started agent-7 \['dev', 'ops'\] sample")
    assert who(owned, "agent-7", token(owned, "--target", "sample"), sslmode=sslmode) == f"{APP} true"


def test_wrong_tokens(owned: Gateway, tmp_path: Path) -> None:
    header, body, signature = token(owned).split(".")
    foreign = run(owned, "token", "--user", "agent-7", "--confdir", str(tmp_path / "other"))
    for wrong in (
        "",
        "nonsense",
        "a.b.c",
        f"{header}.{body}.",
        f"{header}.{body}.{signature[:-4]}AAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        foreign,
        token(owned, "--target", "another"),
        owned.upstream.passwords[APP],
        PASSWORD,
    ):
        said = refused(owned, "agent-7", wrong or " ", sslmode="require")
        assert 'password authentication failed for user "agent-7"' in said
        assert len(wrong) < 20 or wrong not in owned.log()


def test_a_token_expires(owned: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    key = SigningKey.load_or_create(owned.confdir)
    an_hour_ago = time.time() - 3600
    with monkeypatch.context() as then:
        then.setattr("hoopaddon.identity.tokens.time.time", lambda: an_hour_ago)
        expired = sign(key, subject="agent-7", ttl_s=1800)
        current = sign(key, subject="agent-7", ttl_s=7200)
    assert "password authentication failed" in refused(owned, "agent-7", expired, sslmode="require")
    assert who(owned, "agent-7", current, sslmode="require") == f"{APP} true"


def test_the_password_of_a_user_in_the_file(owned: Gateway) -> None:
    for sslmode in ("disable", "require"):
        assert who(owned, "ada", PASSWORD, sslmode=sslmode) == f"{APP} true"
        for wrong in ("wrong", PASSWORD.upper(), owned.upstream.passwords[APP]):
            assert 'password authentication failed for user "ada"' in refused(owned, "ada", wrong, sslmode=sslmode)
    owned.wait_for_log(r"started ada \['dev'\] sample")


def test_a_user_that_does_not_exist_cannot_be_told_from_one_with_a_wrong_password(owned: Gateway) -> None:
    one, other = (refused(owned, name, "wrong", sslmode="require").replace(name, "X") for name in ("ada", "bob"))
    assert one == other


def test_a_client_never_sees_the_gateways_password(owned: Gateway) -> None:
    secret = owned.upstream.passwords[APP]
    assert secret not in owned.log()
    assert secret not in " ".join(owned.command())


@pytest.mark.parametrize("user", [APP, MD5, CLEARTEXT, TRUSTED])
@pytest.mark.parametrize("sslmode", ["disable", "verify-full"])
def test_the_gateway_logs_in_at_the_target(
    postgres: PostgresServer, gateway: StartGateway, user: str, sslmode: str
) -> None:
    settings = {"user": user, "password": "env:TARGET_PASSWORD", "sslmode": sslmode, "sslrootcert": postgres.ca_file}
    started = gateway(postgres, settings=settings, environment={"TARGET_PASSWORD": postgres.passwords[user]})
    tls = str(sslmode != "disable").lower()
    assert who(started, "agent-7", token(started)) == f"{user} {tls}"


def test_the_gateway_logs_in_with_a_certificate(postgres: PostgresServer, gateway: StartGateway) -> None:
    pair = postgres.issue_certificate(CERTIFIED)
    settings = {
        "user": CERTIFIED,
        "sslcert": pair.cert_file,
        "sslkey": pair.key_file,
        "sslrootcert": postgres.ca_file,
    }
    started = gateway(postgres, settings=settings)
    assert who(started, "agent-7", token(started)) == f"{CERTIFIED} true"


def test_a_wrong_password_of_the_gateways(postgres: PostgresServer, gateway: StartGateway) -> None:
    settings = {"user": APP, "password": "env:TARGET_PASSWORD"}
    started = gateway(postgres, settings=settings, environment={"TARGET_PASSWORD": "not-this-one"})
    said = refused(started, "agent-7", token(started))
    assert "not-this-one" not in said + started.log()


def test_a_gateway_without_its_credential_does_not_start(postgres: PostgresServer, gateway: StartGateway) -> None:
    with pytest.raises(RuntimeError, match="TARGET_PASSWORD_NOT_SET"):
        gateway(postgres, settings={"user": APP, "password": "env:TARGET_PASSWORD_NOT_SET"})
