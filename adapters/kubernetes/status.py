"""Refusals as `Status` objects, which is how kubectl and every client of the API are told what went wrong."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hoopaddon.adapters.kubernetes.request.info import RequestInfo, read_url
from hoopaddon.errors import Unparsable
from hoopaddon.web.answer import WebAnswer, json_answer
from hoopaddon.web.request import WebRequest

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""`StatusReason` in apimachinery/pkg/apis/meta/v1/types.go: what programs tell errors apart by."""

_QUIET = MappingProxyType({401: "Unauthorized"})
_NOTHING = RequestInfo("", "", "")


def refusal(request: WebRequest, status: int, reason: str, policy: str = "") -> WebAnswer:
    """The answer to a request that goes no further. `policy` is empty where the gateway itself says no."""
    try:
        info = read_url(request.method, request.path, {})
    except Unparsable:
        info = _NOTHING
    return json_answer(status, status_object(status, reason, policy, info))


def status_object(status: int, reason: str, policy: str = "", info: RequestInfo = _NOTHING) -> dict[str, Any]:
    """A `Status`, worded as the API server words its own: `pods "web" is forbidden: …`."""
    document: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": _message(status, reason, policy, info),
        "reason": REASONS.get(status, ""),
    }
    if details := _details(info):
        document["details"] = details
    document["code"] = status
    return document


def error_event(status: int, reason: str, policy: str = "", info: RequestInfo = _NOTHING) -> bytes:
    """What ends a watch: its last frame, whose object is the `Status`."""
    event = {"type": "ERROR", "object": status_object(status, reason, policy, info)}
    return json.dumps(event).encode() + b"\n"


def _message(status: int, reason: str, policy: str, info: RequestInfo) -> str:
    if status in _QUIET and not policy:
        return reason or _QUIET[status]
    said = f"{reason or 'refused'} (refused by {policy or 'the gateway'})"
    if status != 403 or not info.is_resource:
        return said
    resource = f"{info.resource}.{info.group}" if info.group else info.resource
    return f'{resource} "{info.name}" is forbidden: {said}' if info.name else f"{resource} is forbidden: {said}"


def _details(info: RequestInfo) -> Mapping[str, str]:
    said = {"name": info.name, "group": info.group, "kind": info.resource}
    return {key: value for key, value in said.items() if value}
