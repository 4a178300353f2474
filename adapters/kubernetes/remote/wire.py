"""The two ends of what is opened through the API, and what stands between them."""

from typing import Protocol

STDIN, STDOUT, STDERR, ERROR, RESIZE = "stdin", "stdout", "stderr", "error", "resize"
STREAMS = (STDIN, STDOUT, STDERR, ERROR, RESIZE)
"""By the numbers of their channels (apimachinery, pkg/util/remotecommand/constants.go)."""


class Ends(Protocol):
    """How streams leave, whatever the bytes are that carry them."""

    def to_target(self, stream: str, data: bytes) -> None:
        """Send this on a stream of the client's."""

    def close_to_target(self, stream: str) -> None:
        """Nothing follows on it."""

    def to_client(self, stream: str, data: bytes) -> None:
        """Send this on a stream of the target's."""

    def close_to_client(self, stream: str) -> None:
        """Nothing follows on it."""

    def over(self) -> None:
        """Everything that the target has said has left."""


class Middle(Protocol):
    """What stands between: it is told what either side says, and says to `Ends` what leaves."""

    def client_said(self, stream: str, data: bytes) -> None: ...

    def client_closed(self, stream: str) -> None: ...

    def target_said(self, stream: str, data: bytes) -> None: ...

    def target_closed(self, stream: str) -> None: ...

    def ended(self) -> None:
        """The target says nothing more; `Ends.over` follows when all has left."""

    def abort(self) -> None:
        """The client is gone."""
