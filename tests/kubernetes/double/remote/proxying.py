"""The subresource `proxy`: HTTP to a pod's or a service's port, which is a port of the loopback interface."""

import asyncio
import http.client
from typing import Any

from tests.kubernetes.double.api.status import ApiError, not_found
from tests.kubernetes.double.api.verbs import Call
from tests.kubernetes.double.web.message import Request, Response

type Json = dict[str, Any]

_HOST = "127.0.0.1"
_WITHIN_S = 10
_OWN = ("authorization", "connection", "host", "content-length", "transfer-encoding", "accept-encoding", "upgrade")
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


async def proxied(call: Call) -> Response:
    """Hand the request on, and its answer back."""
    scheme, name, port = _target(call.route.name)
    obj = call.cluster.storage.get((call.kind.group, call.kind.plural), (call.namespace, name))
    if obj is None:
        raise not_found(call.kind.group, call.kind.plural, name)
    try:
        return await asyncio.to_thread(_ask, call.request, _port(obj, port), call.route.rest)
    except (OSError, http.client.HTTPException) as error:
        message = f"error trying to reach service: {error}"
        raise ApiError(503, "ServiceUnavailable", message) from error
    finally:
        del scheme


def _target(name: str) -> tuple[str, str, str]:
    """`NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`."""
    match name.split(":"):
        case [alone]:
            return "http", alone, ""
        case [named, port]:
            return "http", named, port
        case [scheme, named, port]:
            return scheme, named, port
        case _:
            raise ApiError(400, "BadRequest", f'invalid service request "{name}"')


def _port(obj: Json, wanted: str) -> int:
    spec = obj.get("spec") or {}
    ports = spec.get("ports") or [port for c in spec.get("containers", ()) for port in c.get("ports", ())]
    for port in ports:
        number = port.get("port", port.get("containerPort"))
        if wanted in ("", port.get("name"), str(number)):
            target = port.get("targetPort", number)
            return int(target) if isinstance(target, int) else int(number)
    return int(wanted) if wanted.isdigit() else 80


def _ask(request: Request, port: int, path: str) -> Response:
    query = request.target.partition("?")[2]
    headers = {name: value for name, value in request.headers if name not in _OWN}
    connection = http.client.HTTPConnection(_HOST, port, timeout=_WITHIN_S)
    try:
        connection.request(request.method, (path or "/") + (f"?{query}" if query else ""), request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        return Response(answer.status, kept, body)
    finally:
        connection.close()
