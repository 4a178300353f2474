"""gRPC's messages: frames of a flag, a length and a message (and grpc-web's, and Connect's)."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from hoopaddon.adapters.http.media import MediaType
from hoopaddon.adapters.http.protobuf import message
from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json
from hoopaddon.web.charset import text_of
from hoopaddon.web.encoding import decoded
from hoopaddon.web.request import Headers

_METHOD = re.compile(r"/([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)/([A-Za-z_][A-Za-z0-9_]*)")
_COMPRESSED, _TRAILERS, _END = 0x01, 0x80, 0x02
_HEAD_BYTES = 5


def method_of(path: str, family: str) -> tuple[str, str]:
    """The service and the method that a path names, both empty where it names none.

    Connect calls methods by ordinary POSTs, so what looks like one is one: `/package.Service/Method`.
    """
    found = _METHOD.fullmatch(path)
    if found is None:
        return "", ""
    service, method = found.groups()
    looks = "." in service and service.rpartition(".")[2][:1].isupper() and method[:1].isupper()
    return (service, method) if looks or family in ("grpc", "protobuf") else ("", "")


def messages(data: bytes, media: MediaType, headers: Headers) -> tuple[Any, ...]:
    """The messages of a body. Raises `Unparsable`."""
    if media.family == "protobuf":
        return (message(data),)
    if "-text" in media.name:
        data = _from_base64(data)
    read = _json if media.name.endswith("+json") else message
    coding = headers.get("grpc-encoding") or headers.get("connect-content-encoding")
    return tuple(read(content) for content in _frames(data, coding, connect="connect" in media.name))


def _frames(data: bytes, coding: str, *, connect: bool) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD_BYTES:
            raise _broken()
        flags = data[at]
        length = int.from_bytes(data[at + 1 : at + _HEAD_BYTES], "big")
        at += _HEAD_BYTES
        content = data[at : at + length]
        at += length
        if len(content) != length or flags & ~(_COMPRESSED | (_END if connect else _TRAILERS)):
            raise _broken()
        if flags & _COMPRESSED:
            if not coding or coding.strip().lower() == "identity":
                raise Unparsable("a gRPC message that is compressed, and nothing says how")
            content = decoded(content, coding)
        if not flags & _TRAILERS:
            yield content


def _from_base64(data: bytes) -> bytes:
    """grpc-web-text: base64, of which several that were padded may follow each other."""
    text = bytes(data).translate(None, b"\r\n")
    try:
        pieces = re.findall(rb"[A-Za-z0-9+/]+={0,2}", text)
        if b"".join(pieces) != text:
            raise _broken()
        return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except binascii.Error:
        raise _broken() from None


def _json(data: bytes) -> Any:
    return strict_json.loads(text_of(data))


def _broken() -> Unparsable:
    return Unparsable("a body that is not the gRPC that it claims to be")
