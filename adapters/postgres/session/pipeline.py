"""What a session remembers between messages: statements, portals, and the answers that the server still owes.

A client may send any number of messages before it reads an answer, so the gateway keeps, in order, one
`Expected` for each message that has one. A name may only be relied on where its definition is certain: confirmed by
the server, or in flight in the same pipeline, whose messages up to Sync succeed or are skipped together. Where the
server turns out to have refused or skipped what gave a name, the name stands for what was confirmed before, or is
unknown, whatever the server may still have under it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from hoopaddon.adapters.postgres.protocol.codec import Bind
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.command import Answered
from hoopaddon.rows import Column

if TYPE_CHECKING:
    from hoopaddon.adapters.postgres.session.catalogue import Lookup
    from hoopaddon.adapters.postgres.values.copy_data import CopyReader


@dataclass(slots=True, eq=False)
class Statement:
    """A prepared statement: what Parse said, and what Describe has told since."""

    name: bytes
    text: str
    types: tuple[int, ...]
    segment: int
    certain: bool = False
    described: bool = False
    """Whether its description was asked for; `fields` has it once the server has answered."""
    typed: bool = False
    """Whether the server was asked for the types of its parameters."""
    effects: tuple[bool, bool] | None = None
    """Whether it may change a setting, and whether it may begin a COPY FROM STDIN, once that has been looked up."""
    fields: tuple[Field, ...] | None = None
    columns: tuple[Column, ...] = ()

    def forget_description(self) -> None:
        """The server was asked, and will not answer."""
        self.described = False

    def forget_types(self) -> None:
        """The same, for the types of its parameters."""
        self.typed = False

    def misses_types(self, bind: Bind) -> bool:
        """Whether this Bind has a binary value of a type that only the server knows."""
        if self.typed or not bind.parameter_formats or not any(bind.parameter_formats):
            return False
        known = self.types + (0,) * (len(bind.values) - len(self.types))
        return any(bind.parameter_format(index) and not oid for index, oid in enumerate(known))


class Portal:
    """A bound statement. `decisions` are the approvals that its command has, for an Execute that goes on with it."""

    certain: bool = False
    described: bool = False
    fields: tuple[Field, ...] | None = None
    columns: tuple[Column, ...] = ()
    decisions: Answered = ()

    def __init__(self, statement: Statement, bind: Bind, segment: int) -> None:
        self.statement = statement
        self.bind = bind
        self.segment = segment

    def forget_description(self) -> None:
        """The server was asked, and will not answer."""
        self.described = False


class Answer(Enum):
    """The kinds of answer that a message has."""

    QUERY = auto()
    PARSE = auto()
    BIND = auto()
    DESCRIBE = auto()
    EXECUTE = auto()
    CLOSE = auto()
    SYNC = auto()
    REFUSAL = auto()
    """An error that the gateway provokes, to be replaced by its own."""
    COPY_END = auto()
    """Not an answer: the place at which the client ended its copy data."""


type Undo = Callable[[], None]


class Expected:
    """One answer that the server owes. A `silent` one answers the gateway, not the client."""

    # One is made for every message, so what most of them lack stands here once.
    statement: Statement | None = None
    answer: bytes = b""
    """What the client gets in the place of an error that the gateway provokes."""
    silent: bool = False
    segment: int = 0
    must_match: tuple[Field, ...] | None = None
    """The description that a rewritten statement has to share with the one it stands for."""
    fields: tuple[Field, ...] | None = None
    columns: tuple[Column, ...] = ()
    copy: "CopyReader | None" = None
    lookup: "Lookup | None" = None
    closes: str | None = None
    """The name of the statement that a Close forgets, and when the Close or the command was sent."""
    sent_at: int = 0

    def __init__(
        self,
        kind: Answer,
        command: PostgresQuery | None = None,
        *,
        portal: Portal | None = None,
        statement: Statement | None = None,
        undo: Undo | None = None,
        silent: bool = False,
    ) -> None:
        self.kind = kind
        self.command = command
        self.portal = portal
        self.undo = undo
        if statement is not None:
            self.statement = statement
        if silent:
            self.silent = True


type Pipeline = deque[Expected]


class Named(Protocol):
    """A statement or a portal."""

    certain: bool
    segment: int


class Names[T: Named]:
    """The statements or the portals of a session by name."""

    def __init__(self) -> None:
        self._table: dict[bytes, T] = {}

    def get(self, name: bytes) -> T | None:
        return self._table.get(name)

    def set(self, name: bytes, value: T) -> Undo:
        """Register a name; the result takes that back, unless the name has been registered anew since."""
        before = self._table.get(name)
        self._table[name] = value

        def undo() -> None:
            if self._table.get(name) is not value:
                return
            if before is not None and before.certain:
                self._table[name] = before
            else:
                del self._table[name]

        return undo

    def forget(self, name: bytes) -> None:
        """The name is unknown from here on."""
        self._table.pop(name, None)

    def forget_before(self, segment: int) -> None:
        """Forget all that were named before this segment."""
        if self._table:
            self._table = {name: value for name, value in self._table.items() if value.segment >= segment}

    def __len__(self) -> int:
        return len(self._table)
