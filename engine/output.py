"""Text that a target sends beside its rows."""

from typing import Any

from hoopaddon.command import Command
from hoopaddon.session import Session


class Output:
    """A run of text on its way to the client; assign `text` to change it.

    `kind` says what it is: `error`, `notice` and `notification` for a database, `stdout`, `stderr` and `terminal` for
    programs, and for HTTP `header`, and for its bodies `body`, `json`, `csv`, `form` and `binary`. `command` is the
    one that caused it, where that is known.

    What streams comes in several runs. Those of one body, or of one document in it, share `vars`, where a policy
    keeps under a key of its own what it has to remember from one run to the next; `offset` is how many characters
    of it came before this run.
    """

    __slots__ = ("_text", "command", "kind", "offset", "read_only", "session", "vars")

    def __init__(
        self,
        session: Session,
        kind: str,
        text: str,
        command: Command | None = None,
        *,
        vars: dict[str, Any] | None = None,
        offset: int = 0,
    ) -> None:
        self.session = session
        self.kind = kind
        self.command = command
        self.read_only = False
        self.vars = {} if vars is None else vars
        self.offset = offset
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
