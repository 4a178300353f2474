"""The gateway token that `hoopaddon login` keeps for its user, for whatever connects to the gateway later.

It is one file in the user's own folder that nobody else can read, as short-lived as the token in it.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import orjson

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import claimed
from hoopaddon.private_file import read_private, write_private
from hoopaddon.session import User

NAME = "login.json"
LIMIT_BYTES = 64 * 1024
_HINT = "log in: hoopaddon login"


@dataclass(frozen=True, slots=True)
class StoredToken:
    """What a login left: the token, and the login service that gave it. `ca` is the PEM file that vouches for that.

    What `user` says is for showing: only the gateway can know whether the token is good.
    """

    token: str
    gateway: str
    ca: str = ""

    @classmethod
    def find(cls, confdir: str | Path) -> "StoredToken | None":
        """What is kept there, over or not; None where nothing is. Raises `ConfigError`."""
        path = _path(confdir)
        try:
            said = orjson.loads(read_private(path, limit_bytes=LIMIT_BYTES))
        except FileNotFoundError:
            return None
        except orjson.JSONDecodeError:
            said = None
        names = ("token", "gateway", "ca")
        if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in names):
            raise ConfigError("is not what a login leaves", file=str(path), hint=_HINT)
        found = cls(*(said[name] for name in names))
        if not _is_whole(found.token):
            raise ConfigError("holds no token of a gateway", file=str(path), hint=_HINT)
        return found

    @classmethod
    def load(cls, confdir: str | Path) -> "StoredToken":
        """The token that is kept there. Raises `ConfigError` where there is none, or it has expired."""
        found = cls.find(confdir)
        if found is None:
            raise ConfigError("nobody is logged in", file=str(_path(confdir)), hint=_HINT)
        if found.expires_at <= time.time():
            raise ConfigError("the login has expired", file=str(_path(confdir)), hint=_HINT)
        return found

    def save(self, confdir: str | Path) -> None:
        """Keep it, in the place of what was there. Raises `ConfigError`."""
        kept = {"token": self.token, "gateway": self.gateway, "ca": self.ca}
        write_private(_path(confdir), orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))

    @staticmethod
    def remove(confdir: str | Path) -> None:
        """Keep nothing there. Raises `ConfigError`."""
        path = _path(confdir)
        try:
            path.unlink(missing_ok=True)
        except OSError as e:
            raise ConfigError(f"cannot remove it: {e.strerror}", file=str(path)) from None

    @property
    def user(self) -> User:
        """Whom the token says that it speaks for."""
        claims = claimed(self.token)
        return User(str(claims["sub"]), frozenset(map(str, claims["groups"])), MappingProxyType(claims))

    @property
    def target(self) -> str:
        """The only target that it is good for; empty where it is good for every one."""
        return str(claimed(self.token).get("target", ""))

    @property
    def expires_at(self) -> float:
        """Unix time."""
        return float(claimed(self.token)["exp"])

    def __repr__(self) -> str:
        return f"StoredToken(gateway={self.gateway!r})"


def _path(confdir: str | Path) -> Path:
    return Path(confdir).expanduser() / NAME


def _is_whole(token: str) -> bool:
    """Whether the token says what those who show it will read."""
    said = claimed(token)
    return isinstance(said.get("sub"), str) and isinstance(said.get("groups"), list) and type(said.get("exp")) is int
