"""Every command of the documentation works, and prints what the page says."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from demo.http_target import HttpTarget
from demo.server import free_port
from hoopaddon.errors import ConfigError
from hoopaddon.policy.policies import flatten
from hoopaddon.scripts.check import check
from hoopaddon.testing import load
from tests.docs.pages import ID, ROOT, Block, agrees, blocks, dialogue, pages
from tests.servers.oidc import OidcProvider
from tests.servers.postgres import APP, Database
from tests.servers.saml import SamlIdpServer
from tests.servers.ssh import SshServer

VERDICTS = (0, 1, 3)
MODE = re.compile(
    r"(?P<protocol>postgres|ssh|http):(?:http://)?(?P<target>[a-z0-9.]+:[0-9]+)(?:\?(?P<settings>[^@\s]+))?@(?P<port>[0-9]+)"
)
FILE = re.compile(
    r"protocol: (?P<protocol>postgres)\n +address: (?P<target>[a-z0-9.]+:[0-9]+)\n +listen: (?P<port>[0-9]+)"
)
"""The first target of a `hoopaddon.yaml`, by which a gateway without arguments starts."""
DATABASE = "database: shop"
PROVIDER, IDP, LOGIN_PORT = "https://login.example.com", "https://idp.example.com", "8443"
START_WITHIN_S = 30
COMMAND_WITHIN_S = 60


class Reader:
    """Somebody who does what a page says, in an empty folder."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.folder = folder
        self.environment = _environment(folder)
        self.replacements: dict[str, str] = {}
        self._request = request
        self._services = ExitStack()
        self._gateways: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._idp: SamlIdpServer | None = None
        self._providers: dict[str, str] = {}
        self._logins = ""
        self._has_servers = False
        self._meanwhile: tuple[Block, str, subprocess.Popen[str]] | None = None

    def follow(self, block: Block) -> None:
        if block.run.startswith("no, "):
            return
        if IDP in block.text:
            self._have_a_saml_provider()
        if block.file:
            (self.folder / block.file).write_text(block.text)
        if block.browser:
            self._have_a_browser(block.browser)
        if block.run == "gateway":
            self._start_gateway(block)
        elif block.run == "servers":
            self._have_servers(block)
            self._has_servers = True
        elif block.run == "meanwhile":
            ((command, said),) = dialogue(block.text)
            self._meanwhile = block, said, self._start(command)
        elif block.language == "sh":
            code, printed = self._run(f"set -eu -o pipefail\n{block.text}")
            assert code == int(block.exit or 0), f"{block.place}: exit code {code}\n{printed}"
        elif block.language == "console":
            self._converse(block)
        elif block.language == "python":
            self._load(block)

    def _converse(self, block: Block) -> None:
        code = None
        for command, said in dialogue(block.text):
            code, printed = self._run_until_it_says(said, command)
            agreed = agrees(said, printed)
            assert agreed, f"{block.place}: {command}\nprinted (exit code {code}):\n{printed}"
            if "id" in agreed.groupdict():
                self.replacements[ID] = agreed["id"]
            assert block.exit or code in VERDICTS, f"{block.place}: {command}: exit code {code}"
        assert code is not None, f"{block.place}: a console block has commands after '$ '"
        assert not block.exit or code == int(block.exit), f"{block.place}: exit code {code}"
        self.end_meanwhile()

    def _run_until_it_says(self, said: str, command: str) -> tuple[int, str]:
        until = time.monotonic() + (COMMAND_WITHIN_S if self._meanwhile else 0)
        while True:
            code, printed = self._run(command)
            if agrees(said, printed) or time.monotonic() >= until:
                return code, printed

    def end_meanwhile(self) -> None:
        """What runs beside other commands ends now, and has printed what the page says."""
        if self._meanwhile is not None:
            block, said, process = self._meanwhile
            self._meanwhile = None
            _, printed = _ended(process)
            assert agrees(said, printed), f"{block.place}: printed (exit code {process.returncode}):\n{printed}"

    def _load(self, block: Block) -> None:
        if block.file.startswith("test_"):
            compile(block.text, block.place, "exec")
            return
        script = self.folder / (block.file or "block.py")
        script.write_text(block.text)
        if block.run.startswith("raises "):
            with pytest.raises(Exception, match=re.escape(block.run.removeprefix("raises "))):
                load(script)
        else:
            check(flatten(load(script), script.name))

    def _run(self, script: str) -> tuple[int, str]:
        return _ended(self._start(script))

    def _start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", self._as_it_is_here(script)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _have_servers(self, block: Block) -> None:
        """What the block names, or the file, is there from now on, and the ports are free ones."""
        file = self.folder / "hoopaddon.yaml"
        mode = MODE.search(block.text) or (FILE.search(file.read_text()) if file.exists() else None)
        assert mode, f"{block.place}: names no mode"
        match mode["protocol"]:
            case "ssh":
                target = self._stand_before_ssh(mode)
            case "http":
                target = self._stand_before_http()
            case _:
                target = self._stand_before_a_database()
        self.replacements |= {mode["target"]: target, mode["port"]: str(free_port()), **self._providers}
        if file.exists() and "login_listen" in file.read_text():
            self._let_people_log_in(file.read_text())
        if file.exists():
            if DATABASE in file.read_text():
                self.environment.pop("PGDATABASE")
            file.write_text(self._as_it_is_here(file.read_text()))

    def _as_it_is_here(self, text: str) -> str:
        for old, new in self.replacements.items():
            text = text.replace(old, new)
        return text

    def _start_gateway(self, block: Block) -> None:
        if not self._has_servers:
            self._have_servers(block)
        script = self._as_it_is_here(block.text)
        log = self.folder / f"gateway{len(self._gateways)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {script}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._gateways.append((process, log))
        until = time.monotonic() + START_WITHIN_S
        while b"listening at" not in log.read_bytes():
            assert process.poll() is None, f"{block.place}: it ended\n{log.read_text()}"
            assert time.monotonic() < until, f"{block.place}: it does not listen\n{log.read_text()}"
            time.sleep(0.02)
        if self._idp is not None:
            self._idp.service = httpx2.get(f"{self._logins}/saml/metadata", trust_env=False).text

    def _have_a_saml_provider(self) -> None:
        self._idp = self._services.enter_context(SamlIdpServer(self.folder / "idp"))
        self._providers[f"{IDP}/metadata"] = self._idp.sign_on.replace("/sso", "/metadata")
        self.replacements |= self._providers

    def _let_people_log_in(self, file: str) -> None:
        """The reader has a browser, and an agent its secret; the provider that the page names is there."""
        port = str(free_port())
        self._logins = f"http://127.0.0.1:{port}"
        self.replacements[LOGIN_PORT] = port
        if PROVIDER in file:
            provider = self._services.enter_context(OidcProvider(self.folder))
            self.replacements[PROVIDER] = provider.issuer
        self.environment["AGENT_SECRET"] = "not-so-secret"
        self._have_a_browser("ada")

    def _have_a_browser(self, user: str) -> None:
        program = f"{sys.executable} -m tests.servers.browser {user} %s"
        self.environment |= {"BROWSER": program, "PYTHONPATH": str(ROOT)}

    def _stand_before_a_database(self) -> str:
        """The reader's programs find a database; its address."""
        database: Database = self._request.getfixturevalue("database")
        server = database.server
        self.replacements = {DATABASE: f"database: {database.name}"}
        self.environment |= {
            "PATH": f"{server.bin_dir}:{self.environment['PATH']}",
            "PGUSER": APP,
            "PGPASSWORD": server.passwords[APP],
            "PGDATABASE": database.name,
        }
        return f"{server.host}:{server.port}"

    def _stand_before_ssh(self, mode: re.Match[str]) -> str:
        """The reader may log in to an SSH server, and has a token for whatever asks for a password; its address."""
        server: SshServer = self._request.getfixturevalue("sshd")
        ssh = Path(self.environment["HOME"]) / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        for key in (ssh / "id_ed25519", self.folder / "deploy_key"):
            key.touch(0o600)
            key.write_bytes(server.user_key.read_bytes())
        shutil.copy(server.known_hosts, ssh / "known_hosts")
        asked, program = self.folder / "askpass", self.folder / "bin" / "ssh"
        asked.write_text(f"#!/bin/sh\ncat {self.folder}/*.token\n")
        # OpenSSH takes the home folder from the system, which is not the reader's.
        program.parent.mkdir(exist_ok=True)
        options = f"-F none -o UserKnownHostsFile={ssh}/gateway -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR"
        options += f" -o IdentityFile=none -l {server.user}"
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
        asked.chmod(0o700)
        program.chmod(0o700)
        if str(program.parent) not in self.environment["PATH"]:
            self.environment["PATH"] = f"{program.parent}:{self.environment['PATH']}"
        self.environment |= {"SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"}
        self.environment.pop("SSH_AUTH_SOCK", None)
        named = re.search(r"user=([a-z]+)", mode["settings"] or "")
        self.replacements = {f"user={named[1]}&": f"user={server.user}&"} if named else {}
        return f"{server.host}:{server.port}"

    def _stand_before_http(self) -> str:
        """An HTTP service's address."""
        service = self._services.enter_context(HttpTarget(with_key=False))
        self.replacements = {}
        return f"{service.host}:{service.port}"

    def close(self) -> None:
        if self._meanwhile is not None:
            self._meanwhile[-1].kill()
        self._services.close()
        for process, log in self._gateways:
            process.send_signal(signal.SIGTERM)
            assert process.wait(START_WITHIN_S) == 0, log.read_text()


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and what it has printed."""
    with process:
        try:
            printed, _ = process.communicate(timeout=COMMAND_WITHIN_S)
        except BaseException:
            process.kill()
            raise
    return process.returncode, printed


def _environment(folder: Path) -> dict[str, str]:
    """A user's environment: nothing of the test run's own."""
    kept: Mapping[str, str] = {
        n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "PG", "HOOPADDON", "COLUMNS"))
    }
    home = folder / "home"
    home.mkdir()
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def reader(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    somebody = Reader(tmp_path, request)
    yield somebody
    somebody.close()


def follow(page: Path, reader: Reader) -> None:
    followed = list(blocks(page))
    fences = re.findall("^```", page.read_text(), re.MULTILINE)
    assert len(fences) == 2 * len(followed), f"{page.name}: a block that cannot be read"
    for block in followed:
        reader.follow(block)
    reader.end_meanwhile()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_page_says_is_so(page: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reader.folder)
    follow(page, reader)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]*)(#[^)]*)?\)", text)
    broken = [target for target, _ in links if target and not (page.parent / target).exists()]
    assert broken == []


# -- the reading itself


def test_a_page_that_is_wrong_about_the_output_is_found() -> None:
    assert agrees("a …\n…\nz\n", "a  1\n\nb\nc\nz")
    assert agrees("…\n", "")
    assert agrees("✓ allowed\n", "✓ allowed\n")
    assert not agrees("✓ allowed\n", "✗ refused\n")
    assert not agrees("a\n", "a\nb\n")
    assert not agrees("a\nb\n", "a\n")
    assert (found := agrees("k7m2qx …\nyes to k7m2qx\n", "bcd234 waits\nyes to bcd234\n"))
    assert found["id"] == "bcd234"
    assert not agrees("k7m2qx …\nyes to k7m2qx\n", "bcd234 waits\nyes to bcd235\n")


def test_a_dialogue_has_commands_and_what_they_print() -> None:
    said = list(dialogue("$ one \\\n> two\nout\n$ three\n"))
    assert said == [("one \\\ntwo", "out\n"), ("three", "")]


def test_a_hint_that_is_none_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- run: gatway -->\n```sh\nfalse\n```\n")
    with pytest.raises(ValueError, match="gatway"):
        list(blocks(page))


@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```\n",
        "```console\n$ echo 1\n2\n```\n",
        "```console\n$ nosuchprogram\n…\n```\n",
        "<!-- exit: 1 -->\n```console\n$ true\n```\n",
        "<!-- run: meanwhile -->\n```console\n$ echo 1\n2\n```\n",
        "<!-- run: meanwhile -->\n```console\n$ echo 1\n2\n```\n```console\n$ true\n```\n",
        "```python\nimport nosuchmodule\n```\n",
        "```sh\ntrue\n",
        "<!-- run: raises TypeError: x -->\n```python\nraise ValueError('x')\n```\n",
    ],
)
def test_a_block_that_does_not_work_is_found(tmp_path: Path, reader: Reader, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises((AssertionError, ConfigError)):
        follow(page, reader)
