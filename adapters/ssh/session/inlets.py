"""What stands between a client and the program it talks to: nothing, a guard of files, or a reader of keys."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from hoopaddon.adapters.ssh.commands import SshInput
from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.exec_line import SftpLine
from hoopaddon.adapters.ssh.sftp.guard import SftpGuard
from hoopaddon.adapters.ssh.sftp.scp import ScpGuard
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine
from hoopaddon.errors import HoopaddonError
from hoopaddon.session import Session
from hoopaddon.terminal.input import TerminalInput
from hoopaddon.terminal.piped import PipedInput
from hoopaddon.terminal.strict import StrictInput

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


class Way(Protocol):
    """The channel to the target, as what stands before it sees it."""

    def to_target(self, data: bytes) -> None: ...

    def eof_to_target(self) -> None: ...

    async def reach_target(self) -> None:
        """Returns when the target has taken what was sent to it, and what it had sent by then is here."""

    def through_policies(self, data: bytes) -> None:
        """Output on its way to the client, for the policies' `output` hook."""

    def to_client(self, data: bytes) -> None:
        """What the client is given as it stands."""

    def words(self, data: bytes) -> None:
        """What the gateway itself shows at the client's terminal, which is recorded like the rest of it."""

    def hold_client(self, held: bool) -> None: ...

    def say(self, text: str) -> None:
        """A line for the person at the client."""

    def refuse_rest(self) -> None:
        """What has passed goes on to its end, whose status is that of a refusal."""

    def refuse(self, error: HoopaddonError) -> None:
        """Nothing further may pass in either direction."""


class Inlet(Protocol):
    """Where what either side sends goes first."""

    def client_data(self, data: bytes) -> None: ...

    def client_eof(self) -> None: ...

    def server_data(self, data: bytes) -> None: ...

    def shown(self, data: bytes) -> None:
        """What the client is shown, before it is."""

    def resized(self, columns: int, rows: int) -> None: ...

    def client_paused(self, paused: bool) -> None:
        """The client takes no more of what it is sent, or does again."""

    def close(self) -> None:
        """Neither side says anything more."""


class Straight:
    """What a program reads goes to it as it comes."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def client_data(self, data: bytes) -> None:
        self._way.to_target(data)

    def client_eof(self) -> None:
        self._way.eof_to_target()

    def server_data(self, data: bytes) -> None:
        self._way.through_policies(data)

    def shown(self, data: bytes) -> None:
        """Nobody minds."""

    def resized(self, columns: int, rows: int) -> None:
        """Nobody minds."""

    def client_paused(self, paused: bool) -> None:
        """What answers is the target, which is not read from meanwhile."""

    def close(self) -> None:
        """Nothing waits here."""


class Files(Straight):
    """A transfer of files, of which the policies see each operation."""

    def __init__(self, way: Way, guard: SftpGuard | ScpGuard) -> None:
        super().__init__(way)
        self._guard = guard
        self.client_data = guard.client_data  # type: ignore[method-assign]
        self.server_data = guard.server_data  # type: ignore[method-assign]

    def client_eof(self) -> None:
        self._guard.client_eof()

    def client_paused(self, paused: bool) -> None:
        self._guard.client_paused(paused)

    def close(self) -> None:
        self._guard.close()


class Keys(Straight):
    """What is typed at a terminal, of which the policies see each line."""

    def __init__(
        self, way: Way, session: Session, gateway: "Gateway", size: tuple[int, int], *, strict: bool
    ) -> None:
        super().__init__(way)
        sides = (session, gateway, way.to_target, way.words)
        self._input: TerminalInput | StrictInput = (
            StrictInput(*sides, line=SshInput, size=size, hold=way.hold_client)
            if strict
            else TerminalInput(*sides, line=SshInput, size=size, hold=way.hold_client, round_trip=way.reach_target)
        )
        self.client_data = self._input.keys  # type: ignore[method-assign]
        self.resized = self._input.resize  # type: ignore[method-assign]
        self.close = self._input.close  # type: ignore[method-assign]
        self._ending: asyncio.Task[None] | None = None

    def server_data(self, data: bytes) -> None:
        # As the target has sent it: what a mask hides was typed all the same.
        self._input.screen(data)
        self._way.through_policies(data)

    def client_eof(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        await self._input.drained()
        self._way.eof_to_target()


class Lines(Straight):
    """A shell without a terminal, of which the policies see each command."""

    def __init__(self, way: Way, session: Session, gateway: "Gateway") -> None:
        super().__init__(way)
        lines = PipedInput(
            session,
            gateway,
            way.to_target,
            way.eof_to_target,
            way.say,
            way.hold_client,
            way.refuse_rest,
            line=SshInput,
        )
        self.client_data = lines.data  # type: ignore[method-assign]
        self.client_eof = lines.eof  # type: ignore[method-assign]
        self.close = lines.close  # type: ignore[method-assign]


type MakeInlet = Callable[[Way], Inlet]


def _ends(way: Way) -> Ends:
    return Ends(
        way.to_target,
        way.to_client,
        hold_client=way.hold_client,
        target_eof=way.eof_to_target,
        tell=way.say,
        fail=way.refuse,
    )


def sftp(session: Session, gateway: "Gateway") -> MakeInlet:
    """The way in to an SFTP server."""
    return lambda way: Files(way, SftpGuard(session, gateway, _ends(way)))


def scp(session: Session, gateway: "Gateway", line: ScpLine) -> MakeInlet:
    """The way in to an `scp -t` or `scp -f`."""
    return lambda way: Files(way, ScpGuard(session, gateway, line, _ends(way)))


def transfer(session: Session, gateway: "Gateway", line: SftpLine | ScpLine) -> MakeInlet:
    """The way in to what a command line begins."""
    return sftp(session, gateway) if isinstance(line, SftpLine) else scp(session, gateway, line)


def terminal(session: Session, gateway: "Gateway", size: tuple[int, int], *, strict: bool) -> MakeInlet:
    """The way in to whatever runs at a terminal of so many columns and rows; `strict` is `lines=strict`."""
    return lambda way: Keys(way, session, gateway, size, strict=strict)


def piped(session: Session, gateway: "Gateway") -> MakeInlet:
    """The way in to a shell without a terminal."""
    return lambda way: Lines(way, session, gateway)
