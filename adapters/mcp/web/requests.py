"""An HTTP request of MCP as a command: a message that is posted, a stream that is opened, a session that is ended."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from mcp.shared.inbound import NAME_BEARING_METHODS, decode_header_value

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp import specification as spec
from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.adapters.mcp.conversation import Conversation, named
from hoopaddon.adapters.mcp.making import answer_command, command_of, judged_params
from hoopaddon.adapters.mcp.messages import (
    METHOD_NOT_FOUND,
    Answer,
    Batch,
    Message,
    NotAMessage,
    Notification,
    Request,
    read,
)
from hoopaddon.adapters.mcp.web.places import SESSION_HEADER, NotHere, Place
from hoopaddon.adapters.mcp.web.state import Carried, WebState, remember
from hoopaddon.session import Session
from hoopaddon.web.request import WebRequest

VERSION_HEADER = "mcp-protocol-version"
DEFAULT_VERSION = "2025-03-26"
"""What a request without the header is in, by the specification."""
LISTEN, END, UNREADABLE = "http/listen", "http/end", "http/unreadable"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def read_request(
    session: Session, state: WebState, request: WebRequest, place: Place, origins: frozenset[str] = frozenset()
) -> tuple[McpToolCall | McpRequest, Carried]:
    """The command, and what has to be known of it later."""
    try:
        place.check(request, request.method == "POST" and request.target in state.endpoints)
        if not _is_at_home(request, origins):
            raise NotHere("a page of another site may not speak for its reader", 403)
        if not state.has(request.headers.get(SESSION_HEADER)):
            raise NotHere("there is no such session: begin another one", 404)
    except NotHere as e:
        carried = Carried(Conversation(), None, objection=e.reason, status=e.status, request=request)
        about = {"method": request.method[:16], "path": request.path, "query": request.query}
        return McpRequest(session, UNREADABLE, about), carried
    carried = Carried(_conversation(state, request, place), None, request=request, place=place)
    match request.method:
        case "GET":
            return McpRequest(session, LISTEN, {"path": request.path}), carried
        case "DELETE":
            return McpRequest(session, END, {"path": request.path}), carried
    return _posted(session, state, request, carried), carried


def _conversation(state: WebState, request: WebRequest, place: Place) -> Conversation:
    said = request.headers.get(VERSION_HEADER)
    version = said if said in spec.HANDSHAKE_VERSIONS else DEFAULT_VERSION
    if place.names_another:
        return state.endpoints.get(request.target) or Conversation(version=version)
    if said in spec.MODERN_VERSIONS:
        # It has no sessions, and no conversation that would be in another version.
        return state.conversation(f" {said}", "")
    return state.conversation(request.headers.get(SESSION_HEADER), version)


def _is_at_home(request: WebRequest, origins: frozenset[str]) -> bool:
    """Browsers say for whose page they ask: one that a rebound name has led here must not get through."""
    for origin in request.headers.all("origin"):
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            return False
        if host not in _LOOPBACK and origin.lower() not in origins:
            return False
    return True


def _posted(session: Session, state: WebState, request: WebRequest, carried: Carried) -> McpToolCall | McpRequest:
    try:
        message = message_in(request)
        carried.message = message
        _check_headers(request, message)
        if isinstance(message, Request):
            return _asks(session, state, request, message, carried)
        if isinstance(message, Notification):
            if message.method == "notifications/cancelled":
                _cancel(carried.conversation, message)
            return McpRequest(session, message.method, judged_params(message.params))
        return _answers(session, message, carried)
    except NotAMessage as e:
        carried.objection = e.answer.message
        return McpRequest(session, UNREADABLE, {})


def _cancel(conversation: Conversation, told: Notification) -> None:
    """Nobody has to decide any more on what the client has given up."""
    asked = named(conversation.of_client, told)
    if asked is not None and asked.judging is not None:
        asked.judging.cancel()


def message_in(request: WebRequest) -> Message:
    """The one message of a body. Raises `NotAMessage`."""
    if request.body is None:
        raise NotAMessage(-32600, "the message is too long to be looked into")
    if request.media_type != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise NotAMessage(-32600, "a message is plain application/json")
    found = read(request.body, from_client=True)
    if isinstance(found, Batch):
        raise NotAMessage(-32600, "batches are refused over HTTP: send one message at a time")
    return found


def _check_headers(request: WebRequest, message: Message) -> None:
    """What the header says of the message is what whoever routes by it believes (2026-07-28)."""
    for name in (SESSION_HEADER, VERSION_HEADER, "mcp-method", "mcp-name"):
        if len(request.headers.all(name)) > 1:
            raise NotAMessage(-32020, f"the header {name} occurs twice")
    if not isinstance(message, Request | Notification):
        return
    method = request.headers.get("mcp-method")
    if method and method != message.method:
        raise NotAMessage(-32020, "the header says another method")
    names = request.headers.all("mcp-name")
    said = decode_header_value(names[0]) if names else None
    if names and said != message.params.get(NAME_BEARING_METHODS.get(message.method, ""), said or ""):
        raise NotAMessage(-32020, "the header says another name")
    meta = message.params.get("_meta")
    version = meta.get(spec.VERSION_KEY) if isinstance(meta, Mapping) else None
    header = request.headers.get(VERSION_HEADER)
    if version is not None and header and version != header:
        raise NotAMessage(-32020, "the header says another version")


def _asks(
    session: Session, state: WebState, request: WebRequest, message: Request, carried: Carried
) -> McpToolCall | McpRequest:
    conversation = carried.conversation
    if message.method == "initialize" and not _has_name(request, carried):
        # A new conversation, which its answer gives a name. One that has a name has its stream already.
        conversation = carried.conversation = type(conversation)()
        state.keep("", conversation)
    version = _version_of(message, conversation.version)
    if message.method not in conversation.extra:
        try:
            spec.check_client_request(message.method, version, message.params)
        except spec.NotAllowed as e:
            raise NotAMessage(e.code, e.reason, message.id) from None
    carried.asked = remember(conversation.of_client, message, version)
    command = command_of(session, message, state.toolbox) or McpRequest(session, message.method, {})
    carried.asked.command = command
    if message.method == "tools/call":
        carried.objection = state.toolbox.refusal(message.params["name"], message.params.get("arguments") or {})
    return command


def _has_name(request: WebRequest, carried: Carried) -> bool:
    return carried.place.names_another or SESSION_HEADER in request.headers


def _version_of(message: Request, agreed: str) -> str:
    meta = message.params.get("_meta")
    said = meta.get(spec.VERSION_KEY) if isinstance(meta, Mapping) else None
    if said is None:
        return agreed or spec.LATEST_HANDSHAKE
    if said not in spec.MODERN_VERSIONS:
        raise NotAMessage(-32022, f"the gateway knows the versions {', '.join(spec.MODERN_VERSIONS)}", message.id)
    return str(said)


def _answers(session: Session, message: Answer, carried: Carried) -> McpRequest:
    """The client's answer to what the server has asked, or what the server is told in its place."""
    asked = carried.conversation.of_server.pop(message.id, None) if message.id is not None else None
    if asked is None:
        raise NotAMessage(METHOD_NOT_FOUND, "nobody waits for this answer")
    if asked.refusal is not None:
        carried.message = message = asked.refusal
    carried.decline = asked.refusal or refusals.to_server(asked.request, "a policy says no")
    return answer_command(session, asked.request, message)
