"""Who sits at the terminal: by a gateway's token, or by what the operating system knows."""

import argparse
import asyncio
import grp
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken
from hoopaddon.identity.stored import StoredToken
from hoopaddon.options import DEFAULT_CONFDIR
from hoopaddon.session import User
from hoopaddon.store.approvals import NotCounted
from hoopaddon.store.person import Person

if TYPE_CHECKING:
    from hoopaddon.options import Options

TOKEN_VARIABLE = "HOOPADDON_TOKEN"  # noqa: S105


def person(args: argparse.Namespace) -> Person:
    """Who answers at the gateway that `args.place` is.

    A token that is given or kept, and not good, is an error: nobody falls back to the system's user.
    """
    token = own_token(args)
    if token is None:
        return system_user()
    try:
        user = asyncio.run(_user_of(token, args.place.options))
    except InvalidToken as e:
        raise NotCounted(f"the token proves nothing: {e.reason}") from None
    return Person(user.subject, user.groups, "token", user.names, "".join(user.actors[:1]))


def own_token(args: argparse.Namespace) -> str | None:
    """The token that is given, or else what `hoopaddon login` has left; None without either. Raises `ConfigError`."""
    token = given_token(args.token_file)
    # A login is its user's, and not the gateway's, whose folder may be another.
    kept = args.confdir or DEFAULT_CONFDIR
    if token is None and StoredToken.find(kept) is not None:
        token = StoredToken.load(kept).token
    return token


def given_token(file: str | None) -> str | None:
    """The token of this file, or else of the environment; None where neither has one. Raises `ConfigError`."""
    if not file:
        return os.environ[TOKEN_VARIABLE].strip() if TOKEN_VARIABLE in os.environ else None
    try:
        with Path(file).expanduser().open(encoding="ascii") as stream:
            return stream.read(MAX_BYTES + 1).strip()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it holds no token"
        raise ConfigError(f"cannot read the token: {reason}", file=file) from None


async def _user_of(token: str, options: "Options") -> User:
    """Whom a token speaks for at the gateway with these options. Raises `InvalidToken`, `ConfigError`."""
    # Imported here: answers of the system's user have no need of all this.
    from hoopaddon.identity.check import TokenCheck

    check = TokenCheck(options)
    try:
        return await check.user(token)
    finally:
        await check.close()


def system_user() -> Person:
    """The user by number: what the environment says about a name proves nothing."""
    uid = os.getuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Person(f"uid {uid}", frozenset(), "operating system")
    groups = set()
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            groups.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return Person(entry.pw_name, frozenset(groups), "operating system")
