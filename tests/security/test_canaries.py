"""One whole run of a gateway with a canary for every secret in it, none of which may be found anywhere afterwards."""

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import asyncssh
import httpx2
import psycopg
import pytest
from cryptography.fernet import Fernet
from keyrings.alt.file import PlaintextKeyring

from demo.server import free_port
from hoopaddon.credentials import sealed
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.security.canaries import Canaries, command_lines, files, spellings
from tests.servers import forked
from tests.servers.gateway import Gateway
from tests.servers.moto import Moto
from tests.servers.postgres import PostgresServer
from tests.servers.ssh import TOKEN_VARIABLE, SshServer
from tests.servers.vault import ROLE_ID, Vault

MARK = "a-mark-that-is-recorded"
POLICY = """
from hoopaddon import Command, Refused, Session

def session_start(session: Session) -> None:
    if session.user.subject == "nobody":
        raise Refused("not you")

def command(command: Command) -> None:
    if "refuse" in command.text:
        raise Refused("not that")
    if "break" in command.text:
        raise RuntimeError(repr(vars(command.session) if hasattr(command.session, "__dict__") else command.session))
"""
SHOWN = ("sessions", "list"), ("sessions", "search", MARK), ("sessions", "search", "cAn4ry")


class Echo(BaseHTTPRequestHandler):
    """Answers with all that it was sent, in several ways; below /401 as if it had refused it."""

    def do_GET(self) -> None:
        sent = f"{self.path}\n{self.headers}".encode()
        body = sent + base64.b64encode(sent) + sent.hex().encode() + json.dumps(dict(self.headers)).encode()
        self.send_response(401 if self.path.startswith("/401") else 200)
        self.send_header("x-seen", self.headers.get("authorization", "") or self.path)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Run:
    """The gateway, what it stands in front of, and all that anybody was told."""

    def __init__(self, postgres: PostgresServer, sshd: SshServer, folder: Path) -> None:
        self.postgres, self.sshd = postgres, sshd
        self.canaries = Canaries()
        self.kept = folder / "kept"
        self.kept.mkdir(mode=0o700)
        self.front = folder / "front"
        self.confdir = self.front / "conf"
        self.confdir.mkdir(parents=True, mode=0o700)
        self.told: list[tuple[str, bytes]] = []
        self.services = ExitStack()
        self.environment: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.roles: list[str] = []

    def tell(self, what: str, text: object) -> None:
        self.told.append((what, str(text).encode()))

    # -- where the secrets are kept

    def file(self, name: str, content: str) -> Path:
        path = self.kept / name
        path.write_text(content)
        path.chmod(0o700)
        return path

    def role(self, name: str, password: str) -> None:
        quoted = password.replace("'", "''")
        self.postgres.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{quoted}'")
        self.roles.append(name)

    def references(self) -> dict[str, str]:
        """One for each provider, all of them to another secret."""
        new = self.canaries.new
        self.environment["OF_ENV"] = new("env")
        program = self.file("safe", f"#!/bin/sh\necho \"unlocked with $2\" >&2\necho '{new('exec')}'\n")
        backend = PlaintextKeyring()
        backend.file_path = str(self.kept / "keyring.cfg")
        backend.set_password("hoopaddon", "orders", new("keyring"))
        self.environment["PYTHON_KEYRING_BACKEND"] = "keyrings.alt.file.PlaintextKeyring"
        self.environment["KEYRING_PROPERTY_FILE_PATH"] = backend.file_path
        self.environment["SEALING_KEY"] = self.canaries.add("sealing key", Fernet.generate_key().decode())
        by = sealed.keys(str(self.confdir), f"file:{self.file('sealing', self.environment['SEALING_KEY'])}")
        return {
            "env": "env:OF_ENV",
            "file": f"file:{self.file('password', new('file'))}",
            "exec": f"exec:{program} show orders",
            "keyring": "keyring:hoopaddon/orders",
            "sealed": sealed.seal(new("sealed"), by),
            **self.of_vault(),
            **self.of_aws(),
        }

    def of_vault(self) -> dict[str, str]:
        vault = self.services.enter_context(Vault(create=self.role, drop=lambda user: None))
        self.vault = vault
        secret_id = self.canaries.new("secret id")
        vault.secret_id = secret_id
        vault.kv2["orders"] = {"password": self.canaries.new("vault")}
        self.environment |= {"VAULT_ADDR": vault.address, "VAULT_ROLE_ID": ROLE_ID, "VAULT_SECRET_ID": secret_id}
        return {"vault": "vault:secret/orders#password", "dynamic": "vault:database/creds/readonly"}

    def of_aws(self) -> dict[str, str]:
        moto = self.services.enter_context(Moto())
        self.environment |= moto.environment
        self.canaries.add("aws key", moto.environment["AWS_SECRET_ACCESS_KEY"])
        moto.call("secretsmanager", "create_secret", Name="orders", SecretString=self.canaries.new("aws"))
        return {"aws": "aws-secret:orders"}

    # -- the modes

    def mode(self, name: str, target: str, settings: Mapping[str, object]) -> list[str]:
        self.ports[name] = free_port()
        return ["--mode", f"{target}?{urlencode({**settings, 'name': name})}@127.0.0.1:{self.ports[name]}"]

    def modes(self) -> list[str]:
        address = f"postgres:{self.postgres.host}:{self.postgres.port}"
        users = self.file("users.yaml", "")
        verifier = ScramVerifier.from_password(self.canaries.new("client password"))
        users.write_text(f"carol:\n  password: {verifier}\n")
        users.chmod(0o600)
        found: list[str] = []
        for name, reference in self.references().items():
            if name != "dynamic":
                self.role(f"canary_{name}", self.canaries._secrets[name])
            found += self.mode(name, address, {"user": f"canary_{name}", "password": reference, "users": users})
        self.role("canary_wrong", "something else")
        for name, reference in {
            "wrong": f"file:{self.file('wrong', self.canaries.new('wrong'))}",
            "broken": f"exec:{self.file('broken', f'#!/bin/sh{chr(10)}echo none of {MARK} >&2; exit 4')}",
            "none": "vault:secret/none#password",
        }.items():
            found += self.mode(name, address, {"user": "canary_wrong", "password": reference})
        return found + self.ssh_modes() + self.http_modes()

    def ssh_modes(self) -> list[str]:
        address = f"ssh:{self.sshd.host}:{self.sshd.port}"
        passphrase = self.file("passphrase", self.canaries.new("passphrase"))
        key = asyncssh.read_private_key(self.sshd.user_key)
        locked = self.file("key", key.export_private_key(passphrase=passphrase.read_text()).decode())
        locked.chmod(0o600)
        common = {"user": self.sshd.user, "known_hosts": self.sshd.known_hosts}
        by_key = {**common, "key": locked, "passphrase": f"file:{passphrase}"}
        by_password = {**common, "password": f"file:{self.file('ssh', self.canaries.new('ssh password'))}"}
        return self.mode("ssh", address, by_key) + self.mode("ssh-refused", address, by_password)

    def http_modes(self) -> list[str]:
        echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=echo.serve_forever, args=(0.05,), daemon=True).start()
        self.services.callback(echo.server_close)
        self.services.callback(echo.shutdown)
        address = f"http:http://127.0.0.1:{echo.server_address[1]}"
        self.environment["HTTP_KEY"] = self.canaries.new("bearer")
        self.environment["QUERY_KEY"] = self.canaries.new("query")
        basic = {"user": "app", "password": f"file:{self.file('basic', self.canaries.new('basic'))}"}
        return (
            self.mode("bearer", address, {"bearer": "env:HTTP_KEY"})
            + self.mode("query", address, {"query": "key:env:QUERY_KEY"})
            + self.mode("basic", address, basic)
        )

    # -- the clients

    def token(self, name: str = "ann") -> str:
        token = sign(SigningKey.load_or_create(self.confdir), subject=name, groups=["dev"], ttl_s=300)
        # What the token says is no secret; its signature is what makes it one.
        self.canaries.add(f"token {len(self.told)}", token.rpartition(".")[2])
        return token

    def sql(self, name: str, text: str, user: str = "ann", password: str | None = None) -> str:
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=self.ports[name],
                dbname="postgres",
                user=user,
                password=self.token(user) if password is None else password,
                autocommit=True,
            ) as connection:
                said = str(connection.execute(text).fetchall())
        except psycopg.Error as e:
            said = str(e)
        self.tell(f"psql at {name}", said)
        return said

    def ssh(self, name: str, line: str, secret: str | None = None) -> str:
        asked = self.file("askpass", f'#!/bin/sh\nprintf "%s\\n" "${TOKEN_VARIABLE}"\n')
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityFile=none -o LogLevel=ERROR"
        environment = {n: v for n, v in os.environ.items() if n != "SSH_AUTH_SOCK"}
        environment |= {"SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"}
        environment[TOKEN_VARIABLE] = self.token() if secret is None else secret
        port = ["-o", "NumberOfPasswordPrompts=1", "-p", str(self.ports[name]), "ann@127.0.0.1", line]
        done = subprocess.run(
            ["ssh", "-F", "none", *options.split(), *port], env=environment, capture_output=True, timeout=60
        )
        self.tell(f"ssh at {name}", done.stdout + done.stderr)
        return (done.stdout + done.stderr).decode()

    def http(self, name: str, path: str, token: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.token() if token is None else token}"}
        answer = httpx2.get(
            f"http://127.0.0.1:{self.ports[name]}{path}", headers=headers, trust_env=False, timeout=30
        )
        self.tell(f"curl at {name}", f"{answer.status_code}\n{answer.headers}\n{answer.text}")
        return answer


