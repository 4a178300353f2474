"""What an adapter for a protocol on HTTP supplies."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.body import BodyEditor
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


@runtime_checkable
class WebProtocol(Protocol):
    """How requests of one protocol are read, refused and answered."""

    def command(self, session: Session, request: WebRequest) -> Command:
        """The command that the request is. Raises `Unparsable`, which refuses it.

        What it sends after a rewrite is `sent(command)`.
        """
        ...

    def sent(self, command: Command) -> WebRequest:
        """The request that goes to the target, now that the policies have had the command."""
        ...

    def refusal(self, request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
        """A refusal as the protocol's clients understand it; `policy` is empty where the gateway itself says no."""
        ...

    def editor(
        self,
        command: Command,
        answer: WebAnswer,
        gateway: "Gateway",
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> BodyEditor:
        """What edits the body of the target's answer. Raises `Refused` where nobody can look into that."""
        ...
