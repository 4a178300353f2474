"""The subresources that lead into a pod or to a service: log, exec, attach, portforward, proxy."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from tests.kubernetes.double.api.status import ApiError, bad_request
from tests.kubernetes.double.api.verbs import Call
from tests.kubernetes.double.objects.deletion import Deleting, deleted
from tests.kubernetes.double.remote import forwarding, proxying, spdy_channels, websocket_channels
from tests.kubernetes.double.remote.attaching import attach
from tests.kubernetes.double.remote.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channels
from tests.kubernetes.double.remote.kubelet import Container, Kubelet, Pod
from tests.kubernetes.double.remote.log import Options
from tests.kubernetes.double.remote.process import Wanted, execute
from tests.kubernetes.double.remote.spdy_channels import SpdyChannels
from tests.kubernetes.double.remote.websocket_channels import WebSocketChannels
from tests.kubernetes.double.web.message import Answer, Pipe, Request, Response, Upgrade
from tests.kubernetes.double.web.spdy import SpdyConnection
from tests.kubernetes.double.web.websocket import WebSocket, accept, is_websocket, offered

type Json = dict[str, Any]
type Session = Callable[[Channels], Awaitable[None]]

_MOST_SESSIONS = 50
_SPDY = "SPDY/3.1"


class Connections:
    """Answers what is asked of a running pod."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet
        self._room = asyncio.Semaphore(_MOST_SESSIONS)
        self._answers: Mapping[str, Callable[[Call], Awaitable[Answer]]] = {
            "log": self._log,
            "exec": self._exec,
            "attach": self._attach,
            "portforward": self._forward,
            "proxy": proxying.proxied,
            "eviction": _evict,
            "binding": _bind,
        }

    async def answer(self, call: Call) -> Answer | None:
        """The answer; None if the subresource is none of these."""
        answer = self._answers.get(call.route.sub)
        return await answer(call) if answer else None

    async def _log(self, call: Call) -> Response:
        _, container = self._container(call, call.request.parameter("container"))
        return Response(200, [("Content-Type", "text/plain")], _log_lines(call.request, container))

    def _container(self, call: Call, wanted: str) -> tuple[Pod, Container]:
        obj = call.cluster.get(call.kind, call.namespace, call.route.name)
        pod_name, names = obj["metadata"]["name"], [one["name"] for one in obj["spec"]["containers"]]
        if not wanted and len(names) > 1 and call.route.sub == "log":
            choices = " ".join(names)
            raise bad_request(f"a container name must be specified for pod {pod_name}, choose one of: [{choices}]")
        name = wanted or names[0]
        if name not in names:
            raise bad_request(f"container {name} is not valid for pod {pod_name}")
        if (pod := self._kubelet.pod(obj)) is None or name not in pod.containers:
            raise bad_request(f'container "{name}" in pod "{pod_name}" is waiting to start: ContainerCreating')
        return pod, pod.containers[name]

    async def _exec(self, call: Call) -> Answer:
        pod, container = self._container(call, call.request.parameter("container"))
        command = call.request.query.get("command", [])
        if not command:
            raise bad_request("you must specify at least 1 command for the container")
        if container.exit_code is not None:
            raise bad_request(f"cannot exec in a stopped container: {container.name}")
        wanted = _wanted(call.request, command)
        return self._session(call, wanted, lambda c: execute(wanted, pod.folder, pod.environment, c))

    async def _attach(self, call: Call) -> Answer:
        _, container = self._container(call, call.request.parameter("container"))
        wanted = _wanted(call.request, [])
        return self._session(call, wanted, lambda channels: attach(container, wanted, channels))

    def _session(self, call: Call, wanted: Wanted, session: Session) -> Answer:
        if not (wanted.stdin or wanted.stdout or wanted.stderr):
            raise bad_request("you must specify at least 1 of stdin, stdout, stderr")

        async def bounded(channels: Channels) -> None:
            async with self._room:
                await session(channels)

        if is_websocket(call.request):
            return _on_websocket(call.request, wanted, bounded)
        return _on_spdy(call.request, wanted, bounded)

    async def _forward(self, call: Call) -> Answer:
        request = call.request
        self._container(call, "")
        pod = call.route.name
        if not is_websocket(request):
            return _spdy(request, (forwarding.PROTOCOL,), lambda c, _: forwarding.over_spdy(c, pod))
        protocols = offered(request)
        if forwarding.TUNNELLED in protocols:
            return accept(
                request, forwarding.TUNNELLED, lambda socket: forwarding.over_spdy(SpdyConnection(socket), pod)
            )
        if "v4.channel.k8s.io" in protocols:
            ports = [int(port) for value in request.query.get("ports", []) for port in value.split(",")]
            return accept(request, "v4.channel.k8s.io", lambda socket: forwarding.over_websocket(socket, ports, pod))
        raise _no_protocol(protocols)


