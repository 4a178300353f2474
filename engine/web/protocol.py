"""What an adapter for a protocol on HTTP supplies."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


class BodyEditor(Protocol):
    """One body on its way, through the policies. It tells by the three functions it was made with:

    `write` sends bytes on, `fail` says that a policy refused or broke (nothing has passed of what it saw, nor will
    anything after it), `hold` asks the source to pause, and later to go on, while a policy awaits.
    """

    def feed(self, data: bytes) -> None:
        """More has come."""

    def close(self) -> None:
        """Nothing follows any more."""

    def abort(self) -> None:
        """The client is gone: nothing leaves any more."""

    async def drained(self) -> None:
        """Returns when all that was fed before `close` has left, or never will."""


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

    def edited_head(self, command: Command, answer: WebAnswer) -> WebAnswer:
        """The head that the client gets where the body goes through an editor: without what no longer holds."""
        ...

    def editor(
        self,
        command: Command,
        answer: WebAnswer,
        gateway: "Gateway",
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> BodyEditor | None:
        """What edits the body of the target's answer; None where it passes as it is."""
        ...
