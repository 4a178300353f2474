"""SPDY/3.1, as much of it as moby/spdystream speaks: streams that clients open and name in their headers.

https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/. Control frames pass as they came, so that each
side's compression stays what the other expects; their headers are read beside that. The data of streams that
policies see is taken out of its frames and put into new ones. Nobody counts windows: spdystream does not.
"""

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hoopaddon.adapters.kubernetes.remote.wire import ERROR, STDERR, STDOUT, STREAMS, Middle
from hoopaddon.errors import PeerError, Side

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN = 0x01
_KNOWN = frozenset({SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE})
_VERSION = 3
_HEAD_BYTES = 8
FRAME_BYTES = 1 << 20
"""Larger frames nobody sends; the protocol would allow 16 MiB."""
MOST_HEADERS = 1 << 16
MOST_STREAMS = 4096
_DATA_BYTES = 32 * 1024

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age "
    "allow authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200~OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin "
)
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritat"
    "ive Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found5"
    "00 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct N"
    "ov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,applic"
    "ation/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf"
    "-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(
        struct.pack(">I", len(word)) + word.encode() for word in (entry.replace("~", " ") for entry in _WORDS.split())
    )
    + _TAIL.encode()
)
"""Section 2.6.10.1: words behind their lengths, and then what is common in values."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: `kind` is 0 for data, `raw` the whole of it."""

    kind: int
    stream: int
    flags: int
    payload: bytes
    raw: bytes


class FrameReader:
    """Cuts one side's bytes into frames, and reads the headers of streams."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._held = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def frames(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole with this data. Raises `PeerError`."""
        self._held += data
        while len(self._held) >= _HEAD_BYTES:
            length = int.from_bytes(self._held[5:8], "big")
            if length > FRAME_BYTES:
                raise PeerError(self._side, "sends too large a frame", limit=FRAME_BYTES)
            if len(self._held) < _HEAD_BYTES + length:
                return
            raw = bytes(self._held[: _HEAD_BYTES + length])
            del self._held[: _HEAD_BYTES + length]
            yield self._frame(raw)

    def _frame(self, raw: bytes) -> Frame:
        payload, flags = raw[_HEAD_BYTES:], raw[4]
        if not raw[0] & 0x80:
            return Frame(0, int.from_bytes(raw[:4], "big"), flags, payload, raw)
        version, kind = int.from_bytes(raw[:2], "big") & 0x7FFF, int.from_bytes(raw[2:4], "big")
        if version != _VERSION or kind not in _KNOWN:
            raise PeerError(self._side, "sends a frame that is none of SPDY/3.1")
        has_stream = kind not in (SETTINGS, PING, GOAWAY)
        if has_stream and len(payload) < 4:
            raise PeerError(self._side, "sends a frame that is too short")
        stream = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF if has_stream else 0
        return Frame(kind, stream, flags, payload, raw)

    def headers(self, frame: Frame) -> dict[str, str]:
        """The headers of a SYN_STREAM, SYN_REPLY or HEADERS; each has to be read, in its turn. Raises `PeerError`."""
        block = frame.payload[10 if frame.kind == SYN_STREAM else 4 :]
        try:
            plain = self._inflate.decompress(block, MOST_HEADERS)
            if self._inflate.unconsumed_tail:
                raise PeerError(self._side, "sends too large headers", limit=MOST_HEADERS)
            return _headers(plain)
        except (zlib.error, struct.error, UnicodeDecodeError, ValueError):
            raise PeerError(self._side, "sends headers that cannot be read") from None


def _headers(plain: bytes) -> dict[str, str]:
    (count,) = struct.unpack_from(">I", plain)
    found: dict[str, str] = {}
    at = 4
    for _ in range(count):
        pair: list[str] = []
        for _ in range(2):
            (length,) = struct.unpack_from(">I", plain, at)
            if at + 4 + length > len(plain):
                raise ValueError("a header goes beyond its frame")
            pair.append(plain[at + 4 : at + 4 + length].decode())
            at += 4 + length
        if pair[0].lower() in found:
            raise ValueError("a header stands there twice")
        found[pair[0].lower()] = pair[1]
    return found


def data_frame(stream: int, data: bytes, *, fin: bool = False) -> bytes:
    """A frame of data."""
    return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data


