"""A real HTTP server with a bit of everything, on aiohttp."""

import asyncio
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import WSMsgType, web

FINE = {"say": "fine", "email": "ann.example@example.com"}
BLOB = hashlib.sha256(b"blob").digest() * 40_000
"""1.28 MB that no coding makes smaller."""


@dataclass
class Service:
    """`seen` is a line for each request, as it arrived; `go` lets an event stream go on."""

    port: int = 0
    seen: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    folder: Path = field(default_factory=Path)

    async def anything(self, request: web.Request) -> web.StreamResponse:
        """What came, in JSON."""
        body, digest = 0, hashlib.sha256()
        async for chunk in request.content.iter_any():
            body += len(chunk)
            digest.update(chunk)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(f"{request.method} {request.path_qs}")
        told = {"method": request.method, "path": request.path_qs, "headers": headers}
        return web.json_response({**told, "bytes": body, "sha256": digest.hexdigest()})

    async def fine(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        return web.json_response(FINE, headers={"X-Answer": "yes", "ETag": '"v1"'})

    async def blob(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self.folder / "blob.bin")

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """So many megabytes, chunked."""
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        piece = bytes(1 << 20)
        for _ in range(int(request.query["mb"])):
            await response.write(piece)
        return response

    async def events(self, request: web.Request) -> web.StreamResponse:
        """An event at once, and the other when it may."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await self.go.wait()
        await response.write(b"data: second\n\n")
        return response

    async def status(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=int(request.match_info["status"]))

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Echoes; `close:4001` closes with that code."""
        socket = web.WebSocketResponse(max_msg_size=64 << 20, protocols=("chat",))
        await socket.prepare(request)
        async for message in socket:
            self.seen.append(f"message of {len(message.data)}")
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            elif message.data.startswith("close:"):
                await socket.close(code=int(message.data[6:]), message=b"as you like")
            else:
                await socket.send_str(message.data)
        return socket

    def application(self) -> web.Application:
        application = web.Application(client_max_size=1 << 30)
        application.router.add_get("/fine", self.fine)
        application.router.add_get("/blob", self.blob)
        application.router.add_get("/endless", self.endless)
        application.router.add_get("/events", self.events)
        application.router.add_get("/status/{status}", self.status)
        application.router.add_get("/ws", self.socket)
        application.router.add_route("*", "/{rest:.*}", self.anything)
        return application


@asynccontextmanager
async def web_service(folder: Path, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """One that runs in this loop."""
    service = Service(folder=folder)
    (folder / "blob.bin").write_bytes(BLOB)
    runner = web.AppRunner(service.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    service.port = runner.addresses[0][1]
    try:
        yield service
    finally:
        await runner.cleanup()


def told(body: bytes | str) -> dict[str, object]:
    """What `anything` says."""
    said: dict[str, object] = json.loads(body)
    return said
