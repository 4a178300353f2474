"""port-forward: each port of a pod that a client connects to is judged when it first does; the bytes are its own.

The connections are streams of SPDY/3.1 (apimachinery, pkg/util/portforward), either on the connection itself or,
since kubectl 1.31, in the messages of a WebSocket. Both directions pass as they came: only the heads of streams are
read.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage
from wsproto.utilities import ProtocolError

from hoopaddon.adapters.kubernetes.command import KubeRequest, request_of
from hoopaddon.adapters.kubernetes.remote.spdy import HEADERS, SYN_REPLY, SYN_STREAM, FrameReader
from hoopaddon.errors import HoopaddonError, PeerError, Refused
from hoopaddon.policy.in_force import judged
from hoopaddon.web.tunnel import TunnelSides

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

OVER_WEBSOCKET = "SPDY/3.1+portforward.k8s.io"
WAITING_BYTES = 1 << 20
"""How much a client may send while its next port is judged."""
MOST_PORTS = 256


class PortForward:
    """One port-forward in SPDY; see `Tunnel`."""

    def __init__(self, command: KubeRequest, gateway: "Gateway", sides: TunnelSides, *, over_websocket: bool) -> None:
        self._command, self._gateway, self._sides = command, gateway, sides
        self._frames = FrameReader("client")
        self._websocket = Connection(ConnectionType.SERVER) if over_websocket else None
        self._allowed: set[str] = set()
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._judging: asyncio.Task[None] | None = None

    def client_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._queue.append(data)
        self._waiting += len(data)
        if self._waiting > WAITING_BYTES and self._judging is not None and not self._judging.done():
            raise PeerError("client", "sends more than can wait for a policy", limit=WAITING_BYTES)
        self._pump()

    def target_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._sides.to_client(data)

    def client_gone(self) -> None:
        """See `Tunnel`."""
        if self._judging is not None:
            self._judging.cancel()

    def target_gone(self) -> None:
        """See `Tunnel`."""
        self._sides.over()

    def end(self, error: Refused) -> None:
        """See `Tunnel`."""
        self.client_gone()
        self._sides.fail(error)

    def _pump(self) -> None:
        while self._queue and (self._judging is None or self._judging.done()):
            data = self._queue.popleft()
            self._waiting -= len(data)
            asked = [port for port in dict.fromkeys(self._ports(data)) if port not in self._allowed]
            if asked:
                self._judging = asyncio.get_running_loop().create_task(self._judge(asked, data))
            else:
                self._sides.to_target(data)

    def _ports(self, data: bytes) -> Iterator[str]:
        """The ports of the streams that are opened with this data."""
        for frame in self._frames.frames(self._spdy(data)):
            if frame.kind in (SYN_STREAM, SYN_REPLY, HEADERS):
                headers = self._frames.headers(frame)
                if frame.kind == SYN_STREAM:
                    port = headers.get("port", "")
                    if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
                        raise PeerError("client", "opens a stream to no port")
                    yield str(int(port))

    def _spdy(self, data: bytes) -> bytes:
        if self._websocket is None:
            return data
        try:
            self._websocket.receive_data(data)
            return b"".join(bytes(e.data) for e in self._websocket.events() if isinstance(e, BytesMessage))
        except ProtocolError:
            raise PeerError("client", "sends what is no WebSocket") from None

    async def _judge(self, ports: list[str], data: bytes) -> None:
        for port in ports:
            asked = KubeRequest(
                self._command.session, replace(request_of(self._command), query=f"ports={port}", body=b"")
            )
            verdict = await judged(self._gateway, asked)
            self._gateway.chain.end_command(asked)
            if not verdict.passes or len(self._allowed) >= MOST_PORTS:
                self._sides.fail(Refused(verdict.reason or "too many ports"))
                return
            self._allowed.add(port)
        self._sides.to_target(data)
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        try:
            self._pump()
        except HoopaddonError as e:
            self._sides.fail(e)
