"""What an adapter for a protocol on HTTP supplies."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Unparsable
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.body import BodyEditor
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


class WebProtocol(ABC):
    """How requests of one protocol are read, refused and answered: what an adapter has as `web`."""

    edits_always = False
    """Whether answers go through `editor` even if no policy wants to see them."""
    sends_always = False
    """Whether what is sent is `sent(command)` even if no policy has rewritten it."""
    refuses_early = True
    """Whether `refusal` also answers those who are not let in; otherwise a problem document does."""

    @abstractmethod
    def command(self, session: Session, request: WebRequest) -> Command:
        """The command that the request is; what cannot be read of it is for its facts to say."""

    def objection(self, command: Command) -> Unparsable | None:
        """Why a request goes no further whatever the policies say, with a status as `code` where it is not 403."""
        return None

    @abstractmethod
    def sent(self, command: Command) -> WebRequest:
        """The request that goes to the target, where a policy has rewritten the command."""

    def instead(self, command: Command) -> WebRequest | None:
        """What the target is told where the policies refuse a request that it waits for."""
        return None

    def streams(self, request: WebRequest) -> bool:
        """Whether this request's body may stream to the target, where nobody looks into such a one in any case."""
        return False

    def calls(self, request: WebRequest) -> bool:
        """Whether it is a call of gRPC, to be judged message by message."""
        return False

    @abstractmethod
    def message(self, session: Session, opened_by: Command, data: str | bytes) -> Command:
        """The command that a client's message on a WebSocket is, which this request has opened."""

    @abstractmethod
    def refusal(self, request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
        """A refusal as the protocol's clients understand it; `policy` is empty where the gateway itself says no."""

    @abstractmethod
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
