"""HTTP/1.1 connections, with upgrades."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import h11

from tests.kubernetes.double.web.message import Certificate, Handler, Pipe, Request, Response, Upgrade


class Http1:
    """One connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handler: Handler,
        certificate: Certificate | None,
    ) -> None:
        self._reader, self._writer, self._handler, self._certificate = reader, writer, handler, certificate
        self._conn = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)

    async def serve(self) -> None:
        """Answer one request after another until the client has gone."""
        while request := await self._request():
            answer = await self._handler(request)
            if isinstance(answer, Upgrade):
                await self._switch(answer)
                return
            await self._answer(request, answer)
            if self._conn.our_state is not h11.DONE or self._conn.their_state is not h11.DONE:
                return
            self._conn.start_next_cycle()

    async def _event(self) -> h11.Event:
        while (event := self._conn.next_event()) is h11.NEED_DATA:
            if self._conn.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._conn.receive_data(await self._reader.read(65536))
        return event if not isinstance(event, type) else h11.ConnectionClosed()

    async def _request(self) -> Request | None:
        try:
            head = await self._event()
            if not isinstance(head, h11.Request):
                return None
            body = bytearray()
            while not isinstance(event := await self._event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    return None
                body += event.data
        except h11.RemoteProtocolError as error:
            await self._send(h11.Response(status_code=error.error_status_hint, headers=[("Connection", "close")]))
            return None
        return self._made(head, bytes(body))

    def _made(self, head: h11.Request, body: bytes) -> Request:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
        method, target = head.method.decode(), head.target.decode("latin-1")
        return Request(method, target, headers, body, "HTTP/1.1", self._certificate, _client(self._writer))

    async def _answer(self, request: Request, answer: Response) -> None:
        headers = list(answer.headers)
        if isinstance(answer.body, bytes):
            headers.append(("Content-Length", str(len(answer.body))))
            await self._send(h11.Response(status_code=answer.status, headers=headers))
            if request.method != "HEAD":
                await self._send(h11.Data(data=answer.body))
        else:
            await self._send(
                h11.Response(status_code=answer.status, headers=[*headers, ("Transfer-Encoding", "chunked")])
            )
            if not await self._stream(answer.body):
                return
        await self._send(h11.EndOfMessage())

    async def _stream(self, body: AsyncIterator[bytes]) -> bool:
        # A client that listens says nothing more, unless it goes away or has already sent its next request.
        early = asyncio.ensure_future(self._reader.read(65536))
        sending = asyncio.ensure_future(self._send_all(body))
        try:
            await asyncio.wait((early, sending), return_when=asyncio.FIRST_COMPLETED)
            if early.done():
                self._conn.receive_data(early.result())
                if not early.result():
                    return False
            await sending
            return True
        finally:
            for task in (early, sending):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task

    async def _send_all(self, body: AsyncIterator[bytes]) -> None:
        async for part in body:
            await self._send(h11.Data(data=part))

    async def _switch(self, answer: Upgrade) -> None:
        await self._send(h11.InformationalResponse(status_code=101, headers=list(answer.headers)))
        already, _ended = self._conn.trailing_data
        await answer.run(Pipe(self._reader, self._writer, already))

    async def _send(self, event: h11.Event) -> None:
        if data := self._conn.send(event):
            self._writer.write(data)
            await self._writer.drain()


def _client(writer: asyncio.StreamWriter) -> str:
    return str(writer.get_extra_info("peername")[0])
