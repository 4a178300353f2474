"""The three families of error: the peer's, a policy's, and the operator's."""

from collections.abc import Sequence
from typing import Literal

type Side = Literal["client", "server"]


class HoopaddonError(Exception):
    """Anything hoopaddon raises on purpose."""


class PeerError(HoopaddonError):
    """A peer sent bytes that its protocol does not allow.

    `offset` counts from the first byte of the connection where it is known; `limit` is the bound that was
    exceeded, in bytes. The message never quotes the peer's bytes.
    """

    def __init__(self, side: Side, message: str, *, offset: int | None = None, limit: int | None = None) -> None:
        super().__init__(message)
        self.side = side
        self.message = message
        self.offset = offset
        self.limit = limit


class Refused(HoopaddonError):
    """A policy says no. The reason is shown to the client as it stands, so keep data out of it.

    >>> raise Refused("DROP needs a change ticket")

    `by` is the policy's name, filled in for what comes back: rows and output.
    """

    by = ""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(Refused):
    """An approver said no, or nobody answered in time."""


class Unparsable(Refused):
    """The command is not one that its adapter can read, so no policy can judge it.

    `code` and `position` (1-based, in characters) are the target's own way to say so; PostgreSQL's are an
    SQLSTATE and the cursor position of its error.
    """

    def __init__(self, reason: str, *, code: str = "", position: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.position = position


class ConfigError(HoopaddonError):
    """The operator asked for something that cannot be: where it says so, and what to write instead."""

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, key: str = "", hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.key = key
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        key = f"{self.key}: " if self.key else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"{place}{key}{self.message}{hint}"


def raise_all(problems: Sequence[ConfigError]) -> None:
    """Raises `ConfigError` if there are any: the only one itself, or one with the words of all."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError("\n".join(map(str, problems)))
