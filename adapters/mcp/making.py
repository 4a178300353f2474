"""The command that a request is, and the request that a command has become."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.adapters.mcp.messages import INVALID_PARAMS, Answer, NotAMessage, Request, value_of
from hoopaddon.adapters.mcp.strict import dumps
from hoopaddon.adapters.mcp.toolbox import Toolbox
from hoopaddon.session import Session

_CALL = frozenset({"name", "arguments", "_meta"})
_ANSWERS = ("inputResponses", "requestState")
"""What a call carries that is made again with the answers that the server has asked for (2026-07-28)."""
MAX_NAME_CHARS = 256
_RESERVED = frozenset({"progressToken", "traceparent", "tracestate", "baggage"}) | {
    f"io.modelcontextprotocol/{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities", "logLevel")
}
"""What only marks a message; anything else in its `_meta` could change what it does."""
_NO_REQUEST_OF_ITS_OWN = frozenset({"ping"})


def command_of(session: Session, request: Request, toolbox: Toolbox) -> McpToolCall | McpRequest | None:
    """None for what does nothing. Raises `NotAMessage` for a call that has more in it than can be judged."""
    if request.method in _NO_REQUEST_OF_ITS_OWN:
        return None
    if request.method != "tools/call":
        return McpRequest(session, request.method, judged_params(request.params))
    params = request.params
    unknown = params.keys() - _CALL - set(_ANSWERS)
    if unknown:
        name = "task" if "task" in unknown else "its params"
        raise NotAMessage(INVALID_PARAMS, f"a call with more than a tool and its arguments ({name})", request.id)
    name, arguments = params["name"], params.get("arguments") or {}
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise NotAMessage(INVALID_PARAMS, f"a tool's name has at most {MAX_NAME_CHARS} characters", request.id)
    tool = toolbox.find(name)
    beside = {key: params[key] for key in _ANSWERS if key in params}
    if meta := _judged_meta(params.get("_meta")):
        beside["_meta"] = meta
    return McpToolCall(
        session,
        name,
        arguments,
        parameters=(dumps(beside).decode(),) if beside else (),
        annotations=tool.annotations if tool is not None else {},
        listed=toolbox.was_listed(name),
    )


def server_command(session: Session, method: str, params: Mapping[str, Any]) -> McpRequest:
    """What a server asks of the client."""
    return McpRequest(session, method, judged_params(params), to_client=True)


def answer_command(session: Session, request: Request, answer: Answer) -> McpRequest:
    """What a client answers to that: it brings the server something that it did not have."""
    said = {name: value for name, value in value_of(answer).items() if name in ("result", "error")}
    return McpRequest(session, f"{request.method}/answer", said)


def judged_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """The params without what only marks the message."""
    meta = _judged_meta(params.get("_meta"))
    rest = {name: value for name, value in params.items() if name != "_meta"}
    return rest | ({"_meta": meta} if meta else {})


def _judged_meta(meta: Any) -> dict[str, Any]:
    if not isinstance(meta, Mapping):
        return {}
    return {name: value for name, value in meta.items() if name not in _RESERVED}


def rewritten(request: Request, command: McpToolCall | McpRequest) -> Request:
    """The request that is sent, now that the policies have had the command. Raises `Refused` where that is none."""
    if command.text == command.original_text:
        return request
    if isinstance(command, McpToolCall):
        return replace(request, params={**request.params, "arguments": dict(command.arguments)})
    marks = request.params.get("_meta")
    params = dict(command.params)
    if isinstance(marks, Mapping):
        kept = {name: value for name, value in marks.items() if name in _RESERVED}
        changed = params.get("_meta")
        params["_meta"] = {**(changed if isinstance(changed, Mapping) else {}), **kept}
    return replace(request, params=params)
