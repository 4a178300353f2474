"""JSON in runs of whole tokens, cut without looking at most of them.

A run ends behind a comma or a closing bracket, so that a key is never apart from its value, or a number from its
digits. Where those are is told by the quotes before them: counted by the bytes' own methods, at their speed. That
holds for one document as for many, one after the other or in lines (NDJSON, RFC 7464's sequences).

A string that is too long to wait for is given in several, one after the other without a comma; its pieces are joined
again behind the policies.
"""

import re
from collections.abc import Iterator

import orjson

from hoopaddon.detect.prefilter import scanner
from hoopaddon.errors import PeerError
from hoopaddon.stream import long_line_cut
from hoopaddon.web.body.runs import HELD_BYTES, PIECE_BYTES, Document, Run, Unfit

_WHITE = b" \t\r\n\x1e"
_WHITE_RUN = re.compile(rb"[ \t\r\n\x1e]*+")
# So many quotes without anything between them that ends a value are no JSON.
_MOST_QUOTES = 4096
_WHOLE_ESCAPES = re.compile(
    rb"(?:[^\\]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\[^u])*+", re.DOTALL
)
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
# Twenty times as fast as `in`.
_ESCAPED_QUOTE = scanner([(rb'\\"', False)])
_MEMBER = {b"{": b'"":0', b"[": b"0"}


class JsonSplitter:
    """With `lines`, a run also ends where a line does, and what a line has left open is closed there."""

    def __init__(self, *, lines: bool = False) -> None:
        self._document = Document("json")
        self._lines = lines
        self._held = bytearray()
        self._border = 0
        """Where in `_held` a run ends that is not given yet."""
        self._inner_border = 0
        """Where one could end in a line that is too long to wait for."""
        self._inside = self._escaped = False
        self._joins = False
        """What is held goes on with a string of which the beginning has left."""

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        for start in range(0, len(data), PIECE_BYTES):
            self._take(data[start : start + PIECE_BYTES] if len(data) > PIECE_BYTES else data)
            if self._border:
                yield self._run(self._border)
            while len(self._held) > HELD_BYTES:
                yield self._too_long()
            if self._held and not self._inside and not self._held.strip(_WHITE):
                yield self._run(len(self._held))

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held:
            yield self._run(len(self._held))

    def _take(self, data: bytes) -> None:
        before = len(self._held)
        self._held += data
        if self._lines and (line := data.rfind(b"\n") + 1):
            self._inside = self._escaped = False
            self._scan(data[line:])
            self._border = before + line
        elif cut := self._scan(data):
            if self._lines:
                self._inner_border = before + cut
            else:
                self._border = before + cut

    def _scan(self, data: bytes) -> int:
        """Where the last value ends in this data; 0 where none does. Goes on where the last scan stopped."""
        plain = data
        if self._escaped and data:
            plain = b"_" + plain[1:]
            self._escaped = False
        if b"\\" in plain and _ESCAPED_QUOTE.hit(plain):
            # Pairs first, so that what is left of backslashes escapes what follows.
            plain = plain.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        if plain.endswith(b"\\"):
            self._escaped = bool((len(plain) - len(plain.rstrip(b"\\"))) & 1)
        inside = self._inside ^ bool(plain.count(b'"') & 1)
        self._inside = inside
        end = len(plain)
        for _ in range(_MOST_QUOTES):
            quote = plain.rfind(b'"', 0, end)
            if not inside:
                first = quote + 1
                cut = max(plain.rfind(b",", first, end), plain.rfind(b"}", first, end), plain.rfind(b"]", first, end))
                if cut >= 0:
                    return _WHITE_RUN.match(plain, cut + 1).end()  # type: ignore[union-attr]
            if quote < 0:
                break
            end, inside = quote, not inside
        return 0

    def _run(self, length: int) -> Run:
        data = bytes(self._held[:length])
        del self._held[:length]
        self._border = self._inner_border = 0
        if self._joins:
            self._joins = False
            return _piece(data, self._document, opened=True)
        return document_run(data, self._document)

    def _too_long(self) -> Run:
        if self._inner_border:
            return self._run(self._inner_border)
        if not self._inside:
            raise PeerError("server", "sends something that is no JSON, or too long", limit=HELD_BYTES)
        cut = string_cut(bytes(self._held))
        data = bytes(self._held[:cut])
        del self._held[:cut]
        opened, self._joins = self._joins, True
        return _piece(data, self._document, opened=opened, closed=True)


def string_cut(data: bytes) -> int:
    """Where to cut a string that goes on behind the data: between characters, and where a value hardly goes on."""
    cut = long_line_cut(data, 0)
    whole = _WHOLE_ESCAPES.match(data, 0, cut)
    return whole.end() if whole and whole.end() else cut


def document_run(data: bytes, document: Document) -> Run:
    """A run of whole tokens."""

    def rebuild(text: str) -> bytes:
        changed = text.encode("utf-8", "surrogateescape")
        if not fits(data, changed):
            raise Unfit("it is no JSON in its place")
        return changed

    return Run(data, document, None, rebuild)


def _piece(data: bytes, document: Document, *, opened: bool = False, closed: bool = False) -> Run:
    """A run that begins or ends inside of a string: policies see it with the quotes that it lacks."""
    seen = b'"' * opened + data + b'"' * closed

    def rebuild(text: str) -> bytes:
        changed = text.encode("utf-8", "surrogateescape")
        if not (changed.startswith(b'"' * opened) and changed.endswith(b'"' * closed) and fits(seen, changed)):
            raise Unfit("it is no string in its place")
        return changed[opened : len(changed) - closed]

    return Run(data, document, seen.decode("utf-8", "surrogateescape"), rebuild)


# -- what a policy made of a run


def fits(data: bytes, changed: bytes) -> bool:
    """Whether what a run was changed to is JSON in its place. Of a run that was none itself nobody can tell."""
    around = _surroundings(data)
    return around is None or _parses(around, changed)


type _Around = tuple[bytes, bytes]


def _surroundings(data: bytes) -> _Around | None:
    """What has to stand before and after these tokens so that they are a document."""
    closed, opened = _loose_brackets(data)
    stripped = data.strip(_WHITE)
    for outer in (b"", b"{", b"["):
        before, after = _opening(outer + closed), _closing(outer + opened)
        if stripped.startswith(b",") and before:
            before += _MEMBER[before[-1:]]
        if stripped.endswith(b",") and (innermost := (outer + opened)[-1:]):
            after = _MEMBER[innermost] + after
        if _parses((before, after), data):
            return before, after
    return None


def _loose_brackets(data: bytes) -> tuple[bytes, bytes]:
    """The brackets that these tokens close without having opened them, and those that they leave open."""
    opened, closed = bytearray(), bytearray()
    for bracket in _STRINGS.sub(b"", data).translate(None, _NOT_BRACKETS):
        if bracket in b"{[":
            opened.append(bracket)
        elif opened:
            opened.pop()
        else:
            closed.append(bracket - 2)
    closed.reverse()
    return bytes(closed), bytes(opened)


def _opening(brackets: bytes) -> bytes:
    return brackets.replace(b"{", b'{"":').removesuffix(b'"":')


def _closing(brackets: bytes) -> bytes:
    return bytes(bracket + 2 for bracket in reversed(brackets))


def _parses(around: _Around, data: bytes) -> bool:
    before, after = around
    try:
        orjson.loads(b"".join((before, data, after)))
    except orjson.JSONDecodeError:
        return False
    return True
