"""Messages of JSON-RPC 2.0 as the Model Context Protocol uses it: bytes in, frozen messages out, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hoopaddon.adapters.mcp.strict import NotStrict, dumps, loads

type Id = str | int

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNREADABLE = "the server's answer cannot be read"
REFUSED = -32010
"""A policy said no; of the range that implementations may use (-32000 to -32019)."""

MAX_ID_CHARS = 256
MAX_METHOD_CHARS = 128
_MAX_ID = 1 << 53
_NAMES = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})

NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """It wants an answer. `params` is empty where there are none."""

    id: Id
    method: str
    params: Mapping[str, Any] = NO_PARAMS


@dataclass(frozen=True, slots=True)
class Notification:
    """It wants none."""

    method: str
    params: Mapping[str, Any] = NO_PARAMS


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to the request of this id."""

    id: Id
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer that says why there is none; the id is None where the request could not be read."""

    id: Id | None
    code: int
    message: str
    data: Any = None


type Message = Request | Notification | Result | Failure
type Answer = Result | Failure


class NotAMessage(ValueError):
    """Bytes that are no message. `answer` is what whoever sent them is told; it quotes nothing of them.

    `answers` is the id of the request that they would have answered, where they look like an answer.
    """

    def __init__(self, code: int, reason: str, id: Id | None = None, *, answers: Id | None = None) -> None:
        super().__init__(reason)
        self.answer = Failure(id, code, reason)
        self.answers = answers


@dataclass(frozen=True, slots=True)
class Batch:
    """Several messages that came as one (protocol version 2025-03-26)."""

    messages: tuple[Message, ...]


def read(data: bytes, *, from_client: bool) -> Message | Batch:
    """One message, or a batch. Raises `NotAMessage`."""
    try:
        value = loads(data, fold=from_client)
    except NotStrict as e:
        answers = None if from_client else _answered(data)
        raise NotAMessage(PARSE_ERROR, f"the message cannot be read: {e}", answers=answers) from None
    if isinstance(value, list):
        if not value:
            raise NotAMessage(INVALID_REQUEST, "an empty batch")
        return Batch(tuple(message_of(item) for item in value))
    return message_of(value)


def message_of(value: Any) -> Message:
    """The message that a JSON value is. Raises `NotAMessage`."""
    if not isinstance(value, dict):
        raise NotAMessage(INVALID_REQUEST, "a message is an object")
    if value.get("jsonrpc") != "2.0":
        raise NotAMessage(INVALID_REQUEST, 'a message says "jsonrpc": "2.0"')
    if value.keys() - _NAMES:
        raise NotAMessage(INVALID_REQUEST, "a message has a name that is none of JSON-RPC's", _id_of(value))
    if "method" in value:
        return _asking(value)
    if "result" in value or "error" in value:
        try:
            return _result(value) if "result" in value else _failure(value)
        except NotAMessage as e:
            raise NotAMessage(e.answer.code, e.answer.message, answers=_id_of(value)) from None
    raise NotAMessage(INVALID_REQUEST, "neither a request nor an answer", _id_of(value))


def _answered(data: bytes) -> Id | None:
    """Of what cannot be read in one way only, the id that it is an answer to, in one way."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_answer = isinstance(value, dict) and "method" not in value and value.keys() & {"result", "error"}
    return _id_of(value) if is_answer else None


def _id_of(value: Mapping[str, Any]) -> Id | None:
    found = value.get("id")
    if isinstance(found, str):
        return found if 0 < len(found) <= MAX_ID_CHARS else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found if abs(found) <= _MAX_ID else None
    return None


def _needed_id(value: Mapping[str, Any]) -> Id:
    found = _id_of(value)
    if found is None:
        raise NotAMessage(INVALID_REQUEST, f"an id is a whole number, or a text of at most {MAX_ID_CHARS} characters")
    return found


def _asking(value: Mapping[str, Any]) -> Request | Notification:
    method, params = value["method"], value.get("params")
    # Clients that know no better say null where there are none.
    params = NO_PARAMS if params is None else params
    id = _needed_id(value) if "id" in value else None
    if not isinstance(method, str) or not 0 < len(method) <= MAX_METHOD_CHARS or not method.isprintable():
        raise NotAMessage(INVALID_REQUEST, "a method is a name", id)
    if value.keys() & {"result", "error"}:
        raise NotAMessage(INVALID_REQUEST, "a request and an answer at once", id)
    if not isinstance(params, Mapping):
        raise NotAMessage(INVALID_PARAMS, "params are an object", id)
    return Notification(method, params) if id is None else Request(id, method, params)


def _result(value: Mapping[str, Any]) -> Result:
    if value.keys() & {"error", "params"} or not isinstance(value["result"], dict):
        raise NotAMessage(INVALID_REQUEST, "a result is an object, and stands alone")
    return Result(_needed_id(value), value["result"])


def _failure(value: Mapping[str, Any]) -> Failure:
    error = value["error"]
    if not isinstance(error, dict) or "params" in value or "id" not in value:
        raise NotAMessage(INVALID_REQUEST, "an error is an object, and stands alone with an id")
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(message, str):
        raise NotAMessage(INVALID_REQUEST, "an error has a code and a message")
    if error.keys() - {"code", "message", "data"}:
        raise NotAMessage(INVALID_REQUEST, "an error has a name that is none of JSON-RPC's")
    id = None if value["id"] is None else _needed_id(value)
    return Failure(id, code, message, error.get("data"))


def value_of(message: Message) -> dict[str, Any]:
    """The JSON value that a message is."""
    head: dict[str, Any] = {"jsonrpc": "2.0"}
    match message:
        case Request():
            asked = head | {"id": message.id, "method": message.method}
            return asked | ({"params": dict(message.params)} if message.params is not NO_PARAMS else {})
        case Notification():
            told = head | {"method": message.method}
            return told | ({"params": dict(message.params)} if message.params is not NO_PARAMS else {})
        case Result():
            return head | {"id": message.id, "result": dict(message.result)}
        case Failure():
            error = {"code": message.code, "message": message.message}
            return head | {
                "id": message.id,
                "error": error | ({} if message.data is None else {"data": message.data}),
            }


def write(message: Message) -> bytes:
    """The bytes of a message, in one line without its end."""
    return dumps(value_of(message))
