"""Multipart bodies (RFC 2046 section 5.1), each part by its own type."""

import base64
import binascii
import contextlib
import quopri
import re
from collections.abc import Callable, Iterator

from hoopaddon.errors import PeerError, Refused
from hoopaddon.web.body.charset import transcoding
from hoopaddon.web.body.lines import LineSplitter
from hoopaddon.web.body.media import Kind, MediaType, compressed_as, is_json, is_text, media_type
from hoopaddon.web.body.runs import Document, Run, Splitter

_MOST_HEAD_BYTES = 16384
_MOST_TRANSFER_BYTES = 1 << 20
_SNIFFED_BYTES = 64
_ENDS_HEAD = re.compile(rb"\r?\n(?=\r?\n)")
_FIELD = re.compile(
    rb"^(content-type|content-transfer-encoding|content-encoding)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)",
    re.IGNORECASE | re.MULTILINE,
)
_AS_IT_IS = frozenset({"", "7bit", "8bit", "binary"})

type Make = Callable[[MediaType, bytes], Splitter]
"""Makes the splitter of a part of this type that begins so."""


class MultipartSplitter:
    """Parts between boundaries; what stands around them is text."""

    def __init__(self, boundary: str, make: Make) -> None:
        border = rb"\r?\n--" + re.escape(boundary.encode("utf-8")) + rb"(--)?[ \t]*"
        self._border = re.compile(border + rb"(?=\r?\n)")
        self._last_border = re.compile(border + rb"(?=\r?\n|\Z)")
        self._border_bytes = len(boundary.encode("utf-8")) + 64
        self._make = make
        # A border begins with the end of a line, which the first one lacks.
        self._held = b"\r\n"
        self._not_sent = 2
        self._heads = Document("body")
        self._around = LineSplitter()
        self._part: _Part | None = None
        self._in_head = False

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        yield from self._parts(self._border)
        if not self._in_head:
            keep = self._held.rfind(b"\n", max(0, len(self._held) - self._border_bytes))
            keep = len(self._held) if keep < 0 else keep - (self._held[keep - 1 : keep] == b"\r")
            yield from self._content(self._take(keep))
        elif len(self._held) > _MOST_HEAD_BYTES:
            raise PeerError("server", "sends a part with too long a head", limit=_MOST_HEAD_BYTES)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        yield from self._parts(self._last_border)
        yield from self._content(self._take(len(self._held)))
        yield from self._ends_part()

    def _parts(self, border: re.Pattern[bytes]) -> Iterator[Run]:
        while True:
            if self._in_head:
                if (blank := _ENDS_HEAD.search(self._held)) is None:
                    return
                head = self._take(blank.end())
                yield Run(head, self._heads)
                self._part, self._in_head = _Part(head, self._make), False
            if (found := border.search(self._held)) is None:
                return
            yield from self._content(self._take(found.start()))
            yield from self._ends_part()
            yield Run(self._take(found.end() - found.start()))
            self._in_head = found[1] is None

    def _take(self, length: int) -> bytes:
        data = self._held[min(self._not_sent, length) : length]
        self._not_sent = max(0, self._not_sent - length)
        self._held = self._held[length:]
        return data

    def _content(self, data: bytes) -> Iterator[Run]:
        yield from (self._part or self._around).runs(data)

    def _ends_part(self) -> Iterator[Run]:
        yield from (self._part or self._around).rest()
        self._part = None


class _Part:
    """One part, from the line end behind its head on."""

    def __init__(self, head: bytes, make: Make) -> None:
        fields = {name.lower(): value.decode("latin-1").strip() for name, value in _FIELD.findall(head)}
        if fields.get(b"content-encoding", "identity").lower() != "identity":
            raise Refused("a part of the body is encoded in a way that cannot be looked into")
        self._media = media_type(fields.get(b"content-type", "text/plain"))
        self._transfer = fields.get(b"content-transfer-encoding", "").lower()
        self._make = make
        self._fresh = True
        self._start = b""
        self._splitter: Splitter | None = None

    def runs(self, data: bytes) -> Iterator[Run]:
        """What the part's own splitter makes of it, once enough is there to know which."""
        if self._fresh and data:
            self._fresh = False
            line_end = b"\r\n" if data.startswith(b"\r\n") else b"\n" if data.startswith(b"\n") else b""
            yield Run(line_end)
            data = data[len(line_end) :]
        if self._splitter is None:
            self._start += data
            if len(self._start) < _SNIFFED_BYTES:
                return
            self._splitter, data, self._start = self._made(self._start), self._start, b""
        yield from self._splitter.runs(data)

    def rest(self) -> Iterator[Run]:
        """The end of the part."""
        if self._splitter is None and self._start:
            self._splitter = self._made(self._start)
            yield from self._splitter.runs(self._start)
        if self._splitter is not None:
            yield from self._splitter.rest()

    def _made(self, start: bytes) -> Splitter:
        if self._transfer not in _AS_IT_IS:
            if self._transfer not in _TRANSFERS:
                raise Refused("a part of the body is encoded in a way that cannot be looked into")
            if self._media.kind is Kind.BINARY and not is_text(_decoded_start(start, self._transfer)):
                return self._make(self._media, b"\0")
            return TransferSplitter(self._transfer)
        if self._media.kind is not Kind.BINARY and (compressed_as(start) or transcoding(self._media.charset, start)):
            raise Refused("a part of the body is in a charset or coding that cannot be looked into")
        return self._make(self._media, start)


def _decoded_start(start: bytes, encoding: str) -> bytes:
    """As much as can be told of what is behind the first bytes."""
    if encoding != "base64":
        return start
    digits = b"".join(start.split())
    with contextlib.suppress(binascii.Error):
        return base64.b64decode(digits[: len(digits) // 4 * 4])
    return start


class TransferSplitter:
    """A part that is written in base64 or quoted-printable (RFC 2045 section 6), as a whole."""

    def __init__(self, encoding: str) -> None:
        self._decode, self._encode = _TRANSFERS[encoding]
        self._held = bytearray()

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        if len(self._held) > _MOST_TRANSFER_BYTES:
            raise PeerError("server", "sends a part that is too long", limit=_MOST_TRANSFER_BYTES)
        return iter(())

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        data = bytes(self._held)
        try:
            decoded = self._decode(data)
        except binascii.Error:
            raise PeerError("server", "sends a part that is not in its transfer encoding") from None
        text = decoded.decode("utf-8", "surrogateescape")
        document = Document("json" if is_json(decoded) else "body")
        yield Run(data, document, text, lambda changed: self._encode(changed.encode("utf-8", "surrogateescape")))


_TRANSFERS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "base64": (base64.b64decode, lambda data: base64.encodebytes(data).replace(b"\n", b"\r\n")),
    "quoted-printable": (quopri.decodestring, quopri.encodestring),
}
