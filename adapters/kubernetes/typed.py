"""What is typed into what runs in a pod."""

import asyncio
import re
from collections.abc import Callable

from hoopaddon.adapters.kubernetes.remote.middle import Keys, Remote
from hoopaddon.terminal.command import TypedLine
from hoopaddon.terminal.input import TerminalInput
from hoopaddon.terminal.piped import PipedInput, feeds_shell

_KEYS = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")
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
    if command.verb == "attach":
        return _Attached(remote)
    return _Piped(remote) if feeds_shell(command) else None


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


class _Attached(_Piped):
    """What an attach leads to nobody knows: it may be a shell, and at a terminal, whatever the client says.

    There a key could end the line that was judged, or begin it anew: `echo ^U…`.
    """

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote)
        self._remote, self._pass_on = remote, self._input.data
        self.client_data = self._judged

    def _judged(self, data: bytes) -> None:
        if _KEYS.search(data):
            self._input.close()
            self._pass_on = lambda data: None
            self._remote.to_client(b"hoopaddon: keys can only be attached with a terminal (-t): send lines of text\n")
            self._remote.refuse_rest()
        self._pass_on(data)
