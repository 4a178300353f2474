"""Whether the target is the one that is meant: its host key against known_hosts, or a pinned fingerprint."""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from asyncssh.known_hosts import SSHKnownHosts

from hoopaddon.errors import ConfigError

logger = logging.getLogger(__name__)

ACCEPT_NEW = "accept-new"
FILE = "ssh_known_hosts"
MAX_FILE_BYTES = 16 << 20
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")

_CERTIFICATE = "-cert-v0"

type Match = tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey], list[asyncssh.SSHKey]]


@dataclass(frozen=True, slots=True)
class HostKeys:
    """Which host keys are trusted. `files` are read at each connection, as `ssh` does, so that a change counts."""

    files: tuple[Path, ...] = ()
    fingerprint: str = ""
    """The only key that is trusted, where it is given."""
    kept: Path | None = None
    """Where keys of hosts that were not known are kept, if such hosts are accepted at all."""

    def read(self) -> SSHKnownHosts:
        """What the files say. Raises `ConfigError`."""
        known = SSHKnownHosts()
        for path in (*self.files, *((self.kept,) if self.kept else ())):
            try:
                with path.open(encoding="utf-8", errors="replace") as stream:
                    known.load(stream.read(MAX_FILE_BYTES))
            except FileNotFoundError:
                continue
            except OSError as e:
                raise ConfigError(f"cannot read it: {e.strerror}", file=str(path), key="known_hosts") from None
            except ValueError:
                raise ConfigError("is not a known_hosts file", file=str(path), key="known_hosts") from None
        return known

    def keep(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Trust this key from now on. Raises `OSError`."""
        if self.kept is None:
            return
        name = host if port == 22 else f"[{host}]:{port}"
        line = f"{name} {key.export_public_key('openssh').decode().strip()}\n"
        self.kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.kept, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(line)


@dataclass(slots=True)
class HostKeyCheck:
    """The check of one connection; afterwards `problem` says what was wrong, for the operator and for the client."""

    trusted: HostKeys
    problem: str = ""
    expected: list[str] = field(default_factory=list)

    def match(self, host: str, addr: str, port: int | None) -> Match:
        """What asyncssh may take without asking: nothing where a fingerprint is pinned."""
        if self.trusted.fingerprint:
            return [], [], []
        known = self.trusted.read()
        keys, authorities, revoked, *_ = known.match(host, addr, port)
        if port is not None:
            # Where asyncssh finds only revoked keys for the port it looks without one, and forgets those.
            revoked = [*revoked, *known._match(host, addr, port)[2]]
        self.expected = [key.get_fingerprint() for key in keys]
        return list(keys), list(authorities), list(revoked)

    def preferred(self, host: str, addr: str, port: int | None, names: Sequence[str]) -> tuple[str, ...]:
        """The host key algorithms, those of keys that are known first: a host has several keys, and not all are."""
        keys, authorities, _ = self.match(host, addr, port)
        known = {name.decode() for key in keys for name in key.sig_algorithms}
        certified = [name for name in names if _CERTIFICATE in name] if authorities else []
        plain = [name for name in names if _CERTIFICATE not in name]
        # Without a trusted authority a certificate is only a key in a wrapping that nobody here could check.
        return (*certified, *sorted(plain, key=lambda name: name not in known))

    def accepts(self, host: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether a key that is in none of the files may be the target's."""
        found = key.get_fingerprint()
        kind = key.get_algorithm()
        where = f"[{host}]:{port}"
        if self.trusted.fingerprint:
            if found == self.trusted.fingerprint:
                return True
            self.problem = f"the host key of {where} is {found} ({kind}), pinned is {self.trusted.fingerprint}"
            return False
        if self.expected:
            known = ", ".join(self.expected)
            self.problem = f"the host key of {where} has changed: it is {found} ({kind}), known is {known}"
            return False
        if self.trusted.kept is not None:
            return self._keep(host, port, key, found)
        hint = "add it to known_hosts (ssh-keyscan), or set fingerprint= or host_key=accept-new"
        self.problem = f"the host key of {where} is not known: {found} ({kind}); where it is the right one, {hint}"
        return False

    def _keep(self, host: str, port: int, key: asyncssh.SSHKey, found: str) -> bool:
        try:
            self.trusted.keep(host, port, key)
        except OSError as e:
            self.problem = f"a new host key cannot be kept in {self.trusted.kept}: {e.strerror}"
            return False
        logger.warning("[%s]:%d is new: its host key %s is trusted from now on", host, port, found)
        return True
