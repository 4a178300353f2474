"""A wire that breaks where a test says."""

import contextlib
import select
import socket
import struct
import threading
from typing import Self

HOST = "127.0.0.1"
NEVER = 1 << 62
RESET = struct.pack("ii", 1, 0)
_PATIENCE_S = 15


class Cutter:
    """Passes connections on to `target`, and cuts each after so many bytes in one direction.

    `after_sent` counts what goes to the target and `after_received` what comes from it; both may be changed between
    connections. With `reset` it cuts as a crash does, not as a goodbye does.
    """

    host = HOST

    def __init__(self, target: int, *, after_sent: int = NEVER, after_received: int = NEVER) -> None:
        self.after_sent = after_sent
        self.after_received = after_received
        self.reset = False
        self._target = target
        self._ending = False
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # Closing a listener does not wake who waits at it; a connection does.
        self._ending = True
        socket.create_connection((HOST, self.port), _PATIENCE_S).close()
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._ending:
                client.close()
                return
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        left = {"sent": self.after_sent, "received": self.after_received}
        with client, contextlib.suppress(OSError), socket.create_connection((HOST, self._target)) as target:
            with contextlib.suppress(OSError):
                _pass(client, target, left)
            if self.reset:
                for one in (client, target):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _pass(client: socket.socket, target: socket.socket, left: dict[str, int]) -> None:
    ways = {client: (target, "sent"), target: (client, "received")}
    while left["sent"] > 0 and left["received"] > 0:
        readable, _, _ = select.select(list(ways), [], [], _PATIENCE_S)
        if not readable:
            return
        for one in readable:
            other, way = ways[one]
            data = one.recv(min(65_536, left[way]))
            if not data:
                return
            other.sendall(data)
            left[way] -= len(data)
            if left[way] <= 0:
                return
