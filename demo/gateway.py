"""The gateway as its users run it: the program itself, in a process of its own, configured on its command line."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from demo.guard import Guard, end
from demo.http_target import HttpTarget
from demo.postgres import EmbeddedPostgres
from demo.server import HOST, free_port
from demo.ssh_target import SshTarget

APP = "app"
DATABASE = "shop"
TARGET = "orders-db"
SSH_TARGET = "orders-host"
HTTP_TARGET = "orders-api"
PASSWORD_VARIABLE = "DEMO_DB_PASSWORD"
KEY_VARIABLE = "DEMO_API_KEY"
POLICIES = ("mask_pii.py", "block_destructive.py", "require_approval.py", "record.py")
APPROVERS = "dba"
_START_WITHIN_S = 30
_ATTEMPTS = 3
_LISTENERS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a `hoopaddon` command printed, and its exit code."""

    out: str
    err: str
    code: int


class Gateway:
    """`hoopaddon` with these policies in front of the shop's database, its machine and its API, until `stop`.

    It logs in at the database as the application's role; the password, and the API's key, reach it in its environment
    alone. All of its files are below `folder`, which goes away with it.
    """

    def __init__(
        self,
        database: EmbeddedPostgres,
        ssh_target: SshTarget,
        http_target: HttpTarget,
        policies: Sequence[str] = POLICIES,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hoopaddon-demo-"))
        self.confdir = self.folder / "conf"
        self.log_path = self.folder / "gateway.log"
        self.port = 0
        self.ssh_port = 0
        self.http_port = 0
        self._database = database
        self._ssh_target = ssh_target
        self._http_target = http_target
        self._policies = policies
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    def command(self, approval_within: str) -> list[str]:
        """The command line without the name of the program."""
        login = f"user={APP}&password=env:{PASSWORD_VARIABLE}&name={TARGET}&label=env:demo"
        mode = f"postgres:{HOST}:{self._database.port}?{login}@{HOST}:{self.port}"
        scripts = [word for policy in self._policies for word in ("-s", policy)]
        settings = [f"approvers={APPROVERS}", f"approval_within={approval_within}"]
        chosen = [word for setting in settings for word in ("--set", setting)]
        asks = any(Path(policy).name == "require_approval.py" for policy in self._policies)
        machine = self._ssh_target
        login = f"{machine.mode_settings}&name={SSH_TARGET}&label=env:demo"
        ssh_mode = f"ssh:{HOST}:{machine.port}?{login}@{HOST}:{self.ssh_port}"
        login = f"bearer=env:{KEY_VARIABLE}&name={HTTP_TARGET}&label=env:demo"
        http_mode = f"http:http://{HOST}:{self._http_target.port}?{login}@{HOST}:{self.http_port}"
        modes = [word for mode in (mode, ssh_mode, http_mode) for word in ("--mode", mode)]
        return [*modes, *scripts, *(chosen if asks else ())]

    def start(self, approval_within: str) -> None:
        """Start, and return when it listens; on the same port as before, if there was one."""
        for _ in range(_ATTEMPTS):
            self.port = self.port or free_port()
            self.ssh_port = self.ssh_port or free_port()
            self.http_port = self.http_port or free_port()
            if self._launch(approval_within):
                return
            if "is in use" not in self.log():
                break
            self.port = self.ssh_port = self.http_port = 0
        raise RuntimeError(f"the gateway did not start:\n{self.log()[-2000:]}")

    def _launch(self, approval_within: str) -> bool:
        self.folder.mkdir(exist_ok=True)
        already = len(self.log())
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._program(*self.command(approval_within), "--confdir", str(self.confdir)),
                cwd=self.folder,
                env={**_environment(), **self._secrets()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = Guard(self._process.pid, SIGTERM, self.folder)
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.log()[already:].count("listening at") == _LISTENERS:
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _secrets(self) -> dict[str, str]:
        return {PASSWORD_VARIABLE: self._database.passwords[APP], KEY_VARIABLE: self._http_target.key}

    def stop(self) -> int:
        """Ask it to end in good order; its exit code."""
        if self._process is None:
            return 0
        code = end(self._process, SIGTERM, self._guard)
        self._process = None
        return code

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def token(self, user: str, groups: str) -> str:
        """A token of this gateway's for one working day."""
        signed = self.run("token", "--user", user, "--groups", groups, "--ttl", "8h")
        if signed.code:
            raise RuntimeError(f"no token for {user}: {signed.err}")
        return signed.out.strip()

    def log(self) -> str:
        """What it has printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def run(self, *arguments: str, columns: int = 0, colour: bool = False, token: str = "") -> Answer:
        """Run a `hoopaddon` command on this gateway's store; what it prints is laid out for so many columns."""
        looks = {"COLUMNS": str(columns)} if columns else {}
        looks |= {"FORCE_COLOR": "1"} if colour else {"NO_COLOR": "1"}
        done = subprocess.run(
            self._program(*arguments, "--confdir", str(self.confdir)),
            env=_environment() | looks | ({"HOOPADDON_TOKEN": token} if token else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Answer(done.stdout, done.stderr, done.returncode)

    @staticmethod
    def _program(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "hoopaddon", *arguments]


def _environment() -> dict[str, str]:
    ours = ("PG", "HOOPADDON_", "FORCE_COLOR", "NO_COLOR", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
