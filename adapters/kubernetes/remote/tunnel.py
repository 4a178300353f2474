"""exec, attach and port-forward, as the bytes of a connection that has switched protocols."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from hoopaddon.adapters.kubernetes.command import KubeRequest
from hoopaddon.adapters.kubernetes.remote.channels import PROTOCOLS, Channels
from hoopaddon.adapters.kubernetes.remote.middle import MakeKeys, Remote
from hoopaddon.adapters.kubernetes.remote.ports import OVER_WEBSOCKET, PortForward
from hoopaddon.adapters.kubernetes.remote.spdy import SpdyStreams
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.tunnel import Tunnel, TunnelSides

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

_RUNS = frozenset({"exec", "attach"})


def tunnel(
    command: KubeRequest,
    answer: WebAnswer,
    gateway: "Gateway",
    make_keys: MakeKeys | None,
    sides: TunnelSides,
) -> Tunnel:
    """What reads the protocol that the server has switched to. Raises `Refused` for one that cannot be read."""
    upgraded = answer.headers.get("upgrade").strip().lower()
    if command.verb == "portforward":
        return _ports(command, answer, gateway, sides)
    if command.verb not in _RUNS:
        raise Refused("the server has switched to a protocol that is not read here")
    if upgraded == "websocket":
        protocol = answer.headers.get("sec-websocket-protocol").strip()
        if protocol not in PROTOCOLS:
            raise Refused("the server speaks channels that are not read here")
        return _Run(Channels(protocol, sides.to_client, sides.to_target), command, gateway, make_keys, sides)
    if upgraded == "spdy/3.1":
        return _Run(SpdyStreams(sides.to_client, sides.to_target), command, gateway, make_keys, sides)
    raise Refused("the server has switched to a protocol that is not read here")


def _ports(command: KubeRequest, answer: WebAnswer, gateway: "Gateway", sides: TunnelSides) -> Tunnel:
    upgraded = answer.headers.get("upgrade").strip().lower()
    if upgraded == "spdy/3.1":
        return PortForward(command, gateway, sides, over_websocket=False)
    if answer.headers.get("sec-websocket-protocol").strip() == OVER_WEBSOCKET:
        return PortForward(command, gateway, sides, over_websocket=True)
    if upgraded == "websocket" and command.options.get("ports"):
        return Straight(sides)
    raise Refused("the server has switched to a protocol that is not read here")


class Straight:
    """A port-forward over the channels of a WebSocket: its ports are in the request, and were judged with it."""

    def __init__(self, sides: TunnelSides) -> None:
        self._sides = sides

    def client_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._sides.to_target(data)

    def target_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._sides.to_client(data)

    def client_gone(self) -> None:
        """See `Tunnel`."""

    def target_gone(self) -> None:
        """See `Tunnel`."""
        self._sides.over()

    def end(self, error: Refused) -> None:
        """See `Tunnel`."""
        self._sides.fail(error)


GOODBYE_S = 2.0
"""How long a client has to answer the close of its WebSocket."""


class _Run:
    """Streams on either transport, with what stands between."""

    def __init__(
        self,
        ends: Channels | SpdyStreams,
        command: KubeRequest,
        gateway: "Gateway",
        make_keys: MakeKeys | None,
        sides: TunnelSides,
    ) -> None:
        self._ends, self._sides = ends, sides
        self._ending = _Ending(ends, sides.over)
        self._middle = Remote(command, gateway, self._ending, self._fail, self._hold, make_keys)
        ends.middle = self._middle

    def client_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._ends.client_data(data)
        self._ending.look()

    def target_data(self, data: bytes) -> None:
        """See `Tunnel`."""
        self._ends.target_data(data)

    def client_gone(self) -> None:
        """See `Tunnel`."""
        self._middle.abort()

    def target_gone(self) -> None:
        """See `Tunnel`."""
        self._ends.target_gone()

    def end(self, error: Refused) -> None:
        """See `Tunnel`."""
        self._middle.abort()
        self._fail(error)

    def _fail(self, error: HoopaddonError) -> None:
        self._ends.refuse(error.reason if isinstance(error, Refused) else "a policy failed")
        self._sides.fail(error)

    def _hold(self, side: str, held: bool) -> None:
        # What a client types is judged by what the target shows: it has to be read meanwhile.
        if side == "server":
            self._sides.hold(held)


class _Ending:
    """The streams, which tell when the last byte has left."""

    def __init__(self, ends: Channels | SpdyStreams, over: Callable[[], None]) -> None:
        self.to_target, self.close_to_target = ends.to_target, ends.close_to_target
        self.to_client, self.close_to_client = ends.to_client, ends.close_to_client
        self._ends, self._over = ends, over
        self._waiting: asyncio.TimerHandle | None = None

    def over(self) -> None:
        """See `Ends`. A client of a WebSocket reads to its end only if it may answer the close (RFC 6455, 7.1.1)."""
        self._ends.over()
        if isinstance(self._ends, Channels) and not self._ends.client_said_goodbye:
            self._waiting = asyncio.get_running_loop().call_later(GOODBYE_S, self._over)
        else:
            self._over()

    def look(self) -> None:
        """The client has said something: it may have been the last."""
        if self._waiting is not None and isinstance(self._ends, Channels) and self._ends.client_said_goodbye:
            self._waiting.cancel()
            self._waiting = None
            self._over()
