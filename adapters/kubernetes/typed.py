"""What is typed into what runs in a pod."""

import asyncio
from collections.abc import Callable

from hoopaddon.adapters.kubernetes.remote.middle import Keys, Remote
from hoopaddon.terminal.command import TypedLine
from hoopaddon.terminal.input import TerminalInput
from hoopaddon.terminal.piped import PipedInput, feeds_shell

_SIZE = (80, 24)
"""Of a terminal whose client has not said it yet."""


class KubeInput(TypedLine, hook="kube_input", protocol="kubernetes"):
    """A line that somebody submits at a terminal of a pod, or sends to a shell there."""

    __slots__ = ()


def keys_of(remote: Remote) -> Keys | None:
    """What reads what the client sends to this exec or attach; None where that is data of a program."""
    command = remote.command
    if not remote.has_input:
        return None
    if remote.is_terminal:
        return _Typed(remote)
    # What an attach leads to nobody knows: it may be a shell.
    if command.verb == "attach" or feeds_shell(command):
        return _Piped(remote)
    return None


class _Typed:
    """Keys at a terminal, of which policies see each line."""

    def __init__(self, remote: Remote) -> None:
        self._input = TerminalInput(
            remote.command.session, remote.gateway, remote.to_target, remote.to_client, line=KubeInput, size=_SIZE
        )
        self._end: Callable[[], None] = remote.eof_to_target
        self.client_data, self.target_data = self._input.keys, self._input.screen
        self.resized, self.close = self._input.resize, self._input.close
        self._ending: asyncio.Task[None] | None = None

    def client_eof(self) -> None:
        self._ending = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        await self._input.drained()
        self._end()


class _Piped:
    """Lines for a shell without a terminal, of which policies see each command."""

    def __init__(self, remote: Remote) -> None:
        self._input = PipedInput(
            remote.command.session,
            remote.gateway,
            remote.to_target,
            remote.eof_to_target,
            lambda text: remote.to_client(f"hoopaddon: {text}\n".encode("utf-8", "replace")),
            remote.hold_client,
            remote.refuse_rest,
            line=KubeInput,
        )
        self.client_data, self.client_eof, self.close = self._input.data, self._input.eof, self._input.close

    def target_data(self, data: bytes) -> None:
        """Nobody reads a line off what a program prints."""

    def resized(self, columns: int, rows: int) -> None:
        """There is no terminal."""
