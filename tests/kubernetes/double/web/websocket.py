"""WebSocket connections, on an upgraded connection of HTTP/1.1."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

from tests.kubernetes.double.web.message import Pipe, Request, Upgrade

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocket:
    """One connection's messages."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._connection = Connection(ConnectionType.SERVER)
        self._message = bytearray()
        self._writing = asyncio.Lock()
        self._messages: list[bytes] = []
        self._ended = False

    async def receive(self) -> bytes | None:
        """The next message; None at the end."""
        while not self._messages and not self._ended:
            data = await self._pipe.read()
            if not data:
                return None
            try:
                self._connection.receive_data(data)
                for event in self._connection.events():
                    await self._on(event)
            except RemoteProtocolError:
                self._ended = True
        return self._messages.pop(0) if self._messages else None

    async def _on(self, event: object) -> None:
        match event:
            case BytesMessage() | TextMessage():
                self._message += event.data if isinstance(event, BytesMessage) else event.data.encode()
                if event.message_finished:
                    self._messages.append(bytes(self._message))
                    self._message.clear()
            case Ping():
                await self._send(self._connection.send(event.response()))
            case CloseConnection():
                self._ended = True
                await self._send(self._connection.send(event.response()))

    async def send(self, data: bytes) -> None:
        """Send a binary message."""
        await self._send(self._connection.send(Message(data=data)))

    async def close(self) -> None:
        """Say that this is the end."""
        if not self._ended:
            self._ended = True
            await self._send(self._connection.send(CloseConnection(code=1000)))

    async def _send(self, data: bytes) -> None:
        async with self._writing:
            await self._pipe.write(data)

    async def read(self) -> bytes:
        """The next message as bytes of a stream that is tunnelled; none at the end."""
        while (message := await self.receive()) == b"":
            continue
        return message or b""

    async def write(self, data: bytes) -> None:
        """Send bytes of a stream that is tunnelled."""
        await self.send(data)


def is_websocket(request: Request) -> bool:
    """Whether a request asks for a WebSocket."""
    upgrades = request.header("connection").lower()
    return "upgrade" in upgrades and request.header("upgrade").lower() == "websocket"


def offered(request: Request) -> list[str]:
    """The subprotocols that the client offers."""
    return [one.strip() for one in ",".join(request.all("sec-websocket-protocol")).split(",") if one.strip()]


def accept(request: Request, protocol: str, run: Callable[[WebSocket], Awaitable[None]]) -> Upgrade:
    """The answer that makes a request a WebSocket."""
    digest = hashlib.sha1(request.header("sec-websocket-key").encode() + _GUID, usedforsecurity=False).digest()
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", base64.b64encode(digest).decode()),
    ]
    if protocol:
        headers.append(("Sec-WebSocket-Protocol", protocol))

    async def begin(pipe: Pipe) -> None:
        await run(WebSocket(pipe))

    return Upgrade(headers, begin)
