"""What a target answers, on its way through the policies: without the gateway's credential, and edited."""

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from mitmproxy import http
from mitmproxy.net.http.status_codes import RESPONSES
from mitmproxy.websocket import WebSocketMessage

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.web.answer import BODILESS, WebAnswer
from hoopaddon.web.body import BodyEditor, edited_headers
from hoopaddon.web.body.coded import CodedEditor, Fail, Hold, Write
from hoopaddon.web.body.coding import codings
from hoopaddon.web.echo import EchoEditor, EchoFilter
from hoopaddon.web.edited import EditedBody
from hoopaddon.web.encoding import decoded
from hoopaddon.web.etags import Tags
from hoopaddon.web.exchange import Exchange, answer_of, headers_of, raw_headers
from hoopaddon.web.fields import edited_fields
from hoopaddon.web.request import Headers

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway
    from hoopaddon.traffic.connections import Guarded

MOST_DECODED_BYTES = 8 << 20
"""As much as is decoded at once, which nobody else can do anything during."""
WHOLE_BYTES = 64 * 1024
"""A body of at most this size is edited as a whole, so that a refusal can still be an answer."""


_STATUS_FIELDS = frozenset({b"grpc-status", b"grpc-message"})
UNQUOTED = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"
"""What gRPC's percent-encoding of a message leaves as it is, beside letters, digits and `-._~`."""
_PLAIN = ("content-type", "text/plain; charset=utf-8")


