"""How requests of MCP on HTTP are read, refused and answered."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mitmproxy import ctx

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.adapters.mcp.conversation import Asked
from hoopaddon.adapters.mcp.making import rewritten
from hoopaddon.adapters.mcp.messages import INVALID_REQUEST, REFUSED, Failure, NotAMessage, Request, write
from hoopaddon.adapters.mcp.mode import McpMode, whole_host
from hoopaddon.adapters.mcp.running import Notes
from hoopaddon.adapters.mcp.toolbox import Offer
from hoopaddon.adapters.mcp.web.editor import MessagesEditor
from hoopaddon.adapters.mcp.web.places import SESSION_HEADER, Place
from hoopaddon.adapters.mcp.web.requests import END, message_in, read_request
from hoopaddon.adapters.mcp.web.state import Carried, WebState
from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import PENDING, Command
from hoopaddon.errors import HoopaddonError, Refused, Unparsable
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.body import BodyEditor
from hoopaddon.web.body.coded import CodedEditor, Fail, Hold, Write
from hoopaddon.web.body.coding import codings
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.request import Headers, WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

_ACCEPTED = 202
"""The answer is to come, on another stream."""

_CARRIED: ContextVar[Carried | None] = ContextVar("hoopaddon.mcp", default=None)
"""Of the request that is being judged: a refusal is told where its own session listens, and nowhere else."""
_JSON = Headers((("content-type", "application/json"), ("cache-control", "no-store")))


def command(session: Session, request: WebRequest) -> Command:
    """The message that a request posts, as a command."""
    target = _target_of(session)
    if target is None:
        raise Refused("this server is not served here any more")
    offer = Offer(_listed(target, "tools"), _listed(target, "no_tools"))
    state = WebState.of(session, _gateway().confdir, offer, binary="binary" in target.allowed)
    found, carried = read_request(session, state, request, Place.of(target), frozenset(_listed(target, "origin")))
    carried.stream = state.streams.get(request.target)
    carried.listening = carried.stream or state.streams.get(f" {request.headers.get(SESSION_HEADER)}")
    found._carried = carried
    if carried.asked is not None:
        found.tell_when_held(_telling(found, carried, carried.asked))
    _CARRIED.set(carried)
    return found


def _telling(command: Command, carried: Carried, asked: Asked) -> Callable[[ApprovalRequest], None]:
    """Let the client hear that people are asked, where it listens; and let it give that up."""

    def say(number: int, text: str) -> None:
        if command.verdict is not PENDING:
            notes.stop()
        elif carried.listening is not None and (told := asked.note(number, text)):
            carried.listening.say(told)

    def tell(request: ApprovalRequest) -> None:
        asked.judging = asyncio.current_task()
        notes.tell(request)

    notes = Notes(say)
    return tell


def objection(command: Command) -> Unparsable | None:
    """Why the request goes no further, whatever the policies say; None where it may."""
    reason = _carried(command).objection
    return Unparsable(reason) if reason else None


def sent(command: Command) -> WebRequest:
    """The request with its message written anew: what was read here is what is read there.

    Raises `Unparsable` where a policy has made of it what is none.
    """
    carried = _carried(command)
    request, message = carried.request, carried.message
    if request is None or not isinstance(command, McpToolCall | McpRequest):
        raise Unparsable("this is no request of MCP")
    if command.text != command.original_text:
        if carried.asked is None:
            if carried.decline is None:
                raise Unparsable("only a request can be rewritten")
            message = carried.decline
        else:
            message = carried.asked.request = rewritten(carried.asked.request, command)
            if any(name.lower().startswith("mcp-param-") for name, _ in request.headers):
                raise Unparsable("a call whose arguments stand in the headers too cannot be rewritten")
    return request if message is None else replace(request, body=write(message))


def instead(command: Command) -> WebRequest | None:
    """What the server is told where an answer to its question goes no further: else it would wait."""
    carried = _carried(command)
    if carried.decline is None or carried.request is None:
        return None
    return replace(carried.request, body=write(carried.decline))


def refusal(request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
    """A result that a model reads where a tool was to be called, else an error of JSON-RPC."""
    carried = _CARRIED.get()
    if carried is not None and carried.request is not request:
        carried = None
    if carried is not None and carried.status:
        allow = (("allow", "GET, POST, DELETE"),) if carried.status == 405 else ()
        fields = Headers((*_JSON, *allow))
        return WebAnswer(carried.status, fields, write(Failure(None, REFUSED, f"refused: {reason}")))
    try:
        message = message_in(request) if request.method == "POST" and request.body else None
    except NotAMessage as e:
        return WebAnswer(400, _JSON, write(e.answer))
    if request.method == "GET":
        # What clients take for a server that has nothing to say by itself.
        return WebAnswer(405, _JSON, write(Failure(None, REFUSED, f"refused: {reason}")))
    if not isinstance(message, Request):
        return WebAnswer(status, _JSON, write(Failure(None, REFUSED, f"refused: {reason}")))
    if status == 400:
        return WebAnswer(400, _JSON, write(Failure(message.id, INVALID_REQUEST, reason)))
    outcome = "failed" if status >= 500 else "refused"
    refused = refusals.to_client(message, reason, policy, outcome)
    if carried is not None and carried.stream is not None:
        carried.stream.say(refused)
        return WebAnswer(_ACCEPTED)
    return WebAnswer(200, _JSON, write(refused))


def editor(
    command: Command,
    answer: WebAnswer,
    gateway: "Gateway",
    write: Callable[[bytes], None],
    fail: Callable[[HoopaddonError], None],
    hold: Callable[[bool], None],
) -> BodyEditor:
    """Message by message. Raises `Refused` for what is none."""
    session, carried = command.session, _carried(command)
    state = WebState.of(session, gateway.confdir)
    if carried.asked is not None and carried.asked.request.method == "initialize":
        state.begun(answer.headers.get(SESSION_HEADER), carried.conversation)
    if isinstance(command, McpRequest) and command.method == END and carried.request is not None:
        state.forget(carried.request.headers.get(SESSION_HEADER))
    streams = answer.media_type == "text/event-stream"
    if not streams and answer.media_type != "application/json":
        if carried.asked is not None and answer.status < 300 and answer.status != _ACCEPTED:
            raise Refused("the server's answer is neither a message nor a stream of them")
        return Nothing()

    def inner(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
        made = MessagesEditor(session, state, carried, gateway, write, fail, hold, streams=streams)
        if streams and carried.asked is None and carried.request is not None:
            state.streams[f" {carried.request.headers.get(SESSION_HEADER)}"] = made
        return made

    applied = codings(answer.headers.get("content-encoding"))
    return CodedEditor(applied, inner, write, fail, hold) if applied else inner(write, fail, hold)


class Nothing:
    """The text of an error that is no message: it may say anything, and nobody needs it."""

    def feed(self, data: bytes) -> None:
        """Dropped."""

    def close(self) -> None:
        """Nothing to do."""

    def abort(self) -> None:
        """Nothing to do."""

    async def drained(self) -> None:
        """At once."""

    def client_paused(self, paused: bool) -> None:
        """Nothing to do."""


def _carried(command: Command) -> Carried:
    carried = command._carried if isinstance(command, McpToolCall | McpRequest) else None
    if not isinstance(carried, Carried):
        raise Refused("this is no request of MCP")
    return carried


def _gateway() -> "Gateway":
    return cast("Gateway", ctx.master)


def _target_of(session: Session) -> WebTarget | None:
    """What the mode says of the session's target."""
    for mode in _gateway().web.admission.routes:
        if isinstance(mode, McpMode):
            for target in mode.targets:
                if (target.name, whole_host(target).address) == (session.target.name, session.target.address):
                    return target
    return None


def _listed(target: WebTarget, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in target.settings.get(name, "").split(",") if part.strip())
