"""Holds every session and every command to the roles, before any policy sees it."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import ctx, exceptions

from hoopaddon.access.roles import Roles, load_roles
from hoopaddon.command import Command
from hoopaddon.errors import ConfigError, Refused
from hoopaddon.policy.policies import Policy
from hoopaddon.scripts.versions import Version, look_again
from hoopaddon.session import Session

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

NAME = "roles"
LOOK_EVERY_S = 0.5


class RoleGuard:
    """The addon with the option `roles`; it is watched, and a file that cannot be read changes nothing."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._held = HeldToRoles()
        self._of_file = Roles()
        self._beside: Roles | None = None
        self._path: Path | None = None
        self._seen: Version | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def policies(self) -> Iterator[Policy]:
        """What is in force before all other policies: nothing while there are no roles."""
        if self._held.roles.roles:
            yield Policy(NAME, self._held)

    def put_beside(self, roles: Roles | None) -> None:
        """Those that stand in `hoopaddon.yaml` itself, which count instead of the option's; None without any."""
        self._beside = roles
        self._put_in_force()

    def _put_in_force(self) -> None:
        """What is given counts from now on, for open sessions too."""
        roles = self._of_file if self._beside is None else self._beside
        if roles == self._held.roles:
            return
        self._held.adopt(roles)
        # What is held meanwhile is judged by the chain that is there in the end.
        self._gateway.addons.compile()

    def configure(self, updated: set[str]) -> None:
        if NAME not in updated:
            return
        path = Path(ctx.options.roles).expanduser() if ctx.options.roles else None
        try:
            seen = look_again(path, None) if path is not None else None
            roles = load_roles(path) if path is not None else Roles()
        except ConfigError as e:
            raise exceptions.OptionsError(str(e)) from None
        self._path, self._seen, self._of_file = path, seen, roles
        self._put_in_force()

    def running(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self._path is not None:
                self._look(self._path)

    def _look(self, path: Path) -> None:
        now = look_again(path, self._seen)
        if now == self._seen:
            self._seen = now
            return
        self._seen = now
        try:
            roles = load_roles(path)
        except ConfigError as e:
            logger.error("the roles that were in force stay in force.\n%s", e)
            return
        self._of_file = roles
        self._put_in_force()
        logger.info("%s: the roles are read again.", path)


class HeldToRoles:
    """The policy. It sees to it that nobody has more than the roles say, whatever the other policies allow."""

    def __init__(self) -> None:
        self.roles = Roles()
        self._sessions: set[Session] = set()

    def adopt(self, roles: Roles) -> None:
        """Sessions of those who have no role any more end."""
        self.roles = roles
        for session in list(self._sessions):
            if roles.roles and not roles.of(session.user, session.target):
                session.end(_no_role(session))

    def session_start(self, session: Session) -> None:
        if not self.roles.of(session.user, session.target):
            raise Refused(_no_role(session))
        self._sessions.add(session)
        session.hold_to(self.roles.scope(session.user, session.target))

    def session_end(self, session: Session) -> None:
        self._sessions.discard(session)

    def command(self, command: Command) -> None:
        session = command.session
        held = self.roles.of(session.user, session.target)
        if not held:
            raise Refused(_no_role(session))
        if not self.roles.scope(session.user, session.target).permits(command):
            names = ", ".join(role.name for role in held)
            raise Refused(f"it is more than your {'role' if len(held) == 1 else 'roles'} {names} may do here")


def _no_role(session: Session) -> str:
    return f"you have no role for {session.target.name}"
