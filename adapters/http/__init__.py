"""HTTP services: REST, GraphQL, gRPC, WebSockets."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hoopaddon.adapters.http.command import HttpRequest, unreadable
from hoopaddon.adapters.http.media import may_stream
from hoopaddon.adapters.http.message import HttpMessage, message_of
from hoopaddon.adapters.http.mode import FORM, HttpMode
from hoopaddon.adapters.http.server import HttpInstance
from hoopaddon.adapters.http.status import grpc_status
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Unparsable
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer, problem
from hoopaddon.web.body import BodyEditor, body_editor
from hoopaddon.web.clients import WebClients
from hoopaddon.web.protocol import WebProtocol
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

__all__ = ["ADAPTER", "HttpAdapter", "HttpInstance", "HttpMessage", "HttpMode", "HttpProtocol", "HttpRequest"]


class HttpProtocol(WebProtocol):
    """How requests are read, refused and answered."""

    def command(self, session: Session, request: WebRequest) -> HttpRequest:
        """The request as policies see it."""
        return HttpRequest.of(session, request)

    def sent(self, command: Command) -> WebRequest:
        """What a rewritten request is."""
        if not isinstance(command, HttpRequest):
            raise TypeError("not a request")
        return command.request

    def streams(self, request: WebRequest) -> bool:
        """A body that is no text, and nothing that is read here, may stream past: an archive, an image."""
        return may_stream(request.headers)

    def calls(self, request: WebRequest) -> bool:
        """gRPC itself: what browsers have of it (gRPC-Web) sends one message, and is a request like others."""
        return request.media_type == "application/grpc" or request.media_type.startswith("application/grpc+")

    def objection(self, command: Command) -> Unparsable | None:
        """A body that is not what it claims to be is refused, whether a policy looks at it or not."""
        reason = unreadable(command) if isinstance(command, HttpRequest) else ""
        return Unparsable(reason) if reason else None

    def message(self, session: Session, opened_by: Command, data: str | bytes) -> HttpMessage:
        """A message on a WebSocket."""
        return message_of(session, data)

    def refusal(self, request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
        """A problem (RFC 9457); to a client of gRPC, a status of its own."""
        if request.headers.get("content-type").lower().startswith("application/grpc"):
            return grpc_status(request.headers.get("content-type"), status, reason)
        return problem(status, HTTPStatus(status).phrase, reason, policy)

    def editor(
        self,
        command: Command,
        answer: WebAnswer,
        gateway: "Gateway",
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> BodyEditor:
        """By what the body is."""
        return body_editor(command.session, command, gateway, answer.headers, write, fail, hold)


class HttpAdapter:
    """What the engine knows of this adapter."""

    name = "http"
    mode = HttpMode
    form = FORM.settings
    clients = WebClients("curl", usual=("curl", "{url}"))
    web = HttpProtocol()

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> HttpRequest:
        """A request, as a client would send it."""
        return HttpRequest(session, text, parameters)

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """Rows as they are: nothing in HTTP has a type that a mask could fail to fit."""
        return Rows(command, columns, cells)


ADAPTER = HttpAdapter()
