"""What batches of rows need around them."""

from collections.abc import Iterator
from contextlib import contextmanager

from hoopaddon import Command, Session, Target, User
from hoopaddon.errors import PeerError


def command(text: str = "SELECT 1") -> Command:
    """A command of nobody's, on no server."""
    return Command(Session(User("ada"), Target("db", "postgres", "127.0.0.1:5432")), text)


@contextmanager
def only_the_server_to_blame() -> Iterator[None]:
    """What runs in it may raise `PeerError` for the server's bytes, and nothing else."""
    try:
        yield
    except PeerError as e:
        if e.side != "server":
            raise
