"""One request and its answer, from the head of the one to the last byte of the other."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mitmproxy import http

from hoopaddon.command import Command
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.request import Headers, WebRequest

if TYPE_CHECKING:
    import asyncio

    from hoopaddon.command import Verdict
    from hoopaddon.traffic.connections import Guarded
    from hoopaddon.web.edited import EditedBody
    from hoopaddon.web.protocol import WebProtocol
    from hoopaddon.web.routes import Route


@dataclass(slots=True, eq=False)
class Exchange:
    """What the gateway knows of one request; `command` once there is something to judge."""

    flow: http.HTTPFlow
    protocol: "WebProtocol"
    route: "Route"
    session: Session
    origin: str
    """How the client reaches the root of the target: `https://gateway:8081`."""
    connection: "Guarded"
    """The client's."""
    command: Command | None = None
    judging: "asyncio.Task[Verdict] | None" = None
    edited: "EditedBody | None" = None
    edits_whole: bool = False
    """Whether the body is edited once it is all there."""
    started_at: float = field(default_factory=time.perf_counter)
    bytes: int = 0
    """Of the answer's body, where it streams past unedited."""
    broken_off: str = ""
    """Why a WebSocket has to end."""
    secrets: tuple[str, ...] = ()
    """What was sent to prove this request, and must not come back."""
    is_sent: bool = False
    """Whether anything of the request may have reached the target."""


def request_of(request: http.Request, *, body_seen: bool) -> WebRequest:
    """What mitmproxy has, as the protocols see it."""
    path, _, query = request.path.partition("?")
    body = (request.raw_content or b"") if body_seen else None
    return WebRequest(
        request.method,
        request.scheme,
        request.host,
        request.port,
        path,
        query,
        headers_of(request.headers),
        body,
    )


def headers_of(headers: http.Headers) -> Headers:
    """Bytes that are no UTF-8 come as surrogate escapes, so that nothing is lost on the way back."""
    fields = ((n.decode("utf-8", "surrogateescape"), v.decode("utf-8", "surrogateescape")) for n, v in headers.fields)
    return Headers(tuple(fields))


def raw_headers(headers: Headers) -> http.Headers:
    """The way back of `headers_of`."""
    fields = ((n.encode("utf-8", "surrogateescape"), v.encode("utf-8", "surrogateescape")) for n, v in headers)
    return http.Headers(fields)


def change(request: http.Request, sent: WebRequest) -> None:
    """Make mitmproxy's request the one that a policy has made of it: method, path, query and body, and its fields."""
    request.method = sent.method
    request.path = sent.target
    request.headers = raw_headers(sent.headers)
    if sent.body is not None:
        request.raw_content = sent.body
        request.headers.pop("transfer-encoding", None)
        if sent.body or "content-length" in request.headers or request.method in ("POST", "PUT", "PATCH"):
            request.headers["content-length"] = str(len(sent.body))


def frame(request: http.Request) -> None:
    """Let the head say where the body ends, whatever brought it here: else its bytes would be the next request."""
    if "transfer-encoding" in request.headers:
        return
    if request.stream:
        if "content-length" not in request.headers:
            request.headers["transfer-encoding"] = "chunked"
    elif request.raw_content or "content-length" in request.headers or request.method in _WITH_BODY:
        request.headers["content-length"] = str(len(request.raw_content or b""))


_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def frames_plainly(message: http.Message) -> bool:
    """Whether a message has no transfer coding but `chunked`: nobody looks into another one."""
    return all(value.strip().lower() == "chunked" for value in message.headers.get_all("transfer-encoding")) and (
        len(message.headers.get_all("transfer-encoding")) <= 1
    )


def answer_of(response: http.Response) -> WebAnswer:
    """The head of what the target answers."""
    return WebAnswer(response.status_code, headers_of(response.headers))


def response_of(answer: WebAnswer, *, bodiless: bool) -> http.Response:
    """The gateway's own answer, as mitmproxy sends it."""
    body = b"" if bodiless else answer.body
    return http.Response.make(answer.status, body, raw_headers(answer.headers))


def talks_both_ways(exchange: Exchange) -> bool:
    """Whether the client may wait for answers before it has sent all, as calls of gRPC may, and may do so unseen."""
    credential = exchange.route.credential
    return (
        "large_body" in exchange.route.target.allowed
        and exchange.flow.request.headers.get("content-type", "").lower().startswith("application/grpc")
        and not (credential is not None and credential.signs_bodies)
    )
