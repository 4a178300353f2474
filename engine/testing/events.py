"""Sessions, commands and rows out of thin air, with defaults for what a test does not care about."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hoopaddon.adapter import adapters
from hoopaddon.command import Command
from hoopaddon.errors import ConfigError
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session, Target, User

DEFAULT_USER = "alice"
DEFAULT_PROTOCOL = "postgres"
DEFAULT_ADDRESS = "127.0.0.1:5432"


def session(
    user: str | User = DEFAULT_USER,
    groups: Iterable[str] = (),
    *,
    protocol: str = DEFAULT_PROTOCOL,
    target: str | Target = "test",
    labels: Mapping[str, str] | None = None,
    client_address: str = "127.0.0.1:50000",
    parameters: Mapping[str, str] | None = None,
) -> Session:
    """A session as it is after login. `labels` are the target's, `parameters` the client's (`database` …)."""
    if isinstance(user, str):
        user = User(user, frozenset([groups] if isinstance(groups, str) else groups))
    if isinstance(target, str):
        target = Target(target, protocol, DEFAULT_ADDRESS, MappingProxyType(dict(labels or {})))
    return Session(user, target, client_address, {"database": "test", **(parameters or {})})


def command(
    text: str,
    parameters: Sequence[Any] = (),
    *,
    protocol: str = DEFAULT_PROTOCOL,
    session: Session | None = None,
    **of_session: Any,
) -> Command:
    """A command as the adapter of `protocol` makes it from what a client sends, bound to `parameters`.

    The other arguments are those of `session`: `command("DROP TABLE t", user="bob", groups=["dev"])`.
    """
    if session is None:
        session = _session(protocol=protocol, **of_session)
    elif of_session:
        raise TypeError(f"{', '.join(of_session)}: belongs to the session that was given")
    installed = adapters()
    if protocol not in installed:
        known = ", ".join(sorted(installed)) or "none"
        raise ConfigError(f"there is no adapter for {protocol!r}", key="protocol", hint=f"installed: {known}")
    return installed[protocol].command(session, text, parameters)


# `command` has a parameter of that name.
_session = session


def rows(of: Command, columns: Sequence[str | Column], cells: Sequence[Sequence[object]]) -> Rows:
    """A batch of rows that `of` brought: a column is a name, `name:type` or a Column; a cell is text or None."""
    width = len(columns)
    for number, row in enumerate(cells):
        if len(row) != width:
            raise ValueError(f"row {number} has {len(row)} cells, and there are {width} columns")
    texts = [[None if cell is None else str(cell) for cell in row] for row in cells]
    described = [column(c) for c in columns]
    adapter = adapters().get(of.protocol)
    return adapter.rows(of, described, texts) if adapter else Rows(of, described, texts)


def column(spec: str | Column) -> Column:
    """The column that `name` or `name:type` says."""
    if isinstance(spec, Column):
        return spec
    name, _, kind = spec.partition(":")
    return Column(name.strip(), kind.strip() or "text")
