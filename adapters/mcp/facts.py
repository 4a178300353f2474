"""What a request names: paths, URIs and hosts, wherever in its arguments."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from hoopaddon.errors import Unparsable

MAX_OBJECTS = 10_000
MAX_OBJECT_CHARS = 4096
"""A longer one is kept by where it leads alone."""
_LOOKED_THROUGH = 65_536
"""Characters of a text that are searched for URIs."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:(?://)?[^\s]+")
_WITHIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s\"'<>`]+")
_PATH = re.compile(r"(?:/|~[A-Za-z0-9_.-]*/|\.{1,2}(?:[/\\]|\Z)|[A-Za-z]:[\\/]|\\\\)[^\n\0]*|~")
_NAMED = re.compile(
    r"(?i)(?:.*[_.-])?(?:path|paths|file|files|filename|filepath|dir|directory|folder|root|cwd|source|destination|src"
    r"|dst|dest|target|uri|url|href|link|host|hostname|endpoint|address|bucket|table|repo|repository)|.*(?:Path|Uri|Url|File|Dir)s?"
)


def objects_of(value: Mapping[str, Any]) -> frozenset[str]:
    """Paths, URIs and hosts in a JSON value; of a path also where it leads once `..` is followed.

    A text that stands under a name such as `path`, `file` or `host` is one whatever it looks like.
    Raises `Unparsable` for more of them than anybody would judge.
    """
    found: set[str] = set()
    for name, text in _texts(value):
        found.update(thing for thing in _things(name, text) if thing)
        if len(found) > MAX_OBJECTS:
            raise Unparsable(f"it names more than {MAX_OBJECTS} things")
    return frozenset(found)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text with the name that it stands under."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        name, node = waiting.pop()
        if isinstance(node, str):
            if node:
                yield name, node
        elif isinstance(node, Mapping):
            waiting.extend((str(key), child) for key, child in node.items())
            # A map from paths to something names them too.
            waiting.extend(("", key) for key in node if isinstance(key, str) and ("/" in key or "\\" in key))
        elif isinstance(node, list | tuple):
            waiting.extend((name, child) for child in node)


def _things(name: str, text: str) -> Iterator[str]:
    text = text.strip()
    if _PATH.fullmatch(text):
        yield from path_forms(text)
    elif _URI.fullmatch(text):
        yield from uri_forms(text)
    elif _NAMED.fullmatch(name) and "\n" not in text:
        yield from path_forms(unquote(text))
        yield text
    elif "://" in text:
        for uri in _WITHIN.findall(text[:_LOOKED_THROUGH]):
            yield from uri_forms(uri)


def path_forms(path: str) -> Iterator[str]:
    """A path as written, with slashes, and without `..`."""
    slashed = path.replace("\\", "/")
    if len(path) <= MAX_OBJECT_CHARS:
        yield path
        if slashed != path:
            yield slashed
    # normpath keeps two slashes at the start; where the path leads they are one.
    straight = posixpath.normpath(slashed)
    yield f"/{straight.lstrip('/')}" if straight.startswith("/") else straight


def uri_forms(uri: str) -> Iterator[str]:
    """A URI as written, its host, and of a file its path."""
    yield uri
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return
    if parts.scheme.lower() == "file" or not parts.netloc:
        path = unquote(parts.path)
        if path.startswith("/") or parts.scheme.lower() == "file":
            yield from path_forms(path)
    if host:
        yield host
