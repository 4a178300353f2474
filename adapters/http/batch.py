"""Requests within a request: OData's and Google's `application/http` parts, and the batches of Graph and Facebook."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hoopaddon.adapters.http.multipart import Part
from hoopaddon.adapters.http.names import named
from hoopaddon.errors import Unparsable

_LINE = re.compile(rb"[ \t\r\n]*([A-Za-z]{2,16}) +([^ \r\n]+)(?: +HTTP/[0-9.]+)?[ \t]*(?:\r?\n|$)")
_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete", "options", "merge", "purge"})
_URLS = ("url", "relative_url", "relativeUrl", "uri", "path", "href")


@dataclass(frozen=True, slots=True)
class Inner:
    """A request within another; its method is in lower case."""

    method: str
    path: str
    content: bytes = b""


def inner_requests(values: Iterable[Any]) -> Iterator[Inner]:
    """Those that values of a body carry, at any depth."""
    for _, value in named(values):
        match value:
            case dict() if isinstance(value.get("method"), str) and value["method"].lower() in _METHODS:
                urls = (value.get(name) for name in _URLS)
                yield from (Inner(value["method"].lower(), _path(url)) for url in urls if isinstance(url, str))
            case Part() if value.media_type == "application/http":
                yield _inner(value)


def _inner(part: Part) -> Inner:
    line = _LINE.match(part.content)
    if line is None:
        raise Unparsable("a request within a multipart body that cannot be read")
    content = re.split(rb"\r?\n\r?\n", part.content[line.end() :], maxsplit=1)
    path = _path(line[2].decode("utf-8", "replace"))
    return Inner(line[1].decode().lower(), path, content[-1] if len(content) > 1 else b"")


def methods(values: Iterable[str]) -> frozenset[str]:
    """What the value of a header or a parameter that overrides the method may name."""
    return frozenset(found.lower() for value in values for found in re.findall(r"[A-Za-z]+", value[:200]))


def _path(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        raise Unparsable("a request within a body with an address that cannot be read") from None
    return path if path.startswith("/") else f"/{path}"
