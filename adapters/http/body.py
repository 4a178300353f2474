"""What a body says: as its Content-Type has it, and as those read it who go by the body itself.

A server may ignore a Content-Type, so a wrong one hides nothing: what is JSON is read as JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoopaddon.adapters.http import grpc, multipart
from hoopaddon.adapters.http.graphql import is_graphql_path
from hoopaddon.adapters.http.media import MediaType
from hoopaddon.adapters.http.xml_text import fields_of
from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json
from hoopaddon.web.charset import text_of
from hoopaddon.web.query import multi, pairs
from hoopaddon.web.request import Headers

_LINES_PATH = re.compile(r"/(?:_bulk|_msearch(?:/template)?)/?$")
_FORM = re.compile(r"[A-Za-z0-9_.%*+~-][A-Za-z0-9_.\[\]%*+~$-]*=[!-~]*", re.DOTALL)
_STRICT = frozenset({"json", "lines", "form", "graphql", "xml"})
_XML_ENCODING = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSEEN_UTF16 = (b"{\x00", b"[\x00", b"\x00{", b"\x00[")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a body; `value` is what `HttpCommand.body` says of this kind."""

    kind: str
    value: Any = None
    fields: Mapping[str, tuple[str, ...]] | None = None
    """What it says by name where its value is text."""


NOTHING = (Reading(""),)


@dataclass(frozen=True, slots=True)
class Content:
    """A body without its content codings, and what came with it."""

    data: bytes
    media: MediaType
    headers: Headers
    path: str

    @property
    def charset(self) -> str:
        """As the Content-Type has it, or the declaration of XML."""
        if not self.media.charset and self.media.family == "xml" and (declared := _XML_ENCODING.match(self.data)):
            return declared[1].decode()
        return self.media.charset

    def text(self) -> str | None:
        """None where the bytes are no text. Raises `Unparsable` where they are two."""
        if self.media.family in _STRICT or self.charset:
            return text_of(self.data, self.charset)
        try:
            text = text_of(self.data)
        except Unparsable:
            return None
        return None if "\x00" in text else text


def readings(content: Content) -> tuple[Reading, ...]:
    """All that a body may be, the likeliest first. Raises `Unparsable`."""
    if not content.data:
        return NOTHING
    family = content.media.family
    if family in ("grpc", "protobuf"):
        return (Reading("grpc", grpc.messages(content.data, content.media, content.headers)),)
    if family == "multipart":
        return (Reading("multipart", multipart.parts(content.data, content.media, read_part)),)
    text = content.text()
    if text is None:
        _check_hidden(content.data)
        return (Reading("binary"),)
    if family in ("json", "lines"):
        return (Reading("json", _json(text, content)),)
    sniffed = sniffed_json(text)
    found = [] if sniffed is None else [sniffed]
    match family:
        case "graphql" if sniffed is None:
            found.append(Reading("graphql", text))
        case "xml":
            found.append(Reading("xml", text, fields_of(text, content.charset)))
        case "form":
            found += _forms(text)
        case _ if sniffed is None:
            found += _sniffed(text, content)
    return tuple(found)


def read_part(data: bytes, media: MediaType, level: int) -> Any:
    """What a part of a multipart says: see `HttpPart.value`."""
    if media.family == "multipart":
        return multipart.parts(data, media, read_part, level)
    content = Content(data, media, Headers(), "")
    text = content.text()
    if text is None or not text:
        return text
    if media.family == "json":
        return strict_json.loads(text)
    sniffed = sniffed_json(text)
    return text if sniffed is None else sniffed.value


def _json(text: str, content: Content) -> Any:
    if content.media.family == "lines":
        return strict_json.load_lines(text)
    try:
        return strict_json.loads(text)
    except strict_json.TrailingData:
        # Elasticsearch takes these for what they are under any type of JSON.
        if _LINES_PATH.search(content.path):
            return strict_json.load_lines(text)
        raise


def sniffed_json(text: str) -> Reading | None:
    """What is JSON all the same. Raises `Unparsable` for what is, and ambiguous."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return None
    try:
        return Reading("json", strict_json.loads(text))
    except strict_json.TrailingData:
        try:
            return Reading("json", strict_json.load_lines(text))
        except (strict_json.NotJson, strict_json.TrailingData):
            # `[1] a footnote` is text; an object with a comment behind it is a trick.
            if start == "{":
                raise
            return None
    except strict_json.NotJson:
        return None


def _forms(text: str) -> list[Reading]:
    """By `&`, and as some still do, by `;` as well."""
    found = [Reading("form", multi(pairs(text)))]
    if ";" in text:
        found.append(Reading("form", multi(pairs(text.replace(";", "&")))))
    return found


def _sniffed(text: str, content: Content) -> list[Reading]:
    """What nothing says the type of, or a type that tells nothing."""
    found = []
    stripped = text.strip()
    if stripped.startswith("<"):
        try:
            found.append(Reading("xml", text, fields_of(text)))
        except Unparsable:
            if "<!ENTITY" in text:
                raise
    elif _FORM.fullmatch(stripped):
        found += _forms(text)
    elif is_graphql_path(content.path):
        found.append(Reading("graphql", text))
    return [*found, Reading("text", text)]


def _check_hidden(data: bytes) -> None:
    if not data.startswith(_UNSEEN_UTF16):
        return
    coding = "utf-16-le" if data[1] == 0 else "utf-16-be"
    try:
        strict_json.loads(data.decode(coding))
    except (UnicodeDecodeError, strict_json.NotJson):
        return
    raise Unparsable("JSON in UTF-16 that does not say so")


def readable(content: Content) -> str | None:
    """The text that people can read and a policy may rewrite; None for other bytes. Raises `Unparsable`."""
    if content.media.family in ("grpc", "protobuf"):
        return None
    text = content.text()
    return None if text is None or _UNREADABLE.search(text) else text
