"""What a Content-Type says (RFC 9110 section 8.3)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from hoopaddon.errors import Unparsable
from hoopaddon.web.request import Headers

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"{_WORD}/{_WORD}")
_VALUE = rf'({_WORD}(?:[:/?=@,]{_WORD})*)|"((?:[^"\\]|\\.)*+)"'
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*(?:({_WORD})=(?:{_VALUE}))?[ \t]*", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_JSON = frozenset({"application/json", "text/json", "application/x-json", "application/csp-report"})
_LINES = frozenset(f"application/{n}" for n in ("x-ndjson", "ndjson", "jsonl", "x-jsonlines", "jsonlines"))
_PROTOBUF = frozenset(f"application/{n}" for n in ("proto", "protobuf", "x-protobuf", "x-google-protobuf"))
_XML = frozenset({"application/xml", "text/xml"})


_OPAQUE = re.compile(
    r"(?:image|audio|video|font|model)/.*"
    r"|application/(?:octet-stream|pdf|zip|gzip|x-gzip|x-tar|x-bzip2|x-xz|zstd|x-7z-compressed|vnd\.rar|java-archive|wasm"
    r"|vnd\.(?:docker|oci|ms-|openxmlformats-|apache\.parquet|debian)[^;]*|x-rpm|x-sqlite3|x-git-[a-z-]*|msgpack|cbor|avro)"
)


@dataclass(frozen=True, slots=True)
class MediaType:
    """`name` is in lower case, empty where none is said."""

    name: str = ""
    parameters: MappingProxyType[str, str] = MappingProxyType({})

    @property
    def charset(self) -> str:
        return self.parameters.get("charset", "")

    @property
    def family(self) -> str:
        """How such a body is read: a kind of body, `lines` (JSON by lines), `protobuf`, `unknown` (by itself).

        Empty for what nobody reads names in: archives, images, bytes.
        """
        return _family(self.name)


_FAMILIES = {
    "json": _JSON,
    "lines": _LINES,
    "form": frozenset({"application/x-www-form-urlencoded"}),
    "graphql": frozenset({"application/graphql"}),
    "protobuf": _PROTOBUF,
    "xml": _XML,
}


@lru_cache(256)
def _family(name: str) -> str:
    for family, names in _FAMILIES.items():
        if name in names:
            return family
    if name.startswith("multipart/"):
        return "multipart"
    if name.startswith(("application/grpc", "application/connect+")):
        return "grpc"
    if name.endswith("+json"):
        return "json"
    if name.endswith("+xml"):
        return "xml"
    if name.startswith("text/"):
        return "text"
    return "" if _OPAQUE.fullmatch(name) else "unknown"


def media_type(headers: Headers) -> MediaType:
    """The one media type of a message. Raises `Unparsable` where there are two, or one that cannot be read."""
    fields = headers.all("content-type")
    if len(fields) > 1:
        raise Unparsable("a request with more than one Content-Type")
    return read_media_type(fields[0]) if fields else MediaType()


def may_stream(headers: Headers) -> bool:
    """Whether a body says of itself that nobody reads names in it: an archive, an image, bytes."""
    try:
        return media_type(headers).family == ""
    except Unparsable:
        return False


def read_media_type(field: str) -> MediaType:
    """Raises `Unparsable` for parameters that cannot be read, or that are given twice."""
    field = field.strip()
    if not field:
        return MediaType()
    found = _TYPE.match(field)
    if found is None:
        raise Unparsable("a Content-Type that cannot be read")
    parameters: dict[str, str] = {}
    at = found.end()
    while at < len(field):
        parameter = _PARAMETER.match(field, at)
        if parameter is None:
            raise Unparsable("a Content-Type that cannot be read")
        at = parameter.end()
        name, token, quoted = parameter.groups()
        if name is None:
            continue
        if name.lower() in parameters:
            raise Unparsable("a Content-Type with the same parameter twice")
        parameters[name.lower()] = token if token is not None else _ESCAPED.sub(r"\1", quoted)
    return MediaType(found[0].lower(), MappingProxyType(parameters))
