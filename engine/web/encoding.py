"""Content codings of a request's body (RFC 9110 section 8.4), undone within a limit, or refused.

A request is judged as a whole, so this is no stream. What two decoders would take for two things is refused: bytes
after the end, a second member, data that is both of deflate's two forms.
"""

import re
import zlib

import brotli
import zstandard

from hoopaddon.errors import Unparsable

MOST_CODINGS = 3
"""More than so many, one around the other, nobody means."""
DECODED_BYTES = 32 * 1024 * 1024
"""The most that a body may be once its codings are undone."""

# RFC 9659: what a decoder of the coding has to support, and all that it needs to.
_ZSTD_WINDOW_BYTES = 1 << 23
# A block of four bytes may be 128 KiB, and zstandard decodes all that it is given.
_ZSTD_INPUT_BYTES = 128
_CHUNKED = "aws-chunked"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;chunk-signature=[0-9a-f]{1,512})?\r\n")
_TRAILERS = re.compile(rb"(?:x-amz-[a-z0-9-]{1,60}:[!-~ ]{0,600}\r\n)*(?:\r\n)?")
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def codings(field: str) -> tuple[str, ...]:
    """The codings that a Content-Encoding names, in the order in which they were applied, without `identity`."""
    named = (part.strip().lower().removeprefix("x-") for part in field.split(","))
    return tuple(name for name in named if name not in ("", "identity"))


def decoded(body: bytes, field: str, limit_bytes: int = DECODED_BYTES) -> bytes:
    """The body without the codings of its Content-Encoding. Raises `Unparsable`."""
    named = codings(field)
    if len(named) > MOST_CODINGS:
        raise Unparsable(f"a body with more than {MOST_CODINGS} content codings")
    if not body:
        return body
    if _CHUNKED in named:
        # S3's own, which is the outermost wherever it is named.
        body = _unchunked(body)
        named = tuple(name for name in named if name != _CHUNKED)
    for name in reversed(named):
        undo = _UNDO.get(name)
        if undo is None:
            raise Unparsable("a body in a content coding that is not read here: use gzip, deflate, br or zstd")
        body = undo(body, limit_bytes)
    return body


def _inflated(body: bytes, window: int, coding: str, limit_bytes: int) -> bytes:
    inflate = zlib.decompressobj(window)
    try:
        data = inflate.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise _broken(coding) from None
    if len(data) > limit_bytes:
        raise _too_large(limit_bytes)
    if not inflate.eof:
        raise _broken(coding)
    if inflate.unused_data:
        raise _trailing(coding)
    return data


def _gunzip(body: bytes, limit_bytes: int) -> bytes:
    return _inflated(body, _GZIP, "gzip", limit_bytes)


def _inflate(body: bytes, limit_bytes: int) -> bytes:
    """With zlib's header, as RFC 9110 section 8.4.1.2 has it, or without, as some send it."""
    found: list[bytes] = []
    problem: Unparsable | None = None
    for window in (_ZLIB, _RAW):
        try:
            found.append(_inflated(body, window, "deflate", limit_bytes))
        except Unparsable as e:
            problem = problem or e
    if not found and problem is not None:
        raise problem
    if found[0] != found[-1]:
        raise Unparsable("a body that is two different ones in the two forms of deflate")
    return found[0]


def _unbrotli(body: bytes, limit_bytes: int) -> bytes:
    decoder = brotli.Decompressor()
    try:
        data: bytes = decoder.process(body, output_buffer_limit=limit_bytes + 1)
        while not decoder.is_finished() and not decoder.can_accept_more_data() and len(data) <= limit_bytes:
            data += decoder.process(b"", output_buffer_limit=limit_bytes + 1)
    except brotli.error:
        raise _broken("br") from None
    if len(data) > limit_bytes:
        raise _too_large(limit_bytes)
    if not decoder.is_finished():
        raise _broken("br")
    return data


def _unzstd(body: bytes, limit_bytes: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
    data = bytearray()
    for start in range(0, len(body), _ZSTD_INPUT_BYTES):
        try:
            data += decoder.decompress(body[start : start + _ZSTD_INPUT_BYTES])
        except zstandard.ZstdError:
            raise _broken("zstd") from None
        if len(data) > limit_bytes:
            raise _too_large(limit_bytes)
        if decoder.eof:
            if decoder.unused_data or start + _ZSTD_INPUT_BYTES < len(body):
                raise _trailing("zstd")
            return bytes(data)
    raise _broken("zstd")


def _unchunked(body: bytes) -> bytes:
    """`aws-chunked` (Signature Version 4, multiple chunks): chunks as those of HTTP/1.1, each perhaps signed."""
    data = bytearray()
    at = 0
    while (head := _CHUNK.match(body, at)) is not None:
        size, at = int(head[1], 16), head.end()
        if not size:
            if _TRAILERS.fullmatch(body, at):
                return bytes(data)
            break
        data += body[at : at + size]
        at += size
        if body[at : at + 2] != b"\r\n":
            break
        at += 2
    raise _broken(_CHUNKED)


_UNDO = {"gzip": _gunzip, "deflate": _inflate, "br": _unbrotli, "zstd": _unzstd}


def _broken(coding: str) -> Unparsable:
    return Unparsable(f"a body that is not coded as {coding}, as its Content-Encoding says")


def _trailing(coding: str) -> Unparsable:
    return Unparsable(f"a body with more after the end of what is coded as {coding}")


def _too_large(limit_bytes: int) -> Unparsable:
    return Unparsable(f"a body of more than {limit_bytes} bytes once it is decoded")
