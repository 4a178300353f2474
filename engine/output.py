"""Text that a target sends beside its rows."""

from hoopaddon.command import Command
from hoopaddon.session import Session


class Output:
    """A run of text on its way to the client; assign `text` to change it.

    `kind` says what it is: `error`, `notice` and `notification` for a database, `terminal`, `body` and `log`
    for the protocols that stream. `command` is the one that caused it, where that is known.
    """

    __slots__ = ("command", "kind", "session", "text")

    def __init__(self, session: Session, kind: str, text: str, command: Command | None = None) -> None:
        self.session = session
        self.kind = kind
        self.text = text
        self.command = command
