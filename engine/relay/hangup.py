"""Notices that a peer has hung up while its connection is not read, and so an end of its stream is not seen."""

import asyncio
import select
from collections.abc import Callable

_HUNG_UP = getattr(select, "EPOLLRDHUP", 0)
"""Linux tells of a FIN or a reset behind bytes that nobody has read; elsewhere the end is seen once they are."""


class HangUpWatch:
    """Calls `on_hang_up` once when the peer at this descriptor has closed its side, until `close`.

    A peer whose last bytes do not fit into the system's buffers cannot be told from one that waits: its FIN is behind
    them.
    """

    def __init__(self, descriptor: int, on_hang_up: Callable[[], None]) -> None:
        self._on_hang_up = on_hang_up
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll() if _HUNG_UP else None
        if self._epoll is not None:
            # EPOLLHUP and EPOLLERR are always told.
            self._epoll.register(descriptor, _HUNG_UP)
            self._loop.add_reader(self._epoll.fileno(), self._noticed)

    def _noticed(self) -> None:
        self.close()
        self._on_hang_up()

    def close(self) -> None:
        """Watch no longer."""
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