class SpdyStreams:
    """Both ends of a connection for exec or attach. `middle` is set before anything is fed."""

    middle: Middle

    def __init__(self, to_client: Callable[[bytes], None], to_target: Callable[[bytes], None]) -> None:
        self._write_to_client, self._write_to_target = to_client, to_target
        self._client, self._target = FrameReader("client"), FrameReader("server")
        self._names: dict[int, str] = {}
        self._ids: dict[str, int] = {}
        self._closed: set[tuple[str, int]] = set()
        self._last: list[bytes] = []
        self._is_over = False

    # -- what comes

    def client_data(self, data: bytes) -> None:
        """Bytes of the client's. Raises `PeerError`."""
        for frame in self._client.frames(data):
            if frame.kind == 0:
                name = self._name("client", frame.stream)
                if frame.payload:
                    self.middle.client_said(name, frame.payload)
                if frame.flags & FIN:
                    self.middle.client_closed(name)
                continue
            if frame.kind in (SYN_STREAM, SYN_REPLY, HEADERS):
                self._opened(frame)
            self._write_to_target(frame.raw)

    def _opened(self, frame: Frame) -> None:
        headers = self._client.headers(frame)
        if frame.kind != SYN_STREAM:
            return
        name = headers.get("streamtype", "")
        if name not in STREAMS or name in self._ids or frame.stream in self._names or frame.flags & FIN:
            raise PeerError("client", "opens a stream that there is not, or twice")
        self._names[frame.stream], self._ids[name] = name, frame.stream

    def target_data(self, data: bytes) -> None:
        """Bytes of the target's. Raises `PeerError`."""
        for frame in self._target.frames(data):
            if frame.kind == 0:
                name = self._name("server", frame.stream)
                if frame.payload:
                    self.middle.target_said(name, frame.payload)
                if frame.flags & FIN:
                    self.middle.target_closed(name)
            elif frame.kind == SYN_STREAM:
                raise PeerError("server", "opens a stream, which is the client's to do")
            elif frame.kind in (RST_STREAM, GOAWAY) or self._last:
                # What ends streams may not come before what was said on them, which may wait for a policy.
                self._last.append(frame.raw)
                if frame.kind == GOAWAY:
                    self.target_gone()
            else:
                self._write_to_client(frame.raw)

    def target_gone(self) -> None:
        """The target says nothing more."""
        if not self._is_over:
            self._is_over = True
            self.middle.ended()

    def _name(self, side: Side, stream: int) -> str:
        name = self._names.get(stream)
        if name is None:
            raise PeerError(side, "sends data on a stream that is not open")
        return name

    # -- what leaves (`Ends`)

    def to_target(self, stream: str, data: bytes) -> None:
        """See `Ends`."""
        self._send(self._write_to_target, stream, data)

    def close_to_target(self, stream: str) -> None:
        """See `Ends`."""
        self._close(self._write_to_target, "client", stream)

    def to_client(self, stream: str, data: bytes) -> None:
        """See `Ends`."""
        self._send(self._write_to_client, stream, data)

    def close_to_client(self, stream: str) -> None:
        """See `Ends`."""
        self._close(self._write_to_client, "server", stream)

    def over(self) -> None:
        """See `Ends`."""
        for raw in self._last:
            self._write_to_client(raw)
        self._last.clear()

    def refuse(self, reason: str) -> None:
        """Tell the client why, where errors are told, and that nothing follows."""
        if ERROR in self._ids:
            said = {"metadata": {}, "status": "Failure", "message": reason, "reason": "Forbidden", "code": 403}
            self.to_client(ERROR, json.dumps(said).encode())
            for name in (ERROR, STDOUT, STDERR):
                self.close_to_client(name)

    def _send(self, write: Callable[[bytes], None], stream: str, data: bytes) -> None:
        for start in range(0, len(data), _DATA_BYTES):
            write(data_frame(self._ids[stream], data[start : start + _DATA_BYTES]))

    def _close(self, write: Callable[[bytes], None], side: str, stream: str) -> None:
        if stream in self._ids and (side, self._ids[stream]) not in self._closed:
            self._closed.add((side, self._ids[stream]))
            write(data_frame(self._ids[stream], b"", fin=True))