def _wanted(request: Request, command: list[str]) -> Wanted:
    tty = request.flag("tty")
    stderr = request.flag("stderr") and not tty
    return Wanted(command, request.flag("stdin"), request.flag("stdout"), stderr, tty)


def _on_websocket(request: Request, wanted: Wanted, session: Session) -> Answer:
    protocols = offered(request)
    protocol = next((one for one in websocket_channels.PROTOCOLS if one in protocols), None)
    if protocol is None:
        raise _no_protocol(protocols)

    async def run(socket: WebSocket) -> None:
        channels = WebSocketChannels(socket, protocol)
        await channels.begin(stdout=wanted.stdout, stderr=wanted.stderr)
        await session(channels)

    return accept(request, protocol, run)


def _on_spdy(request: Request, wanted: Wanted, session: Session) -> Answer:
    streams = {ERROR}
    for number, there in ((STDIN, wanted.stdin), (STDOUT, wanted.stdout), (STDERR, wanted.stderr)):
        streams |= {number} if there else set()

    async def run(connection: SpdyConnection, protocol: str) -> None:
        resizes = wanted.tty and protocol in spdy_channels.PROTOCOLS[:2]
        channels = SpdyChannels(connection, protocol)
        if await channels.begin(streams | ({RESIZE} if resizes else set())):
            await session(channels)

    return _spdy(request, spdy_channels.PROTOCOLS, run)


def _spdy(request: Request, known: tuple[str, ...], run: Callable[[SpdyConnection, str], Awaitable[None]]) -> Answer:
    upgrades = "upgrade" in request.header("connection").lower()
    if not upgrades or request.header("upgrade").lower() != _SPDY.lower():
        raise bad_request("Upgrade request required")
    protocols = [one.strip() for value in request.all("x-stream-protocol-version") for one in value.split(",")]
    protocol = next((one for one in protocols if one in known), None)
    if protocol is None:
        if protocols:
            raise _no_protocol(protocols)
        protocol = known[-1]
    headers = [("Connection", "Upgrade"), ("Upgrade", _SPDY), ("X-Stream-Protocol-Version", protocol)]

    async def begin(pipe: Pipe) -> None:
        connection = SpdyConnection(pipe)
        try:
            with suppress(ConnectionError):
                await run(connection, protocol)
        finally:
            await connection.close()

    return Upgrade(headers, begin)


def _no_protocol(offers: list[str]) -> ApiError:
    return ApiError(403, "Forbidden", f"unable to upgrade: no supported protocol among {offers}")


def _log_lines(request: Request, container: Container) -> AsyncIterator[bytes]:
    since = None
    try:
        if seconds := request.parameter("sinceSeconds"):
            since = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=int(seconds))
        elif moment := request.parameter("sinceTime"):
            since = dt.datetime.fromisoformat(moment)
        options = Options(
            follow=request.flag("follow"),
            tail=int(request.parameter("tailLines")) if "tailLines" in request.query else None,
            timestamps=request.flag("timestamps"),
            since=since,
            limit_bytes=int(request.parameter("limitBytes")) if "limitBytes" in request.query else None,
        )
    except ValueError as error:
        raise ApiError(422, "Invalid", f"PodLogOptions is invalid: {error}") from error
    return container.log.read(options)


_CREATED = b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","code":201}\n'


async def _evict(call: Call) -> Answer:
    """Delete a pod as a disruption budget would let it."""
    pod = call.cluster.get(call.kind, call.namespace, call.route.name)
    deleted(call.cluster, call.kind, pod, Deleting(dry_run=call.dry_run))
    return Response(201, [("Content-Type", "application/json")], _CREATED)


async def _bind(call: Call) -> Answer:
    """Put a pod on a node, which a scheduler has done here before anybody else can."""
    call.cluster.get(call.kind, call.namespace, call.route.name)
    raise ApiError(
        409, "Conflict", f'Operation cannot be fulfilled on pods/binding "{call.route.name}": already bound'
    )
