"""The tokens that the gateway's key has signed, and which tokens are revoked: shared by gateways and commands.

A token itself is never kept, only what it says of its user and when.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from hoopaddon.errors import HoopaddonError
from hoopaddon.session import User
from hoopaddon.store.database import SharedDatabase
from hoopaddon.store.person import fold
from hoopaddon.store.schema import TOKENS

KEPT_S = 2 * 24 * 3600.0
"""How long a revocation is remembered: no token lives longer than a day."""


class NoSuchToken(HoopaddonError):
    """Nothing here has this id, or several have."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A token by what it says. `target` is empty where it is good for every one."""

    id: str
    user: str
    groups: tuple[str, ...]
    target: str
    issued: float
    expires: float
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Revocations:
    """What is revoked: tokens by id, and of users what was issued until a moment."""

    tokens: frozenset[str] = frozenset()
    users: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def joined(self, other: "Revocations") -> "Revocations":
        """What either of them revokes."""
        names = {*self.users, *other.users}
        users = {name: max(self.users.get(name, 0.0), other.users.get(name, 0.0)) for name in names}
        return Revocations(self.tokens | other.tokens, MappingProxyType(users))

    def has(self, user: User, leeway_s: float = 0.0) -> bool:
        """Whether the token that says this is revoked: by its id, by that of a token that it was given for, or for
        one of those that stand behind it.

        `leeway_s` is by how much the clock of who issued it may be fast.
        """
        claims = user.claims
        parents = claims.get("parents", ())
        ids = {str(claims.get("jti", "")), *(map(str, parents) if isinstance(parents, list | tuple) else ())}
        if ids & self.tokens:
            return True
        if not self.users or "iat" not in claims:
            return False
        issued = float(claims["iat"]) - leeway_s
        return any(issued <= self.users.get(fold(name), -1.0) for name in user.names)


class Tokens(SharedDatabase):
    """The tokens of one store. Every method is one transaction, and safe beside other processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, TOKENS)

    def add(self, user: User) -> None:
        """Note a token that was just signed, and forget those that are long over."""
        claims, now = user.claims, time.time()
        row = (claims["jti"], user.subject, orjson.dumps(sorted(user.groups)).decode(), claims.get("target", ""))
        with self._transaction() as db:
            db.execute("DELETE FROM tokens WHERE expires < ?", (now - KEPT_S,))
            db.execute("DELETE FROM revoked WHERE at < ?", (now - KEPT_S,))
            db.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)", (*row, claims["iat"], claims["exp"]))

    def list(self, *, everything: bool = False) -> list[Issued]:
        """Those that are good, the newest first; with `everything` those that are not as well."""
        with self._errors():
            rows = self._db.execute("SELECT * FROM tokens ORDER BY issued DESC, id").fetchall()
        revoked = self.revocations()
        found = [_issued(dict(row), revoked) for row in rows]
        now = time.time()
        return [token for token in found if everything or (token.expires > now and not token.revoked)]

    def revoke(self, beginning: str) -> Issued:
        """Revoke the token whose id is this, or begins so. Raises `NoSuchToken`."""
        known = [token for token in self.list(everything=True) if beginning and token.id.startswith(beginning)]
        found = [token for token in known if token.id == beginning] or known
        if len(found) != 1:
            raise NoSuchToken("no token here has this id" if not found else "several tokens' ids begin so")
        self.revoke_token(found[0].id)
        return found[0]

    def revoke_token(self, id: str) -> None:
        """Revoke the token of exactly this id, listed here or not."""
        self._revoke("token", id)

    def revoke_user(self, name: str) -> int:
        """Revoke all that was issued to a user until now, by whomever; how many good tokens of it are listed here."""
        good = sum(fold(token.user) == fold(name) for token in self.list())
        self._revoke("user", fold(name))
        return good

    def _revoke(self, kind: str, name: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO revoked VALUES (?, ?, ?)", (kind, name, time.time()))

    def revocations(self) -> Revocations:
        """All that is revoked at this moment."""
        with self._errors():
            rows = self._db.execute("SELECT kind, name, at FROM revoked").fetchall()
        return Revocations(
            frozenset(row["name"] for row in rows if row["kind"] == "token"),
            MappingProxyType({row["name"]: row["at"] for row in rows if row["kind"] == "user"}),
        )


def _issued(row: dict[str, Any], revoked: Revocations) -> Issued:
    groups: Iterable[str] = orjson.loads(row["groups"])
    user, issued = str(row["user"]), float(row["issued"])
    claims = MappingProxyType({"jti": row["id"], "iat": issued})
    return Issued(
        str(row["id"]),
        user,
        tuple(groups),
        str(row["target"]),
        issued,
        float(row["expires"]),
        revoked.has(User(user, frozenset(groups), claims)),
    )
