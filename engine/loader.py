"""What a policy's `load(loader)` receives."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Loader(Protocol):
    """Where a policy announces its options; mitmproxy's loader, as far as a policy uses it.

    >>> def load(loader: Loader) -> None:
    ...     loader.add_option("row_limit", int, 1000, "Tell the client when a result has more rows than this.")

    The value is then `ctx.options.row_limit`, for `--set row_limit=50` and for the configuration file.
    """

    def add_option(
        self, name: str, typespec: type, default: Any, help: str, choices: Sequence[str] | None = None
    ) -> None:
        """Announce an option: `typespec` is bool, int, str, an optional of one, or `Sequence[str]`."""
        ...

    def add_command(self, path: str, func: Callable[..., Any]) -> None:
        """Announce a command of mitmproxy's kind."""
        ...
