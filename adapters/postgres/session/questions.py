"""What the gateway asks the server for itself, in the middle of a client's session and without its noticing."""

from collections.abc import Callable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.catalogue import Lookup
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Statement
from hoopaddon.errors import PeerError

SETTINGS = ("standard_conforming_strings", "client_encoding")


def refresh_catalogue(link: Link) -> bool:
    """Read a stale catalogue anew, where that cannot meet anything of the client's; whether it was asked."""
    if not link.catalogue.stale or link.status != b"I" or link.unsynced or link.owed:
        return False
    if not link.gateway.chain.policies:
        return False
    for lookup in link.catalogue.lookups():
        _ask(link, lookup)
    link.to_server.append(codec.SYNC)
    link.expect(Expected(Answer.SYNC, silent=True))
    return True


def hold_to_reading(link: Link) -> bool:
    """Turn read-only transactions on where a policy wants them and they are off; whether the server was asked.

    The server says at each ReadyForQuery what has become of the setting, whoever has changed it: RESET ALL, or a
    function that nobody can see into. Raises `PeerError` for one that does not do as it is told.
    """
    if not link.session.read_only or link.read_only or link.status == b"E" or link.unsynced or link.owed:
        return False
    if link.read_only_asked:
        raise PeerError("server", "a refusal to hold transactions to reading, which a policy asks for")
    link.read_only_asked = True
    if link.status == b"T":
        _ask(link, Lookup("SET TRANSACTION READ ONLY", _nothing))
    _ask(link, Lookup("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", _nothing))
    link.to_server.append(codec.SYNC)
    link.expect(Expected(Answer.SYNC, silent=True))
    return True


def _nothing(_rows: list[list[str]]) -> None:
    """A SET brings no rows."""


def ask_settings(link: Link) -> None:
    """In the middle of a pipeline, ask for what decides how the next text is read. SHOW takes no snapshot."""

    def learn(name: str) -> Callable[[list[list[str]]], None]:
        return lambda rows: link.parameter(name, rows[0][0]) if rows else None

    for name in SETTINGS:
        _ask(link, Lookup(f"SHOW {name}", learn(name)))
    link.settings_stale = False


def ask_types(link: Link, statement: Statement) -> None:
    """Binary values say nothing to a policy without their types: let the server say what it takes them for."""
    statement.typed = True
    expected = Expected(Answer.DESCRIBE, statement=statement, silent=True, undo=statement.forget_types)
    link.send(codec.describe(b"S", statement.name), expected)


def _ask(link: Link, lookup: Lookup) -> None:
    link.to_server.append(lookup.messages())
    for kind in (Answer.PARSE, Answer.BIND, Answer.EXECUTE, Answer.CLOSE, Answer.CLOSE):
        expected = Expected(kind, silent=True)
        expected.lookup = lookup if kind is Answer.EXECUTE else None
        link.expect(expected)