@pytest.fixture
def run(postgres: PostgresServer, sshd: SshServer, tmp_path: Path) -> Iterator[Run]:
    made = Run(postgres, sshd, tmp_path)
    yield made
    made.services.close()
    for role in made.roles:
        with suppress(psycopg.Error):
            postgres.execute(f'DROP ROLE "{role}"')


def test_no_secret_is_anywhere_after_a_whole_run(run: Run, postgres: PostgresServer) -> None:
    modes = run.modes()
    front = Gateway(
        postgres,
        run.front,
        scripts=["record.py", POLICY],
        options={"sealing_key": "env:SEALING_KEY", "record_rows": 100, "credential_timeout": 5},
        arguments=["-v", *modes],
        environment=run.environment,
    )
    with front:
        command_line = [*command_lines()]
        _everybody_works(run)
        _everything_goes_wrong(run)
        for arguments in SHOWN:
            done = forked.run((*arguments, "--confdir", str(run.confdir)), cwd=run.front, env=os.environ)
            run.tell(" ".join(arguments), done.stdout + done.stderr)
        command_line += command_lines()
    for shown in (run.confdir / "store" / "sessions").iterdir():
        done = forked.run(
            ("sessions", "show", shown.stem, "--confdir", str(run.confdir)), cwd=run.front, env=os.environ
        )
        run.tell("sessions show", done.stdout + done.stderr)
    run.canaries.add("dynamic", run.vault.passwords[0])
    places = [*run.told, *files(run.front), *command_line]
    # What is looked through is where things are to be found.
    assert sum(MARK.encode() in content for _, content in places) > 10
    assert run.canaries.found_in(places) == []


