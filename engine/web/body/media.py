"""What a body is: by its media type, and by its first bytes where those say otherwise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

SNIFFED_BYTES = 512
"""So many of the first bytes say what a body is."""


class Kind(StrEnum):
    """How a body is cut into runs."""

    JSON = "json"
    JSON_LINES = "json lines"
    EVENTS = "events"
    CSV = "csv"
    FORM = "form"
    MULTIPART = "multipart"
    GRPC = "grpc"
    PROTOBUF = "protobuf"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A `Content-Type`: the name in lower case, and the parameters that count here."""

    name: str
    charset: str = ""
    boundary: str = ""

    @property
    def kind(self) -> Kind:
        """As the type says; `BINARY` for what may be anything."""
        name = self.name
        if found := _KINDS.get(name):
            return found
        if name.startswith("application/grpc"):
            return Kind.BINARY if name.startswith("application/grpc-web-text") else Kind.GRPC
        if name.startswith("multipart/"):
            return Kind.MULTIPART
        if name.endswith("+json"):
            return Kind.JSON
        if name.endswith(("+proto", "protobuf")):
            return Kind.PROTOBUF
        if name.startswith("text/") or name.endswith(("+xml", "+yaml", "script")):
            return Kind.TEXT
        return Kind.BINARY


_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("application/json", "text/json", "application/manifest+json"), Kind.JSON),
    **dict.fromkeys(
        (
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
            "application/jsonlines",
            "application/json-seq",
            "application/geo+json-seq",
            "application/stream+json",
            "application/x-json-stream",
        ),
        Kind.JSON_LINES,
    ),
    "text/event-stream": Kind.EVENTS,
    **dict.fromkeys(
        ("text/csv", "application/csv", "text/tab-separated-values", "text/comma-separated-values"), Kind.CSV
    ),
    "application/x-www-form-urlencoded": Kind.FORM,
    **dict.fromkeys(
        (
            "application/xml",
            "application/javascript",
            "application/ecmascript",
            "application/x-javascript",
            "application/yaml",
            "application/x-yaml",
            "application/toml",
            "application/sql",
            "application/graphql",
            "application/x-sh",
            "application/x-httpd-php",
            "application/rtf",
            "application/x-pem-file",
            "application/jwt",
            "application/jose",
        ),
        Kind.TEXT,
    ),
}


def media_type(value: str) -> MediaType:
    """Reads a `Content-Type`."""
    message = Message()
    message["content-type"] = value.replace("\r", " ").replace("\n", " ")
    name = value.partition(";")[0].strip().lower()
    return MediaType(name, _parameter(message, "charset").lower(), _parameter(message, "boundary"))


def _parameter(message: Message, name: str) -> str:
    value = message.get_param(name, "")
    return value[2] if isinstance(value, tuple) else str(value)


# -- the first bytes

_BLANK = b" \t\r\n\x0b\x0c"
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\x0b\x0c\x1b\x1e\b"})
_TEXT_PER_CONTROL = 50
_JSON_START = re.compile(
    rb"""(?:\xef\xbb\xbf)?[ \t\r\n]*(?:
        \{ [ \t\r\n]* (?: \} | "(?:[^"\\\n]|\\.)*" [ \t\r\n]* (?: : | \Z) | "(?:[^"\\\n]|\\.)*\Z | \Z )
      | \[ [ \t\r\n]* (?: [{\[] | \] [ \t\r\n]*\Z | "(?:[^"\\\n]|\\.)*" [ \t\r\n]*(?:,|\]|\Z)
            | "(?:[^"\\\n]|\\.)*\Z | (?:-?[0-9][0-9.eE+-]*|true|false|null)[ \t\r\n]*(?:,|\Z) | \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)


def is_text(start: bytes) -> bool:
    """Whether what begins so is text, in any charset that ASCII is a part of. A few odd bytes make no picture."""
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return not start.startswith(b"%PDF-") and controls * _TEXT_PER_CONTROL <= len(start) and b"\0" not in start


def is_json(start: bytes) -> bool:
    """Whether what begins so is likely a JSON object or array."""
    return _JSON_START.match(start) is not None


def compressed_as(start: bytes) -> str:
    """The coding that these bytes begin with, though nothing says so; empty without one."""
    if start.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    return "zstd" if start.startswith(b"\x28\xb5\x2f\xfd") else ""
