"""The target's side of a connection: how the gateway finds out that it is the target, and logs in there."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import SSHPacketLogger

from hoopaddon.adapters.ssh.login import algorithms
from hoopaddon.adapters.ssh.login.algorithms import Algorithms
from hoopaddon.adapters.ssh.login.credentials import OwnLogin, Proof
from hoopaddon.adapters.ssh.login.known_hosts import ACCEPT_NEW, FILE, HostKeyCheck, HostKeys
from hoopaddon.adapters.ssh.mode import DEFAULT_PORT, SshTarget
from hoopaddon.adapters.ssh.packets import may_need_padding, unlogged
from hoopaddon.credential import CredentialUnavailable
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.errors import ConfigError, HoopaddonError

_NO_SSH = "it does not answer as an SSH server does"
METHODS = ("publickey", "keyboard-interactive", "password")
USER_FILES = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")
# What no shell that a proxy command or a configuration file may run should ever see (as OpenSSH has it).
_NO_NAME = frozenset("'`\"$\\;&<>|(){} \t\r\n")


class TargetUnreachable(HoopaddonError):
    """There is no connection to the target. `reason` is for the client, the text itself for the operator."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class TargetConnection(asyncssh.SSHClientConnection):
    """asyncssh's half of a target's connection."""

    log_sent_packet = log_received_packet = unlogged
    pads = True

    @classmethod
    def of(cls, conn: asyncssh.SSHClientConnection) -> "TargetConnection":
        """This connection, which was made with all that the operator's own configuration says."""
        conn.__class__ = cls
        ours = cast(TargetConnection, conn)
        ours.pads = may_need_padding(ours)
        return ours

    def send_packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE or self.pads:
            super().send_packet(pkttype, *args, handler=handler)


