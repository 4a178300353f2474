"""A request and its answer, whatever version of HTTP carried them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

type HeaderLines = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a client's verified certificate says of it."""

    name: str
    organisations: tuple[str, ...]


@dataclass(slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    target: str
    headers: HeaderLines
    body: bytes = b""
    version: str = "HTTP/1.1"
    certificate: Certificate | None = None
    client: str = ""

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query's parameters, those without a value too."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]

    def header(self, name: str, default: str = "") -> str:
        """The first value of a header."""
        return next(iter(self.all(name)), default)

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set, as Go's server reads one."""
        return name in self.query and self.parameter(name) not in ("false", "0")


@dataclass(slots=True)
class Response:
    """An answer; `body` may be a stream."""

    status: int = 200
    headers: HeaderLines = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


class Pipe:
    """The raw bytes of a connection that has left HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, already: bytes = b"") -> None:
        self._reader, self._writer, self._already = reader, writer, already

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        if self._already:
            data, self._already = self._already, b""
            return data
        with suppress(ConnectionError):
            return await self._reader.read(65536)
        return b""

    async def write(self, data: bytes) -> None:
        """Send, at the pace of the peer."""
        self._writer.write(data)
        await self._writer.drain()


@dataclass(slots=True)
class Upgrade:
    """An answer of 101: from here the connection is `run`'s."""

    headers: Sequence[tuple[str, str]]
    run: Callable[[Pipe], Awaitable[None]]


type Answer = Response | Upgrade
type Handler = Callable[[Request], Awaitable[Answer]]
