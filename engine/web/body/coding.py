"""Content codings as streams (RFC 9110 section 8.4): decoded in small pieces, and coded again as it goes on.

A bomb is bounded by flat memory: however much a few bytes decode to, it comes in pieces, each of which is used up
before the next is made.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import brotli
import zstandard

from hoopaddon.errors import PeerError, Refused

PIECE_BYTES = 1 << 16
INPUT_BYTES = 1 << 13
"""So much is decoded at once: what is left of it is copied for each piece, and for each of its members."""
MOST_CODINGS = 3
"""More than so many, one around the other, nobody means."""
# zstandard decodes all it is given at once; a block of four bytes may be 128 KiB.
_ZSTD_INPUT_BYTES = 128
# RFC 9659: what a decoder of the coding has to support, and all that it needs to.
_ZSTD_WINDOW_BYTES = 1 << 23
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Decoder(Protocol):
    """Undoes one coding. Raises `PeerError` for what is not coded so."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What this data is, in pieces. To be used up before it is called again."""
        ...

    def finish(self) -> Iterator[bytes]:
        """Nothing follows."""
        ...


class Encoder(Protocol):
    """Does one coding."""

    def encode(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes:
        """What makes all that came before readable at the far end."""
        ...

    def finish(self) -> bytes: ...


def _broken(coding: str) -> PeerError:
    return PeerError("server", f"sends a body that is not coded as {coding}")


class _Deflated:
    """gzip, with all its members (RFC 1952), and deflate, with zlib's header or, as some send it, without."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate: zlib._Decompress | None = None
        self._start = b""
        self._fresh = True

    def decode(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        for start in range(0, len(data), INPUT_BYTES):
            yield from self._decoded(data[start : start + INPUT_BYTES])

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        data, self._start = self._start + data, b""
        while data:
            if self._inflate is None:
                if not self._fresh and not data.strip(b"\0"):
                    return
                if len(data) < 2:
                    self._start = data
                    return
                self._inflate = zlib.decompressobj(self._format(data))
                self._fresh = False
            inflate = self._inflate
            yield from self._inflated(inflate, data)
            data = inflate.unused_data
            if inflate.eof:
                self._inflate = None
                if data and self._coding != "gzip":
                    raise _broken(self._coding)

    def _inflated(self, inflate: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = inflate.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise _broken(self._coding) from None
            if piece:
                yield piece
            data = inflate.unconsumed_tail
            if inflate.eof or (not data and len(piece) < PIECE_BYTES):
                return

    def _format(self, data: bytes) -> int:
        if self._coding == "gzip":
            return _GZIP
        return _ZLIB if data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0 else _RAW

    def finish(self) -> Iterator[bytes]:
        """See `Decoder`."""
        if self._inflate is not None or (self._fresh and self._start):
            raise _broken(self._coding)
        return iter(())


class _Brotli:
    def __init__(self) -> None:
        self._decompress = brotli.Decompressor()
        self._fed = False

    def decode(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        self._fed = self._fed or bool(data)
        if self._decompress.is_finished() and data:
            raise _broken("br")
        while True:
            try:
                piece = self._decompress.process(data, output_buffer_limit=PIECE_BYTES)
            except brotli.error:
                raise _broken("br") from None
            if piece:
                yield piece
            data = b""
            if self._decompress.is_finished() or (self._decompress.can_accept_more_data() and not piece):
                return

    def finish(self) -> Iterator[bytes]:
        """See `Decoder`."""
        if self._fed and not self._decompress.is_finished():
            raise _broken("br")
        return iter(())


class _Zstd:
    """All frames, one after the other (RFC 8878)."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def decode(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        for start in range(0, len(data), _ZSTD_INPUT_BYTES):
            some = data[start : start + _ZSTD_INPUT_BYTES]
            while some:
                frame = self._frame = self._frame or self._context.decompressobj()
                try:
                    decoded = frame.decompress(some)
                except zstandard.ZstdError:
                    raise _broken("zstd") from None
                for first in range(0, len(decoded), PIECE_BYTES):
                    yield decoded[first : first + PIECE_BYTES]
                some = b""
                if frame.eof:
                    some, self._frame = frame.unused_data, None

    def finish(self) -> Iterator[bytes]:
        """See `Decoder`."""
        if self._frame is not None:
            raise _broken("zstd")
        return iter(())


class _Deflate:
    def __init__(self, format_bits: int) -> None:
        # Half the time of zlib's own default, for a tenth more bytes.
        self._deflate = zlib.compressobj(4, zlib.DEFLATED, format_bits)

    def encode(self, data: bytes) -> bytes:
        return self._deflate.compress(data)

    def flush(self) -> bytes:
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._deflate.flush(zlib.Z_FINISH)


class _BrotliEncoder:
    def __init__(self) -> None:
        self._compress: Any = brotli.Compressor(quality=3)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._compress.process(data))

    def flush(self) -> bytes:
        return bytes(self._compress.flush())

    def finish(self) -> bytes:
        return bytes(self._compress.finish())


class _ZstdEncoder:
    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=1).compressobj()

    def encode(self, data: bytes) -> bytes:
        return self._compress.compress(data)

    def flush(self) -> bytes:
        return self._compress.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._compress.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


type Coding = tuple[Callable[[], Decoder], Callable[[], Encoder]]

CODINGS: dict[str, Coding] = {
    "gzip": (lambda: _Deflated("gzip"), lambda: _Deflate(_GZIP)),
    "x-gzip": (lambda: _Deflated("gzip"), lambda: _Deflate(_GZIP)),
    "deflate": (lambda: _Deflated("deflate"), lambda: _Deflate(_ZLIB)),
    "br": (_Brotli, _BrotliEncoder),
    "zstd": (_Zstd, _ZstdEncoder),
}
"""By the name in `Content-Encoding`."""


def codings(value: str) -> list[Coding]:
    """The codings that a `Content-Encoding` names, in the order in which they were applied. Raises `Refused`."""
    names = [name for part in value.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if len(names) > MOST_CODINGS:
        raise Refused("the body is encoded too many times to be looked into")
    if any(name not in CODINGS for name in names):
        raise Refused("the body is encoded in a way that cannot be looked into")
    return [CODINGS[name] for name in names]