class TargetSide(asyncssh.SSHClient):
    """What asyncssh asks about one target."""

    def __init__(self, host_key: HostKeyCheck) -> None:
        self.host_key = host_key
        self.conn: asyncssh.SSHClientConnection | None = None
        self.when_lost: Callable[[], None] | None = None
        self.proof: Proof | None = None
        """What the gateway logs in with, where it does."""

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.conn = TargetConnection.of(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.proof is not None:
            self.proof.release()
        if self.when_lost is not None:
            self.when_lost()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self.host_key.accepts(host, port, key)


class TargetLogin:
    """How the gateway logs in at one target."""

    def __init__(self, served: SshTarget, confdir: Path, credentials: Credentials) -> None:
        self.served = served
        self._algorithms = Algorithms.allowed(legacy="legacy_target" in served.target.allowed)
        self._own = None if served.passes_login_through else OwnLogin(served.target.settings, credentials)
        self._kept = confdir / FILE if served.target.settings.get("host_key") == ACCEPT_NEW else None

    def prepare(self) -> None:
        """Read what the mode names, so that what is wrong is said at the start. Raises `ConfigError`."""
        proof = self._own.prepare() if self._own is not None else None
        try:
            options = asyncssh.SSHClientConnectionOptions(**self._arguments("nobody", proof))
        except (OSError, ValueError) as e:
            raise ConfigError(
                f"~/.ssh cannot be used: {e}", hint="or give the gateway a login: user=, key="
            ) from None
        named = self.served.target.settings.get("known_hosts")
        if named is not None and not Path(named).expanduser().is_file():
            raise ConfigError("is not there", file=named, key="known_hosts", hint="ssh-keyscan HOST makes one")
        self._host_keys(options).read()

    def arguments(self, username: str, proof: Proof | None) -> tuple[dict[str, Any], HostKeyCheck]:
        """What asyncssh needs to log in as `username`. Reads files; raises `ConfigError`, `OSError`, `ValueError`."""
        found = self._arguments(username, proof)
        options = asyncssh.SSHClientConnectionOptions(**found)
        check = HostKeyCheck(self._host_keys(options))
        host = options.host_key_alias or options.host
        port = options.port if options.port != DEFAULT_PORT else None
        found["known_hosts"] = check.match
        found["server_host_key_algs"] = check.preferred(host, "", port, self._algorithms.host_keys)
        return found, check

    @property
    def address(self) -> tuple[str, int]:
        """Where it is, by the operator's own configuration where that counts. Raises `OSError`, `ValueError`."""
        if self._own is not None:
            return self.served.target.host, self.served.target.port
        options = asyncssh.SSHClientConnectionOptions(**self._arguments("nobody", None))
        return str(options.host), int(options.port)

    def username(self, asked: str) -> str:
        """Whom the gateway logs in as for a client that asked for a name. Raises `TargetUnreachable`."""
        if self._own is not None:
            return self._own.username
        if not asked or asked.startswith("-") or not asked.isprintable() or _NO_NAME & set(asked):
            raise TargetUnreachable("this is no user name", "a user name that no target has")
        return asked

    async def connect(
        self, asked: str, timeout_s: float, side: Callable[[HostKeyCheck], TargetSide] = TargetSide
    ) -> TargetSide:
        """A connection that is logged in. Raises `TargetUnreachable`."""
        username = self.username(asked)
        check = HostKeyCheck(HostKeys())
        made: TargetSide | None = None
        proof: Proof | None = None
        try:
            proof = await self._own.proof() if self._own is not None else None
            username = proof.username if proof is not None else username
            arguments, check = await asyncio.to_thread(self.arguments, username, proof)
            answering = made = side(check)
            made.proof = proof
            arguments |= {"connect_timeout": timeout_s or None, "login_timeout": 0}
            await asyncssh.connect(**arguments, client_factory=lambda: answering)
        except BaseException as e:
            if proof is not None:
                proof.release(was_refused=isinstance(e, asyncssh.PermissionDenied))
            if isinstance(e, asyncssh.Error | OSError | ValueError | HoopaddonError):
                raise self._unreachable(e, check, username, timeout_s, made) from None
            raise
        return made

    def _arguments(self, username: str, proof: Proof | None) -> dict[str, Any]:
        target = self.served.target
        common: dict[str, Any] = {
            **self._algorithms.arguments(),
            "host": target.host,
            "username": username,
            **self.served.keepalive,
            "rekey_bytes": algorithms.REKEY_BYTES,
            "rekey_seconds": algorithms.REKEY_S,
            "preferred_auth": METHODS,
            "gss_kex": False,
            "gss_auth": False,
            "host_based_auth": False,
            "x509_trusted_certs": None,
            "x509_trusted_cert_paths": [],
            "agent_forwarding": False,
            "disable_trivial_auth": False,
        }
        if self._own is None:
            # The port of a mode always stands there, written or not; 22 leaves the word to ~/.ssh/config.
            return common | ({} if target.port == DEFAULT_PORT else {"port": target.port})
        return common | {"port": target.port, "config": None, "agent_path": None, **self._own.arguments(proof)}

    def _host_keys(self, options: asyncssh.SSHClientConnectionOptions) -> HostKeys:
        settings = self.served.target.settings
        configured = options.known_hosts if self._own is None else []
        if "known_hosts" in settings:
            names = [settings["known_hosts"]]
        elif isinstance(configured, list):
            names = [str(name) for name in configured] or list(USER_FILES)
        else:
            names = []
        # A mode is written as a query, where a plus that nobody escaped is a space.
        files = tuple(Path(name).expanduser() for name in names)
        return HostKeys(files, settings.get("fingerprint", "").replace(" ", "+"), self._kept)

    def _unreachable(
        self, error: Exception, check: HostKeyCheck, username: str, timeout_s: float, side: TargetSide | None
    ) -> TargetUnreachable:
        name, address = self.served.target.name, self.served.target.address
        if isinstance(error, CredentialUnavailable):
            reason = f"the gateway has no credential for the target {name} now"
            return TargetUnreachable(reason, f"{address}: no credential: {error}")
        if check.problem:
            reason = f"the host key of the target {name} is not the one that is known; nothing was sent to it"
            return TargetUnreachable(reason, check.problem)
        if isinstance(error, asyncssh.PermissionDenied):
            reason = f"the target {name} refuses the gateway's login"
            return TargetUnreachable(reason, f"the target {address} refuses the login of {username}")
        if isinstance(error, asyncssh.KeyExchangeFailed):
            reason = f"the target {name} and the gateway have no algorithm in common"
            why = f"{algorithms.nothing_in_common(error.reason)}; allow=legacy_target takes old algorithms"
            return TargetUnreachable(reason, f"{address}: {why}")
        spoke = side is not None and side.conn is not None and side.conn.get_extra_info("server_version")
        why = _why(error, timeout_s) if spoke or not _is_lost(error) else _NO_SSH
        return TargetUnreachable(f"the target {name} cannot be reached: {why}", f"the target {address}: {why}")


def _why(error: Exception, timeout_s: float) -> str:
    """What kept a connection from being made, in a few words that quote nothing secret."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, asyncssh.Error):
        return f"it ended the connection ({_plain(error)})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, ConfigError):
        return "the gateway's configuration does not allow it"
    return _NO_SSH


def _is_lost(error: Exception) -> bool:
    return isinstance(error, asyncssh.ConnectionLost | asyncssh.ProtocolError)


def _plain(error: asyncssh.Error) -> str:
    return "".join(c if c.isprintable() else "?" for c in error.reason)[:200]
