"""HTTP/2 connections: many requests at once, each at its own pace."""

import asyncio
from contextlib import suppress

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from tests.kubernetes.double.web.message import Certificate, Handler, HeaderLines, Request, Response

# As net/http2's server has them.
_SETTINGS: dict[h2.settings.SettingCodes | int, int] = {
    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100,
    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 20,
    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20,
}


class Http2:
    """One connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handler: Handler,
        certificate: Certificate | None,
    ) -> None:
        self._reader, self._writer, self._handler, self._certificate = reader, writer, handler, certificate
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self._conn = h2.connection.H2Connection(config)
        self._requests: dict[int, Request] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._room = asyncio.Condition()

    async def serve(self) -> None:
        """Answer requests until the client has gone."""
        self._conn.local_settings.update(_SETTINGS)
        self._conn.initiate_connection()
        self._conn.increment_flow_control_window(1 << 20)
        self._flush()
        try:
            while data := await self._reader.read(65536):
                for event in self._conn.receive_data(data):
                    await self._on(event)
                self._flush()
                await self._writer.drain()
        except h2.exceptions.ProtocolError:
            self._flush()
        finally:
            for task in list(self._answering.values()):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    async def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._requests[event.stream_id] = self._made(
                    [(str(name), str(value)) for name, value in event.headers]
                )
            case h2.events.DataReceived():
                if request := self._requests.get(event.stream_id):
                    request.body += event.data
                self._conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                if request := self._requests.pop(event.stream_id, None):
                    task = asyncio.ensure_future(self._answer(event.stream_id, request))
                    self._answering[event.stream_id] = task
            case h2.events.StreamReset():
                self._requests.pop(event.stream_id, None)
                if answering := self._answering.pop(event.stream_id, None):
                    answering.cancel()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                async with self._room:
                    self._room.notify_all()

    def _made(self, lines: HeaderLines) -> Request:
        pseudo = {name: value for name, value in lines if name.startswith(":")}
        # Clients may split Cookie in HTTP/2; nothing here reads cookies.
        headers = [("host", pseudo.get(":authority", "")), *[line for line in lines if not line[0].startswith(":")]]
        client = str(self._writer.get_extra_info("peername")[0])
        return Request(pseudo[":method"], pseudo[":path"], headers, b"", "HTTP/2.0", self._certificate, client)

    async def _answer(self, stream: int, request: Request) -> None:
        try:
            answer = await self._handler(request)
            # An upgrade is something that HTTP/2 does not have; kube-apiserver says so with 400.
            made = answer if isinstance(answer, Response) else Response(400, [], b"unable to upgrade: no HTTP/1.1")
            headers = [(":status", str(made.status)), *((name.lower(), value) for name, value in made.headers)]
            if isinstance(made.body, bytes):
                headers.append(("content-length", str(len(made.body))))
                self._conn.send_headers(stream, headers, end_stream=not made.body or request.method == "HEAD")
                if made.body and request.method != "HEAD":
                    await self._send(stream, made.body, last=True)
            else:
                self._conn.send_headers(stream, headers)
                self._flush()
                async for part in made.body:
                    await self._send(stream, part, last=False)
                await self._send(stream, b"", last=True)
            self._flush()
        except (h2.exceptions.ProtocolError, ConnectionError):
            return
        finally:
            self._answering.pop(stream, None)

    async def _send(self, stream: int, data: bytes, *, last: bool) -> None:
        while data:
            async with self._room:
                while not (room := self._conn.local_flow_control_window(stream)):
                    await self._room.wait()
            size = min(room, self._conn.max_outbound_frame_size)
            part, data = data[:size], data[size:]
            self._conn.send_data(stream, part, end_stream=last and not data)
            self._flush()
            await self._writer.drain()
            if last and not data:
                return
        if last:
            self._conn.send_data(stream, b"", end_stream=True)

    def _flush(self) -> None:
        if data := self._conn.data_to_send():
            self._writer.write(data)
