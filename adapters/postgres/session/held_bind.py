"""The Bind that is held back until its Execute is judged, and the messages that came behind it."""

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Portal
from hoopaddon.adapters.postgres.session.prepared import OWN_NAME
from hoopaddon.adapters.postgres.sql.command import PostgresQuery

REWRITTEN = b"hoopaddon: rewritten " + OWN_NAME
"""The name of the statement that stands in for one whose text a policy has rewritten."""

MAX_MESSAGES = 256
MAX_BYTES = 256 * 1024
"""How much lines up behind a Bind, besides the Bind itself if that is larger."""


class HeldBind:
    """At most one Bind at a time; without one, messages go straight out."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._messages: list[tuple[bytes, Expected]] = []
        self._size = 0
        self.portal: Portal | None = None

    def __bool__(self) -> bool:
        return self.portal is not None

    def hold(self, message: bytes, expected: Expected, portal: Portal) -> None:
        """Hold this Bind."""
        self.portal = portal
        self._messages = [(message, expected)]
        self._size = len(message)

    @property
    def heavy(self) -> bool:
        """Whether enough has lined up for it to be judged now, Execute or not."""
        return self.portal is not None and (
            len(self._messages) > MAX_MESSAGES or self._size - len(self._messages[0][0]) > MAX_BYTES
        )

    def emit(self, message: bytes, expected: Expected) -> None:
        """Send, or line up behind the Bind."""
        if self.portal is not None:
            self._messages.append((message, expected))
            self._size += len(message)
        else:
            self._link.send(message, expected)

    def let_go(self, command: PostgresQuery | None = None) -> None:
        """Send it and what is behind it; a `command` ends when the server has bound it."""
        messages, self._messages, self.portal = self._messages, [], None
        for message, expected in messages:
            if command is not None and expected.kind is Answer.BIND:
                expected.command = command
            self._link.send(message, expected)

    def drop(self) -> None:
        """It never goes; what it has named is not."""
        for _, expected in reversed(self._messages):
            if expected.undo is not None:
                expected.undo()
        self._messages, self.portal = [], None

    def rewrite(self, portal: Portal, text: str) -> bool:
        """Bind a statement with this text in the place of the portal's own; False where its Bind has gone out."""
        if self.portal is not portal:
            return False
        statement, bind = portal.statement, portal.bind
        parse = codec.Parse(REWRITTEN, text.encode(self._link.encoding), statement.types)
        # The client reads rows by the description that it has: those of the new text must have the same.
        described = Expected(Answer.DESCRIBE, portal=portal, silent=True)
        described.must_match = statement.fields
        portal.described = True
        self._messages = [
            (parse.serialize(), Expected(Answer.PARSE, silent=True)),
            (bind._replace(statement=REWRITTEN).serialize(), self._messages[0][1]),
            (codec.describe(b"P", bind.portal), described),
            *self._messages[1:],
            (codec.close(b"S", REWRITTEN), Expected(Answer.CLOSE, silent=True)),
        ]
        return True
