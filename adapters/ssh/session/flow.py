"""Back-pressure: who is not to send while somebody else can take no more."""

from collections.abc import Callable
from typing import Any, cast

from asyncssh.connection import SSHConnection

from hoopaddon.errors import HoopaddonError

type Stop = Callable[[bool], None]


class Valve:
    """Stops a source for as long as there is any reason to; `stop` is told when that changes."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._reasons: set[str] = set()

    @property
    def closed(self) -> bool:
        """Whether the source is to send nothing."""
        return bool(self._reasons)

    def close(self, reason: str) -> None:
        """Let nothing come until `open` is called with the same reason."""
        before = bool(self._reasons)
        self._reasons.add(reason)
        if not before:
            self._stop(True)

    def open(self, reason: str) -> None:
        """This reason holds no more."""
        before = bool(self._reasons)
        self._reasons.discard(reason)
        if before and not self._reasons:
            self._stop(False)

    def turn(self, reason: str, closed: bool) -> None:
        """`close` or `open`."""
        if closed:
            self.close(reason)
        else:
            self.open(reason)


class Socket:
    """Whether the socket of one SSH connection takes more.

    A channel's window bounds what is in flight there. But a peer may announce a window of 4 GB and read nothing,
    and asyncssh writes what the windows allow.
    """

    _KEY = "hoopaddon_socket"

    def __init__(self) -> None:
        self._full = False
        self._valves: dict[Valve, str] = {}

    @classmethod
    def of(cls, connection: SSHConnection) -> "Socket":
        """The one of this connection."""
        found = connection.get_extra_info(cls._KEY)
        if found is None:
            found = cls()
            connection.set_extra_info(**{cls._KEY: found})
            # asyncssh has these two, which the transport calls, and does nothing in them.
            hooks = cast(Any, connection)
            hooks.pause_writing, hooks.resume_writing = found.pause_writing, found.resume_writing
        return cast(Socket, found)

    def watch(self, valve: Valve, reason: str) -> None:
        """Close the valve while the socket is full."""
        self._valves[valve] = reason
        valve.turn(reason, self._full)

    def forget(self, valve: Valve) -> None:
        """The valve's source is gone."""
        self._valves.pop(valve, None)

    def pause_writing(self) -> None:
        self._turn(full=True)

    def resume_writing(self) -> None:
        self._turn(full=False)

    def _turn(self, *, full: bool) -> None:
        self._full = full
        for valve, reason in list(self._valves.items()):
            valve.turn(reason, full)


def one_line(text: object) -> str:
    """What is said to a person at a terminal: one line, and nothing that a terminal would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def said(error: HoopaddonError) -> str:
    """Why output was held back, as a client is told it."""
    by = getattr(error, "by", "")
    return one_line(f"{error} (refused by {by})" if by else error)
