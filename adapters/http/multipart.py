"""Multipart bodies (RFC 2046 section 5.1, RFC 7578): what all parsers split in the same way, and nothing else."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from hoopaddon.adapters.http.media import MediaType, read_media_type
from hoopaddon.errors import Unparsable

MOST_PARTS = 1_000
MOST_LEVELS = 3
MOST_HEAD_BYTES = 16 * 1024

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\x00]*)")
_DISPOSITION = re.compile(r"[ \t]*([A-Za-z-]+)[ \t]*(?=;|$)")
_PARAMETER = re.compile(r"""[ \t]*;[ \t]*(?:([A-Za-z0-9_*-]+)=(?:"((?:[^"\\]|\\.)*+)"|([^\s";,]+)))?[ \t]*""")
_EXTENDED = re.compile(r"([A-Za-z0-9-]*)'[A-Za-z0-9-]*'(.*)")
_PLAIN_CODINGS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `value` is what its bytes say."""

    name: str
    filename: str
    media_type: str
    content: bytes
    value: Any = None


type ReadPart = Callable[[bytes, MediaType, int], Any]
"""What the bytes of a part say, of this media type and in so many multiparts."""


def parts(data: bytes, media: MediaType, read: ReadPart, level: int = 0) -> tuple[Part, ...]:
    """The parts of a body. Raises `Unparsable` for one that two parsers might split differently."""
    if level >= MOST_LEVELS:
        raise Unparsable("a multipart body that nests too deep")
    boundary = media.parameters.get("boundary", "")
    if "boundary*" in media.parameters or not _BOUNDARY.fullmatch(boundary):
        raise Unparsable("a multipart body without a boundary that can be read")
    # RFC 7578 section 4.7: forms have no transfer encodings, and some parsers of forms know none.
    is_form = media.name == "multipart/form-data"
    return tuple(_part(piece, read, level, is_form) for piece in _split(data, boundary.encode()))


def _split(data: bytes, boundary: bytes) -> list[bytes]:
    delimiter = b"--" + boundary
    # Some parsers take a bare line feed for an end of line, or find the boundary anywhere.
    pieces = (b"\r\n" + data).split(b"\r\n" + delimiter)
    if len(pieces) - 1 > MOST_PARTS:
        raise Unparsable(f"a multipart body of more than {MOST_PARTS} parts")
    # Some clients begin with an empty line.
    if data.count(delimiter) != len(pieces) - 1 or pieces[0] not in (b"", b"\r\n") or len(pieces) < 2:
        raise Unparsable("a multipart body that two parsers may split differently")
    last = pieces.pop()
    if not last.startswith(b"--") or last[2:].strip(b" \t\r\n"):
        raise Unparsable("a multipart body that does not end with its boundary")
    found = []
    for piece in pieces[1:]:
        if not piece.startswith(b"\r\n"):
            raise Unparsable("a multipart body that two parsers may split differently")
        found.append(piece[2:])
    return found


def _part(piece: bytes, read: ReadPart, level: int, is_form: bool) -> Part:
    if piece.startswith(b"\r\n"):
        fields: dict[str, str] = {}
        content = piece[2:]
    else:
        # RFC 2046's grammar allows a part that is its header alone: then the delimiter brings the blank line's end.
        whole = piece + b"\r\n" if piece.endswith(b"\r\n") and b"\r\n\r\n" not in piece else piece
        head, separator, content = whole.partition(b"\r\n\r\n")
        if not separator or len(head) > MOST_HEAD_BYTES:
            raise Unparsable("a part of a multipart body without an end of its header")
        fields = _fields(head)
    coding = fields.get("content-transfer-encoding", "").strip().lower()
    if coding == "base64" and not is_form:
        content = _from_base64(content)
    elif coding not in _PLAIN_CODINGS:
        raise Unparsable("a part of a multipart body in a transfer encoding")
    if "content-encoding" in fields:
        raise Unparsable("a part of a multipart body in a content coding")
    name, filename = _names(fields.get("content-disposition", ""))
    media = read_media_type(fields.get("content-type", ""))
    if name == "_charset_" and content.strip().lower() not in (b"utf-8", b""):
        raise Unparsable("a form that says its charset in a field")
    value = read(content, media, level + 1)
    if value is None and not filename and not media.name:
        # A field of a form is text to every server, whatever bytes it has.
        value = content.decode("utf-8", "replace")
    return Part(name, filename, media.name, content, value)


def _from_base64(content: bytes) -> bytes:
    try:
        return base64.b64decode(content.translate(None, b"\r\n\t "), validate=True)
    except binascii.Error:
        raise Unparsable("a part of a multipart body that is not the base64 that it claims to be") from None


def _fields(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        field = _HEADER.fullmatch(line)
        if field is None:
            raise Unparsable("a part of a multipart body with a header that cannot be read")
        name = field[1].decode().lower()
        if name in found:
            raise Unparsable("a part of a multipart body with a header twice")
        try:
            found[name] = field[2].decode()
        except UnicodeDecodeError:
            raise Unparsable("a part of a multipart body with a header that is not UTF-8") from None
    return found


def _names(disposition: str) -> tuple[str, str]:
    if not disposition:
        return "", ""
    kind = _DISPOSITION.match(disposition)
    parameters: dict[str, str] = {}
    at = kind.end() if kind else 0
    while kind is not None and at < len(disposition):
        found = _PARAMETER.match(disposition, at)
        if found is None:
            kind = None
            break
        at = found.end()
        key, quoted, token = found.groups()
        if key is None:
            continue
        if key.lower() in parameters:
            raise Unparsable("a part of a multipart body with a parameter twice")
        parameters[key.lower()] = _unquoted(quoted) if quoted is not None else token
    if kind is None:
        raise Unparsable("a part of a multipart body with a disposition that cannot be read")
    if "name*" in parameters or any("*" in key and key != "filename*" for key in parameters):
        raise Unparsable("a part of a multipart body with a name that parsers put together differently")
    return parameters.get("name", ""), _filename(parameters)


def _filename(parameters: dict[str, str]) -> str:
    plain = parameters.get("filename", "")
    extended = parameters.get("filename*")
    if extended is None:
        return plain
    found = _EXTENDED.fullmatch(extended)
    if found is None or found[1].lower() not in ("utf-8", "iso-8859-1"):
        raise Unparsable("a part of a multipart body with a file name that cannot be read")
    try:
        name = unquote_to_bytes(found[2]).decode(found[1])
    except UnicodeDecodeError:
        raise Unparsable("a part of a multipart body with a file name that cannot be read") from None
    # RFC 6266 gives an ASCII stand-in beside the true name; another name of another kind is a trick.
    if plain and (name.rpartition(".")[2] != plain.rpartition(".")[2] or "/" in name or "\\" in name):
        raise Unparsable("a part of a multipart body with two file names")
    return name


def _unquoted(text: str) -> str:
    """As HTML's forms write it (`%22`), and as RFC 822 does (a backslash); IE's paths keep theirs."""
    return text.replace('\\"', '"').replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
