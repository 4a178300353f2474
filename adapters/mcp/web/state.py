"""What is remembered of MCP on HTTP between two requests of one session: the conversations, and the tools."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from hoopaddon.adapters.mcp.conversation import Asked, Conversation
from hoopaddon.adapters.mcp.messages import Answer, Id, Message, Request
from hoopaddon.adapters.mcp.pins import Pins
from hoopaddon.adapters.mcp.toolbox import EVERYTHING, Offer, Toolbox
from hoopaddon.adapters.mcp.web.owners import OWNERS
from hoopaddon.adapters.mcp.web.places import Place
from hoopaddon.session import Session
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from pathlib import Path

    from hoopaddon.adapters.mcp.web.editor import MessagesEditor


_KEY = "hoopaddon.mcp"
_NOWHERE = Place("")
MOST_CONVERSATIONS = 256
MOST_ASKED = 256


@dataclass(slots=True, eq=False)
class Carried:
    """What belongs to one HTTP request: its message, and the conversation that it is in."""

    conversation: Conversation
    message: Message | None
    asked: Asked | None = None
    objection: str = ""
    """Why it goes no further, whatever the policies say."""
    status: int = 0
    """What that is in HTTP, where it is no message at all."""
    request: WebRequest | None = None
    place: Place = _NOWHERE
    decline: Answer | None = None
    """Of an answer of the client's, what the server is told instead where it goes no further."""
    stream: "MessagesEditor | None" = None
    """Of the old transport, where the answer is waited for."""
    listening: "MessagesEditor | None" = None
    """Where the client hears what is said beside answers, if it listens."""


@dataclass(slots=True, eq=False)
class WebState:
    """See the module."""

    toolbox: Toolbox
    server: str = ""
    user: str = ""
    binary: bool = False
    conversations: dict[str, Conversation] = field(default_factory=dict)
    """By the name that the server has given them (`Mcp-Session-Id`); those without one by an empty one."""
    endpoints: dict[str, Conversation] = field(default_factory=dict)
    """Of the old transport: where the server has told this session's client to post."""
    streams: "WeakValueDictionary[str, MessagesEditor]" = field(default_factory=WeakValueDictionary)
    """By endpoint, where the answers to what is posted there are waited for; or, after a blank, by the conversation's
    name, where what the server says by itself is."""

    @classmethod
    def of(
        cls, session: Session, confdir: "Path | None", offer: Offer = EVERYTHING, *, binary: bool = False
    ) -> "WebState":
        """That of the session, made with its first request."""
        state = session.vars.get(_KEY)
        if not isinstance(state, WebState):
            target = session.target
            pins = Pins(confdir, target.name, target.address) if confdir is not None else None
            user = f"{session.user.claims.get('iss', '')} {session.user.subject}"
            state = session.vars[_KEY] = cls(Toolbox(pins, offer), target.address, user, binary)
        return state

    def has(self, name: str) -> bool:
        """Whether the conversation that the client's header names is its user's."""
        return not name or OWNERS.has(self.server, name, self.user)

    def conversation(self, key: str, version: str) -> Conversation:
        """The conversation that the client's header or address names; where it is not known, a new one."""
        found = self.conversations.get(key)
        if found is None:
            found = Conversation(version=version)
            self.keep(key, found)
        return found

    def keep(self, key: str, conversation: Conversation) -> None:
        """The conversation goes by this name from now on."""
        _put(self.conversations, key, conversation)

    def announce(self, endpoint: str, conversation: Conversation, stream: "MessagesEditor") -> None:
        """The server wants this session's client to post there."""
        _put(self.endpoints, endpoint, conversation)
        self.streams[endpoint] = stream

    def begun(self, name: str, conversation: Conversation) -> None:
        """The server has begun it, and given it this name, or none."""
        if name:
            OWNERS.give(self.server, name, self.user)
        self.keep(name, conversation)

    def forget(self, key: str) -> None:
        """The client has ended it."""
        self.conversations.pop(key, None)


def _put(kept: dict[str, Conversation], key: str, conversation: Conversation) -> None:
    if key not in kept and len(kept) >= MOST_CONVERSATIONS:
        del kept[next(iter(kept))]
    kept[key] = conversation


def remember(waiting: dict[Id, Asked], request: Request, version: str) -> Asked:
    """The request, now waiting for its answer. On HTTP nobody says when an answer will never come: the oldest go."""
    waiting.pop(request.id, None)
    while len(waiting) >= MOST_ASKED:
        del waiting[next(iter(waiting))]
    asked = waiting[request.id] = Asked(request, version)
    return asked
