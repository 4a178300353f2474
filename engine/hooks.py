"""The hooks a policy may have, and when each is called."""

from dataclasses import dataclass

from hoopaddon.command import Command


@dataclass(frozen=True, slots=True)
class HookSpec:
    """A hook's name, the name of what it receives, and its documentation in one sentence."""

    name: str
    receives: str
    doc: str


SESSION_START = HookSpec(
    "session_start",
    "session: Session",
    "After authentication; raising Refused ends the session with that reason.",
)
SESSION_END = HookSpec("session_end", "session: Session", "Once, after the client or the target has gone.")
COMMAND = HookSpec(
    "command",
    "command: Command",
    "Before any byte of the command reaches the target; raise Refused, rewrite, or await approve.",
)
ROWS = HookSpec("rows", "rows: Rows", "Before a batch of rows reaches the client; edit cells in place.")
OUTPUT = HookSpec("output", "output: Output", "Before text beside the rows reaches the client; assign its text.")
COMMAND_END = HookSpec(
    "command_end",
    "command: Command",
    "Exactly once for every command, refused or not, with its verdict, trace, counts, duration and error.",
)

_PUBLIC = (
    *(Command.__module__, "hoopaddon.commands"),
    *(f"hoopaddon.web.commands.{name}" for name in ("http", "kubernetes", "tools")),
)

LIFECYCLE = frozenset({"load", "configure", "running", "done"})
"""mitmproxy's own, with mitmproxy's meaning."""


def specs() -> dict[str, HookSpec]:
    """Every hook by name: the six that are common to all protocols, and one for each kind of command."""
    table = {s.name: s for s in (SESSION_START, SESSION_END, COMMAND, ROWS, OUTPUT, COMMAND_END)}
    for name, kind in Command.types.items():
        summary = (kind.__doc__ or "").strip().split("\n")[0]
        doc = f"As `command`, for {kind.protocol} alone: {summary}"
        table[name] = HookSpec(name, f"command: {public_kind(kind).__name__}", doc)
    return table


def public_kind(kind: type[Command]) -> type[Command]:
    """What a policy may call this kind of command: the nearest of its bases that is the engine's."""
    return next(base for base in kind.__mro__ if base.__module__ in _PUBLIC and issubclass(base, Command))
