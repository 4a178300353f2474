"""What a connection becomes that a target has switched to another protocol, where the adapter reads that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.web.answer import WebAnswer

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


class Tunnel(Protocol):
    """Both directions after the answer 101, as bytes. Each method may raise a `HoopaddonError`, which ends it."""

    def client_data(self, data: bytes) -> None: ...

    def target_data(self, data: bytes) -> None: ...

    def client_gone(self) -> None:
        """The client says nothing more, and hears nothing."""

    def target_gone(self) -> None:
        """The target says nothing more; `TunnelSides.over` follows when all that it said has left."""

    def end(self, error: Refused) -> None:
        """A policy has ended the session: nothing more passes, and the client is told where it can be."""


@dataclass(frozen=True, slots=True)
class TunnelSides:
    """What a tunnel tells by: bytes for either side, a failure, and that nothing is left.

    `hold` asks for no more of either side, and later for more.
    """

    to_client: Callable[[bytes], None]
    to_target: Callable[[bytes], None]
    fail: Callable[[HoopaddonError], None]
    hold: Callable[[bool], None]
    over: Callable[[], None]


@runtime_checkable
class Tunnels(Protocol):
    """What a `WebProtocol` has beside that reads what targets switch to."""

    def tunnels(self, command: Command) -> bool:
        """Whether it does for this request."""
        ...

    def tunnel(self, command: Command, answer: WebAnswer, gateway: "Gateway", sides: TunnelSides) -> Tunnel:
        """What the connection becomes. Raises `Refused` for a protocol that cannot be read."""
        ...