def _everybody_works(run: Run) -> None:
    for name in ("env", "file", "exec", "keyring", "sealed", "vault", "dynamic", "aws"):
        assert MARK in run.sql(name, f"SELECT '{MARK}', current_user"), name
    password = run.canaries._secrets["client password"]
    assert MARK in run.sql("env", f"SELECT '{MARK}'", "carol", password)
    assert MARK in run.ssh("ssh", f"echo {MARK}")
    for name in ("bearer", "query", "basic"):
        answer = run.http(name, f"/{MARK}")
        assert (answer.status_code, MARK in answer.text) == (200, True), answer.text


def _everything_goes_wrong(run: Run) -> None:
    guess = run.canaries.new("guess")
    assert "password authentication failed" in run.sql("env", "SELECT 1", "carol", guess)
    assert "password authentication failed" in run.sql("env", "SELECT 1", "ann", guess)
    assert "not you" in run.sql("env", "SELECT 1", "nobody")
    assert "not that" in run.sql("env", "SELECT 'refuse'")
    assert "break" not in run.sql("env", "SELECT 'break'").replace("breaks", "")
    assert "password authentication failed" in run.sql("wrong", "SELECT 1")
    for name in ("broken", "none"):
        assert "the gateway has no credential" in run.sql(name, "SELECT 1")
    assert "denied" in run.ssh("ssh", "true", guess)
    for line in ("echo refuse", "echo break"):
        run.ssh("ssh", line)
    assert "refuses the gateway's login" in run.ssh("ssh-refused", "true")
    for name in ("bearer", "query", "basic"):
        assert run.http(name, "/401").status_code == 401
        assert run.http(name, "/refuse").status_code == 403
        assert run.http(name, "/break").status_code == 502
        assert run.http(name, "/", guess).status_code == 401
    run.vault.status = 503
    run.sql("none", "SELECT 1")


def test_what_is_looked_for_would_be_found() -> None:
    canaries = Canaries()
    secret = canaries.new("a")
    for name, form in spellings(secret):
        assert canaries.found_in([("b", b"x" + form + b"y")]) == [f"a in b, as {name}"] or name in ("URL", "Base64")
        assert canaries.found_in([("b", b"x" + form + b"y")])
    for before in range(4):
        encoded = base64.b64encode(b"u" * before + secret.encode() + b"tail")
        assert canaries.found_in([("b", encoded)]), before
        assert canaries.found_in([("b", base64.urlsafe_b64encode(b"u" * before + secret.encode()))]), before
    assert canaries.found_in([("b", secret[:-1].encode())]) == []
