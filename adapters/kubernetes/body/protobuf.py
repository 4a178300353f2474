"""Objects in Kubernetes' protobuf: an envelope with the kind, and the fields by number.

`protobuf_fields.txt` has a line for each message, `NAME field=NUMBER:TYPE …`: `s` is text, `y` bytes, `i` a number,
`b` a flag, `d` a float, else the type is a message; `*` marks what is repeated, `%` the values of a map, `!` what is
no level of its own in JSON, `?` what is a pointer in Go. A kind or a field that is not there is refused: what it says
could not be judged.
"""

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from hoopaddon.errors import Unparsable

MAGIC = b"k8s\0"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIRE_OF = {"i": _VARINT, "b": _VARINT, "d": _FIXED64}
_META_KINDS = frozenset({"Status", "DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "WatchEvent"})
_MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    type: str
    repeated: bool
    is_map: bool
    inline: bool


@cache
def messages() -> Mapping[str, str]:
    """Every message with its fields, as the table has them."""
    text = files(__package__).joinpath("protobuf_fields.txt").read_text()
    lines = (line.partition(" ") for line in text.splitlines())
    return {name: fields for name, _, fields in lines}


@cache
def fields_of(message: str) -> Mapping[int, Field]:
    """The fields of a message by their numbers."""
    return dict(map(_field, messages()[message].split()))


def _field(text: str) -> tuple[int, Field]:
    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    return int(number), Field(name, kind.strip("*%!?"), "*" in kind, "%" in kind, "!" in kind)


def read_protobuf(data: bytes) -> Any:
    """The object that JSON would have. Raises `Unparsable`."""
    if not data.startswith(MAGIC):
        raise Unparsable("a body in protobuf that is not in Kubernetes' envelope")
    try:
        envelope = _single(data[len(MAGIC) :])
        type_meta = _single(envelope.get(1, b""))
        api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
        if envelope.get(3) or envelope.get(4):
            raise Unparsable("a body in protobuf with an encoding of its own")
        message = _message_of(api_version, kind)
        return {"apiVersion": api_version, "kind": kind, **_object(message, envelope.get(2, b""), 0)}
    except (ValueError, IndexError, struct.error, AttributeError, TypeError, OverflowError):
        raise Unparsable("a body that is no protobuf") from None


def _message_of(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    name = f"meta.v1.{kind}" if kind in _META_KINDS else f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    if name not in messages() or not (kind in _META_KINDS or _is_group(group)):
        raise Unparsable("a body in protobuf of a kind that is not known here: send application/json")
    return name


def _is_group(group: str) -> bool:
    """The table has the first part of a group's name; of other groups that part may be the same."""
    return "." not in group or group.endswith(".k8s.io")


def _object(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        raise Unparsable("a body that nests too deep")
    fields = fields_of(name)
    found: dict[str, Any] = {}
    for number, wire, raw in _fields(data):
        field = fields.get(number)
        if field is None:
            raise Unparsable(f"a body in protobuf with an unknown field of {name}: send application/json")
        if wire != _WIRE_OF.get(field.type, _BYTES):
            raise ValueError(field.name)
        if field.inline:
            inner = _object(field.type, raw, depth + 1)
            if inner.keys() & found.keys():
                raise Unparsable("a body with a key that stands twice in one object")
            found.update(inner)
        elif field.is_map:
            _put_member(found.setdefault(field.name, {}), field, raw, depth)
        elif field.repeated:
            found.setdefault(field.name, []).append(_value(field.type, raw, depth))
        elif field.name in found:
            raise Unparsable("a body with a key that stands twice in one object")
        else:
            found[field.name] = _value(field.type, raw, depth)
    return {key: value for key, value in found.items() if value not in ("", None)}


def _put_member(members: dict[str, Any], field: Field, raw: bytes, depth: int) -> None:
    pair = _single(raw)
    key = pair.get(1, b"").decode()
    if key in members:
        raise Unparsable("a body with a key that stands twice in one object")
    members[key] = _value(field.type, pair.get(2, b""), depth)


def _value(kind: str, raw: Any, depth: int) -> Any:
    reader = READERS.get(kind)
    return reader(raw) if reader is not None else _object(kind, raw, depth + 1)


# -- the wire


def _single(data: bytes) -> dict[int, Any]:
    """The fields of a small message, each of which may stand there once."""
    found: dict[int, Any] = {}
    for number, _, value in _fields(data):
        if number in found:
            raise Unparsable("a body with a key that stands twice in one object")
        found[number] = value
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value - (1 << 64) if value >> 63 else value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if wire == _BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("a field goes beyond its message")
        yield number, wire, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value >> 64:
                raise ValueError("a number is too long")
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")


# -- types that JSON has in a form of their own


def _read_time(raw: bytes) -> str | None:
    parts = _single(raw)
    if not parts:
        return None
    return datetime.fromtimestamp(parts.get(1, 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_int_or_string(raw: bytes) -> int | str:
    parts = _single(raw)
    return str(parts.get(3, b"").decode()) if parts.get(1) else int(parts.get(2, 0))


def _read_texts(raw: bytes) -> list[str]:
    return [item.decode() for _, _, item in _fields(raw)]


def _read_json(raw: bytes) -> Any:
    return json.loads(_single(raw).get(1, b"{}"))


READERS: Mapping[str, Callable[[Any], Any]] = {
    "s": lambda raw: raw.decode(),
    "y": lambda raw: base64.b64encode(raw).decode(),
    "i": int,
    "b": bool,
    "d": lambda raw: struct.unpack("<d", raw)[0],
    "meta.v1.Time": _read_time,
    "meta.v1.MicroTime": _read_time,
    "meta.v1.FieldsV1": _read_json,
    "meta.v1.Verbs": _read_texts,
    "authentication.v1.ExtraValue": _read_texts,
    "authorization.v1.ExtraValue": _read_texts,
    "api.resource.Quantity": lambda raw: _single(raw).get(1, b"").decode(),
    "util.intstr.IntOrString": _read_int_or_string,
    "pkg.runtime.RawExtension": _read_json,
}
