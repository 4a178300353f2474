"""The optional base class of a policy: typed hooks, and a misspelt one is an error at import."""

import difflib
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, ClassVar

from hoopaddon.hooks import LIFECYCLE, specs

if TYPE_CHECKING:
    from hoopaddon.command import Command
    from hoopaddon.loader import Loader
    from hoopaddon.output import Output
    from hoopaddon.rows import Rows
    from hoopaddon.session import Session

type Done = Awaitable[object] | None
"""What a hook returns, `async` or not."""

# One letter off a hook is a mistake; a helper method that merely shares a word is not.
_RESEMBLANCE = 0.8


def misspelt_hooks(names: list[str]) -> dict[str, str]:
    """The names that are no hooks but look like one, each with the hook it looks like."""
    hooks = [*specs(), *LIFECYCLE]
    found = {}
    for name in names:
        if name in hooks or name.startswith("_"):
            continue
        if close := difflib.get_close_matches(name, hooks, n=1, cutoff=_RESEMBLANCE):
            found[name] = close[0]
    return found


class Addon:
    """Base class for a policy; a plain class with the same methods works as well.

    An `observer` sees what the client will see: its hooks run after those of all other addons, on the final
    text and the edited rows, and what it edits is discarded. It can still raise: then nothing passes.
    """

    observer: ClassVar[bool] = False

    if TYPE_CHECKING:
        # What a type checker holds a policy's hooks to. At run time a policy has the hooks that it defines.
        def load(self, loader: Loader, /) -> None: ...
        def configure(self, updated: set[str], /) -> None: ...
        def running(self) -> Done: ...
        def done(self) -> Done: ...
        def session_start(self, session: Session, /) -> Done: ...
        def session_end(self, session: Session, /) -> Done: ...
        def command(self, command: Command, /) -> Done: ...
        def command_end(self, command: Command, /) -> Done: ...
        def rows(self, rows: Rows, /) -> Done: ...
        def output(self, output: Output, /) -> Done: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = [name for name, value in vars(cls).items() if callable(value)]
        for name, hook in misspelt_hooks(methods).items():
            raise TypeError(f"{cls.__name__}.{name} is not a hook; did you mean {hook}?")
