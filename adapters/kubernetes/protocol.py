"""How requests to the Kubernetes API are read, refused and answered."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hoopaddon.adapters.kubernetes.command import KubeRequest, request_of
from hoopaddon.adapters.kubernetes.negotiation import PROTOBUF, as_sent
from hoopaddon.adapters.kubernetes.protobuf_results import ProtobufSplitter
from hoopaddon.adapters.kubernetes.remote.tunnel import tunnel
from hoopaddon.adapters.kubernetes.results import ObjectSplitter
from hoopaddon.adapters.kubernetes.status import refusal
from hoopaddon.adapters.kubernetes.typed import keys_of
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused, Unparsable
from hoopaddon.session import Session
from hoopaddon.stream import TextStream
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.body import BodyEditor, body_editor
from hoopaddon.web.body.coded import CodedEditor, Fail, Hold, Write
from hoopaddon.web.body.coding import codings
from hoopaddon.web.body.runs import RunStream
from hoopaddon.web.protocol import WebProtocol
from hoopaddon.web.request import WebRequest
from hoopaddon.web.tunnel import Tunnel, TunnelSides

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

_STREAMS = frozenset({"exec", "attach", "portforward"})
_JSON = frozenset({"application/json", "application/json-seq"})
_UNREAD = frozenset({"application/cbor", "application/cbor-seq", "application/yaml"})
_DOCUMENTS = ("/openapi/", "/apis", "/api", "/version", "/.well-known/", "/openid/")
"""What describes the API, and holds nothing of anybody."""


def sent(command: Command) -> WebRequest:
    """The request that goes to the server. Raises `Unparsable` for what a policy has made of it, or a client."""
    if not isinstance(command, KubeRequest):
        raise Unparsable("this is no request to the Kubernetes API")
    info = command.facts.info
    request = request_of(command)
    negotiates = info.is_resource and info.verb not in ("proxy", "logs", *_STREAMS)
    runs, streams = info.verb in ("exec", "attach"), info.verb in _STREAMS
    headers = as_sent(request.headers, negotiates=negotiates, runs=runs, streams=streams)
    return request if headers == request.headers else replace(request, headers=headers)


def editor(
    command: Command,
    answer: WebAnswer,
    gateway: "Gateway",
    write: Callable[[bytes], None],
    fail: Callable[[HoopaddonError], None],
    hold: Callable[[bool], None],
) -> BodyEditor:
    """What edits the body of an answer: object by object, or as lines of a log. Raises `Refused`."""
    if not isinstance(command, KubeRequest):
        raise Refused("this is no request to the Kubernetes API")
    session, info = command.session, command.facts.info
    if not gateway.chain.wants_output or info.verb == "proxy":
        return body_editor(session, command, gateway, answer.headers, write, fail, hold)
    if not info.is_resource and _is_description(info.path):
        return PassedBody(write)
    media = answer.media_type
    if media in _UNREAD:
        raise Refused(f"the answer is in {media}, which cannot be looked into: ask for application/json")

    def inner(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
        if media in _JSON:
            splitter = ObjectSplitter(session, info.resource, lists=info.verb == "list")
            return RunStream(session, command, gateway, splitter, write, fail, hold)
        if media == PROTOBUF:
            as_protobuf = ProtobufSplitter(
                session, info.resource, watch=info.verb == "watch" and answer.status == 200
            )
            return RunStream(session, command, gateway, as_protobuf, write, fail, hold)
        kind = "log" if info.verb == "logs" else "body"
        return TextStream(session, kind, command, gateway, write, fail, hold)

    applied = codings(answer.headers.get("content-encoding"))
    return CodedEditor(applied, inner, write, fail, hold) if applied else inner(write, fail, hold)


def _is_description(path: str) -> bool:
    return any(path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/") for prefix in _DOCUMENTS)


class PassedBody:
    """A body that passes as it is, in the shape of a `BodyEditor`."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def feed(self, data: bytes) -> None:
        """See `BodyEditor`."""
        self._write(data)

    def close(self) -> None:
        """See `BodyEditor`."""

    def abort(self) -> None:
        """See `BodyEditor`."""

    async def drained(self) -> None:
        """See `BodyEditor`."""

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""


class KubeProtocol(WebProtocol):
    """How requests are read, refused and answered."""

    sends_always = True
    """Every request says in which form it takes objects, and that is settled here."""

    def __init__(self) -> None:
        self._impersonates: set[tuple[str, str]] = set()

    def allow_impersonation(self, name: str, address: str, allowed: bool) -> None:
        """Whether requests to this target may be made in the name of others."""
        change = self._impersonates.add if allowed else self._impersonates.discard
        change((name, address))

    def command(self, session: Session, request: WebRequest) -> KubeRequest:
        """See `WebProtocol`. Its facts raise `Unparsable` where it cannot be understood, and so does `sent`."""
        target = session.target
        return KubeRequest(session, request, may_impersonate=(target.name, target.address) in self._impersonates)

    def objection(self, command: Command) -> Unparsable | None:
        """See `WebProtocol`: what cannot be understood for certain is for no policy to let through."""
        try:
            _ = command.facts
        except Unparsable as e:
            return e
        return None

    def sent(self, command: Command) -> WebRequest:
        """See `WebProtocol`."""
        return sent(command)

    def streams(self, request: WebRequest) -> bool:
        """See `WebProtocol`. Only what goes through `proxy` to somebody else is not looked into."""
        return False

    def message(self, session: Session, opened_by: Command, data: str | bytes) -> Command:
        """See `WebProtocol`: channels are no messages, and have a relay of their own."""
        raise Refused("this is not a WebSocket of messages")

    def tunnels(self, command: Command) -> bool:
        """See `Tunnels`: what runs in a pod, and connections to one."""
        return isinstance(command, KubeRequest) and command.verb in _STREAMS

    def tunnel(self, command: Command, answer: WebAnswer, gateway: "Gateway", sides: TunnelSides) -> Tunnel:
        """See `Tunnels`."""
        if not isinstance(command, KubeRequest):
            raise Refused("this is no request to the Kubernetes API")
        return tunnel(command, answer, gateway, keys_of, sides)

    def refusal(self, request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
        """See `WebProtocol`."""
        return refusal(request, status, reason, policy)

    def editor(
        self, command: Command, answer: WebAnswer, gateway: "Gateway", write: Write, fail: Fail, hold: Hold
    ) -> BodyEditor:
        """See `WebProtocol`."""
        return editor(command, answer, gateway, write, fail, hold)


PROTOCOL = KubeProtocol()
