"""Sessions, commands and rows out of thin air, with defaults for what a test does not care about."""

import json as _json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from hoopaddon.adapter import Adapter, MachineAdapter, adapters
from hoopaddon.command import Command
from hoopaddon.commands import FileOperation, Forward, ShellCommand
from hoopaddon.errors import ConfigError
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session, Target, User
from hoopaddon.web.commands import HttpCommand
from hoopaddon.web.request import Headers, WebRequest

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
    found = _adapter(protocol)
    return found.command(_of(session, protocol, of_session), text, parameters)


def shell_command(
    text: str,
    *,
    typed: bool = False,
    unsure: bool = False,
    protocol: str = "ssh",
    session: Session | None = None,
    **of_session: Any,
) -> ShellCommand:
    """A command line that a client sends to be run or, where it is `typed`, a line that is submitted at a terminal.

    `unsure` is a typed line of which only a part is known. The other arguments are those of `session`.
    """
    who = _of(session, protocol, of_session)
    if typed or unsure:
        return _machine(protocol).typed_line(who, text, unsure=unsure)
    found = _adapter(protocol).command(who, text)
    if not isinstance(found, ShellCommand):
        raise ConfigError(f"{protocol} has no command lines", key="protocol")
    return found


def file_operation(
    verbs: str | Iterable[str],
    path: str,
    new_path: str = "",
    *,
    protocol: str = "ssh",
    session: Session | None = None,
    **of_session: Any,
) -> FileOperation:
    """What a client does to a file: `read`, `write`, `create`, `remove`, `rename` … or several of these.

    `new_path` is the second path of a rename, a link or a copy. The other arguments are those of `session`.
    """
    listed = [verbs] if isinstance(verbs, str) else sorted(verbs)
    return _machine(protocol).file_operation(_of(session, protocol, of_session), listed, path, new_path)


def http_request(
    line: str,
    body: bytes | str | None = "",
    *,
    headers: Mapping[str, str] | None = None,
    json: object = None,
    session: Session | None = None,
    **of_session: Any,
) -> HttpCommand:
    """A request to an HTTP service: `line` is `METHOD /PATH?QUERY`, as in `http_request("POST /v1/users", json={})`.

    `json` is a document that is sent as the body, with its media type; a body that is None streams, and is not seen.
    The other arguments are those of `session`.
    """
    _adapter("http")
    kind = cast(type[HttpCommand], Command.types["http_request"])
    fields = dict(headers or {})
    if json is not None:
        body = _json.dumps(json)
        fields.setdefault("content-type", "application/json")
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    content = body.encode() if isinstance(body, str) else body
    request = WebRequest(method, "https", "test", 443, path, query, Headers(tuple(fields.items())), content)
    return kind.of(_of(session, "http", of_session), request)


def forward(
    kind: str,
    host: str = "",
    port: int = 0,
    *,
    protocol: str = "ssh",
    session: Session | None = None,
    **of_session: Any,
) -> Forward:
    """A wish to open a way: `local` to a host and port, `remote` from where the target listens, or `agent`.

    The other arguments are those of `session`.
    """
    return _machine(protocol).forward(_of(session, protocol, of_session), kind, host, port)


def _of(given: Session | None, protocol: str, of_session: dict[str, Any]) -> Session:
    if given is None:
        return session(protocol=protocol, **of_session)
    if of_session:
        raise TypeError(f"{', '.join(of_session)}: belongs to the session that was given")
    return given


def _adapter(protocol: str) -> Adapter:
    installed = adapters()
    if protocol not in installed:
        known = ", ".join(sorted(installed)) or "none"
        raise ConfigError(f"there is no adapter for {protocol!r}", key="protocol", hint=f"installed: {known}")
    return installed[protocol]


def _machine(protocol: str) -> MachineAdapter:
    found = _adapter(protocol)
    if not isinstance(found, MachineAdapter):
        raise ConfigError(f"{protocol} has no files, forwards or terminals", key="protocol")
    return found


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
