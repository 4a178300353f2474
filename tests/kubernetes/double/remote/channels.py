"""Where a process's input and output go, whatever carries them."""

import json
from typing import Any, Protocol

type Json = dict[str, Any]

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)


class Channels(Protocol):
    """A session's streams, on a WebSocket or on SPDY."""

    async def stdin(self) -> bytes:
        """Some of what the client types; none at the end."""

    async def size(self) -> tuple[int, int] | None:
        """The terminal's next size, in columns and rows; None when there will be no more."""

    async def write(self, channel: int, data: bytes) -> None:
        """Send output."""

    async def finish(self, status: Json) -> None:
        """Say how it ended, and end."""

    async def gone(self) -> None:
        """Return when the client has gone away."""


def ended(code: int) -> Json:
    """How a process ended, as a Status."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def not_run(command: list[str], error: OSError) -> Json:
    """Why there was no process, as a Status."""
    why = (
        f'exec: "{command[0]}": executable file not found in $PATH' if isinstance(error, FileNotFoundError) else error
    )
    what = "error executing command in container"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {what}: failed to exec in container: {why}",
        "reason": "InternalError",
        "details": {"causes": [{"message": f"{what}: {why}"}]},
        "code": 500,
    }


def terminal_size(data: bytes) -> tuple[int, int] | None:
    """A message of the resize channel."""
    try:
        said = json.loads(data)
        return int(said["Width"]), int(said["Height"])
    except (ValueError, KeyError, TypeError):
        return None
