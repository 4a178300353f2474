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
    """How requests of one protocol are read, refused and answered: what an adapter has as `web`.

    It may have five things more: `objection(command)`, why a request goes no further whatever the policies say (an
    `Unparsable` whose `code` may be a status other than 403, or None); `instead(command)`, what the target is told
    where the policies refuse a request that it waits for (or None); `calls(request)`, whether it is a call of gRPC,
    to be judged message by message; `edits_always`, true where answers go through `editor` even if no policy wants
    to see them; and `sends_always`, true where what is sent is `sent(command)` even if no policy has rewritten it.
    """

    def command(self, session: Session, request: WebRequest) -> Command:
        """The command that the request is; what cannot be read of it is for its facts to say."""
        ...

    def sent(self, command: Command) -> WebRequest:
        """The request that goes to the target, where a policy has rewritten the command."""
        ...

    def streams(self, request: WebRequest) -> bool:
        """Whether this request's body may stream to the target, where nobody looks into such a one in any case."""
        ...

    def message(self, session: Session, opened_by: Command, data: str | bytes) -> Command:
        """The command that a client's message on a WebSocket is, which this request has opened."""
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
