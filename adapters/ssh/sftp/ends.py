"""What a guard of files stands between: a client, a target, and those who want to know."""

from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.errors import HoopaddonError


def _nothing(_: object = None) -> None:
    """For a callback that nobody needs."""


@dataclass(frozen=True, slots=True)
class Ends:
    """`to_target` and `to_client` send bytes on; see each of the others."""

    to_target: Callable[[bytes], None]
    to_client: Callable[[bytes], None]
    hold_client: Callable[[bool], None] = _nothing
    """Asks for no more, until it is called with False."""
    target_eof: Callable[[], None] = _nothing
    """No more will come for the target."""
    tell: Callable[[str], None] = _nothing
    """A line for the person at the client: most clients show no reasons."""
    fail: Callable[[HoopaddonError], None] = _nothing
    """Called once, when nothing further may pass in either direction; the guard is closed then."""