class Answers:
    """See the module."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._tags = Tags()

    def conditions(self, headers: Headers) -> Headers:
        """The fields of a request whose answer will be edited, as the target gets them."""
        return self._tags.reveal(headers) if self._gateway.chain.wants_output else headers

    def settle(self, exchange: Exchange, command: Command, response: http.Response, connection: "Guarded") -> None:
        """The head is there: settle whether the body is edited while it streams, or once it is all there.

        Raises `Refused` where nobody could look into it.
        """
        edits = bool(exchange.secrets) or self._gateway.chain.wants_output or exchange.protocol.edits_always
        if not edits and (response.stream or self._gateway.addons.has_script_hook("response")):
            return
        response.headers = self._edited_status(exchange, command, response.headers)
        request = exchange.flow.request
        answer = answer_of(response)
        fields = edited_headers(answer.headers, self._gateway, status=answer.status)
        if self._gateway.chain.wants_output:
            fields = edited_fields(self._tags.hide(fields, answer.headers.get("etag")), command, self._gateway)
        response.headers = raw_headers(fields)
        if request.method == "HEAD" or answer.status in BODILESS or answer.status < 200:
            return
        if not edits:
            # A policy that comes to look into answers may not get the rest of what has begun without it.
            exchange.edited = self._editor(exchange, command, answer, connection)
            response.stream = True
            return
        length = answer.headers.get("content-length")
        small = length.isdecimal() and int(length) <= WHOLE_BYTES
        exchange.edits_whole = not response.stream and (small or self._gateway.addons.has_script_hook("response"))
        if exchange.edits_whole:
            if length:
                # By this mitmproxy knows that the connection to the target can be used again.
                response.headers["content-length"] = length
            exchange.edited = self._editor(exchange, command, answer, None)
            return
        exchange.edited = self._editor(exchange, command, answer, connection)
        response.stream = response.stream or True
        # What leaves is not as long as what has come.
        response.headers.pop("content-length", None)
        response.headers.pop("transfer-encoding", None)
        if request.http_version.startswith("HTTP/1."):
            response.http_version = request.http_version
        if request.http_version == "HTTP/1.1":
            response.headers["transfer-encoding"] = "chunked"

    def edit_trailers(self, exchange: Exchange, command: Command, trailers: http.Headers) -> http.Headers:
        """The fields behind a body: where answers are edited, those of gRPC's status alone."""
        if not (exchange.secrets or self._gateway.chain.wants_output):
            return trailers
        known = [(name, value) for name, value in trailers.fields if name.lower() in _STATUS_FIELDS]
        return self._edited_status(exchange, command, http.Headers(known))

    def _edited_status(self, exchange: Exchange, command: Command, fields: http.Headers) -> http.Headers:
        """The message of a call's status through an editor: what cannot be told at once is left out."""
        fields = fields.copy()
        fields.pop("grpc-status-details-bin", None)
        if "grpc-message" not in fields:
            return fields
        text = unquote_to_bytes(fields["grpc-message"])
        edited = self._editor(exchange, command, WebAnswer(200, Headers((_PLAIN,))), None)
        shown = b"".join(edited.feed(text) + edited.end())
        if not edited.is_over or edited.failure is not None:
            edited.abort()
            shown = b"(withheld)"
        fields["grpc-message"] = quote(shown, safe=UNQUOTED)
        return fields

    async def edit_whole(self, edited: EditedBody, response: http.Response) -> HoopaddonError | None:
        """Put a body that is all there through its editor; what a policy has against it."""
        body, failure = await _whole(edited, response.raw_content or b"")
        if failure is None:
            response.raw_content = body
            response.headers.pop("transfer-encoding", None)
            response.headers["content-length"] = str(len(body))
        return failure

    async def edit_message(
        self, exchange: Exchange, opened_by: Command, message: WebSocketMessage
    ) -> HoopaddonError | None:
        """Put a target's message on a WebSocket through an editor; what a policy has against it."""
        if not (exchange.secrets or self._gateway.chain.wants_output):
            return None
        kind = "text/plain; charset=utf-8" if message.is_text else "application/octet-stream"
        answer = WebAnswer(200, Headers((("content-type", kind),)))
        body, failure = await _whole(self._editor(exchange, opened_by, answer, None), message.content)
        if failure is None:
            message.content = body
        else:
            message.drop()
        return failure

    def _editor(
        self, exchange: Exchange, command: Command, answer: WebAnswer, connection: "Guarded | None"
    ) -> EditedBody:
        """With a connection, which is told when there is more to send, for a body that streams."""
        secrets = exchange.secrets

        def plain(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
            return exchange.protocol.editor(command, answer, self._gateway, write, fail, hold)

        def without_secrets(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
            decoded = replace(answer, headers=answer.headers.without("content-encoding"))

            def inner(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
                return EchoEditor(
                    secrets, exchange.protocol.editor(command, decoded, self._gateway, write, fail, hold)
                )

            applied = codings(answer.headers.get("content-encoding"))
            return CodedEditor(applied, inner, write, fail, hold) if applied else inner(write, fail, hold)

        return EditedBody(
            without_secrets if secrets else plain,
            more=lambda: connection.body_ready(exchange.flow) if connection is not None else None,
            hold=lambda paused: connection.hold(paused) if connection is not None else None,
        )


def hide_in_head(response: http.Response, secrets: tuple[str, ...]) -> None:
    """Take secrets out of an answer's head; a field whose name holds one is left out."""
    echo = EchoFilter(secrets)
    shown = [(name, echo.whole(value)) for name, value in headers_of(response.headers) if echo.whole(name) == name]
    response.headers = raw_headers(Headers(tuple(shown)))
    # A target may write what it likes there.
    response.reason = RESPONSES.get(response.status_code, "")


def hide_in_body(response: http.Response, secrets: tuple[str, ...]) -> None:
    """Take secrets out of a body that is all there, so that no script sees them either."""
    body, coding = response.raw_content or b"", response.headers.get("content-encoding", "")
    plain, applied = body, codings("")
    # A body that cannot be undone, or is too much, is left to the editor, which takes its time or refuses it.
    with suppress(Refused):
        plain, applied = decoded(body, coding, MOST_DECODED_BYTES), codings(coding)
    echo = EchoFilter(secrets)
    shown = echo.feed(plain) + echo.end()
    if shown != plain:
        # The editor has been made for the codings that the head names.
        for _, make in applied:
            encoder = make()
            shown = encoder.encode(shown) + encoder.finish()
        response.raw_content = shown


async def _whole(edited: EditedBody, body: bytes) -> tuple[bytes, HoopaddonError | None]:
    parts = edited.feed(body) + edited.end()
    if not edited.is_over:
        await edited.finished()
        parts += edited.take()
    return b"".join(parts), edited.failure
