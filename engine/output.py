"""Text that a target sends beside its rows."""

from hoopaddon.command import Command
from hoopaddon.session import Session


class Output:
    """A run of text on its way to the client; assign `text` to change it.

    `kind` says what it is: `error`, `notice` and `notification` for a database, `terminal`, `body` and `log`
    for the protocols that stream. `command` is the one that caused it, where that is known.
    """

    __slots__ = ("_text", "command", "kind", "read_only", "session")

    def __init__(self, session: Session, kind: str, text: str, command: Command | None = None) -> None:
        self.session = session
        self.kind = kind
        self.command = command
        self.read_only = False
        self._text = text

    @property
    def text(self) -> str:
        """The text as it stands now. An observer that assigns it gets a TypeError."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if self.read_only:
            raise TypeError("an observer sees what the client sees; it cannot change it")
        self._text = text
