"""The API's protobuf: objects in their envelope, by the table of field numbers in `protobuf_fields.txt`."""

import base64
import datetime as dt
import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.kubernetes.double.api.status import bad_request

type Json = dict[str, Any]

PROTOBUF = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ZERO: tuple[Any, ...] = ("", b"", 0, False, 0.0, {}, [])


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    number: int
    type: str
    repeated: bool
    is_map: bool
    inline: bool
    pointer: bool


@cache
def messages() -> Mapping[str, tuple[Field, ...]]:
    """Every message's fields."""
    lines = (Path(__file__).parent / "protobuf_fields.txt").read_text().splitlines()
    return {name: tuple(map(_field, rest)) for name, *rest in (line.split() for line in lines)}


def _field(text: str) -> Field:
    name, _, rest = text.partition("=")
    number, _, kind = rest.partition(":")
    bare = kind.strip("*%!?")
    return Field(name, int(number), bare, "*" in kind, "%" in kind, "!" in kind, "?" in kind)


def message_of(kind: str) -> str | None:
    """The message of an API version and kind, joined by a blank; None if there is none."""
    version, _, name = kind.partition(" ")
    group, _, version = version.rpartition("/")
    if name in (
        "Status",
        "WatchEvent",
        "DeleteOptions",
        "APIResourceList",
        "APIGroupList",
        "APIVersions",
        "APIGroup",
    ):
        return f"meta.v1.{name}"
    found = f"{group.split('.')[0] or 'core'}.{version}.{name}"
    return found if found in messages() else None


def encodable(kind: str) -> bool:
    """Whether a kind has a protobuf form; custom kinds have none."""
    return message_of(kind) is not None


def encode(obj: Json) -> bytes:
    """An object in its envelope (`runtime.Unknown`)."""
    api_version, kind = obj.get("apiVersion", ""), obj["kind"]
    message = message_of(f"{api_version} {kind}")
    if message is None:
        raise ValueError(f"{api_version} {kind} has no protobuf form")
    type_meta = length_delimited(1, api_version.encode()) + length_delimited(2, kind.encode())
    return (
        MAGIC
        + length_delimited(1, type_meta)
        + length_delimited(2, _message(message, obj))
        + length_delimited(3, b"")
        + length_delimited(4, b"")
    )


def watch_frame(kind: str, obj: Json) -> bytes:
    """A change, as a watch that speaks protobuf has it: behind its length."""
    event = length_delimited(1, kind.encode()) + length_delimited(2, length_delimited(1, encode(obj)))
    return struct.pack(">I", len(event)) + event


def decode(data: bytes) -> Json:
    """An envelope's object as JSON has it."""
    if not data.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        unknown = dict(_fields(data[len(MAGIC) :]))
        type_meta = {n: v.decode() for n, v in _fields(unknown.get(1, b""))}
        api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
        message = message_of(f"{api_version} {kind}")
        if message is None:
            raise bad_request(f'no kind "{kind}" is registered for version "{api_version}"')
        return {"apiVersion": api_version, "kind": kind, **_object(message, unknown.get(2, b""))}
    except (ValueError, IndexError, struct.error, AttributeError, TypeError) as error:
        raise bad_request(f"unable to decode protobuf: {error}") from error


def varint(value: int) -> bytes:
    """A number in as few bytes as it needs."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_delimited(number: int, value: bytes) -> bytes:
    """A field of bytes behind its number and length."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def _time(value: str) -> bytes:
    moment = dt.datetime.fromisoformat(value)
    return varint(1 << 3) + varint(int(moment.timestamp())) + varint(2 << 3) + varint(moment.microsecond * 1000)


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, int):
        return b"\x08\x00" + b"\x10" + varint(value)
    return b"\x08\x01" + b"\x10\x00" + length_delimited(3, value.encode())


_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    "s": lambda value: str(value).encode(),
    "y": lambda value: base64.b64decode(value),
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _time,
    "api.resource.Quantity": lambda value: length_delimited(1, str(value).encode()),
    "util.intstr.IntOrString": _int_or_string,
    "meta.v1.FieldsV1": lambda value: length_delimited(1, json.dumps(value, separators=(",", ":")).encode()),
    "pkg.runtime.RawExtension": lambda value: length_delimited(1, json.dumps(value, separators=(",", ":")).encode()),
}


def _value(kind: str, value: Any) -> bytes:
    if (writer := _WRITERS.get(kind)) is not None:
        return writer(value)
    if isinstance(value, list):
        return b"".join(length_delimited(1, item.encode()) for item in value)
    return _message(kind, value)


def _message(name: str, obj: Json) -> bytes:
    out = bytearray()
    for field in messages()[name]:
        if field.inline:
            out += length_delimited(field.number, _message(field.type, obj))
            continue
        if (value := obj.get(field.name)) is None:
            continue
        if field.is_map:
            for key in sorted(value):
                out += length_delimited(
                    field.number,
                    length_delimited(1, key.encode()) + length_delimited(2, _value(field.type, value[key])),
                )
        else:
            for item in value if field.repeated else [value]:
                out += _scalar(field, item)
    return bytes(out)


def _scalar(field: Field, value: Any) -> bytes:
    if field.type in ("i", "b"):
        return varint(field.number << 3 | _VARINT) + varint(int(value))
    if field.type == "d":
        return varint(field.number << 3 | _FIXED64) + struct.pack("<d", value)
    return length_delimited(field.number, _value(field.type, value))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a varint is too long")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value - (1 << 64) if value >> 63 else value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
        if wire == _BYTES:
            size, at = _read_varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("unexpected EOF")
        yield number, data[at : at + size]
        at += size


def _object(name: str, data: bytes) -> Json:
    by_number = {field.number: field for field in messages()[name]}
    found: Json = {}
    for number, raw in _fields(data):
        if (field := by_number.get(number)) is None:
            continue
        if field.inline:
            found.update(_object(field.type, raw))
        elif field.is_map:
            pair = dict(_fields(raw))
            found.setdefault(field.name, {})[pair.get(1, b"").decode()] = _read(field.type, pair.get(2, b""))
        elif field.repeated:
            found.setdefault(field.name, []).append(_read(field.type, raw))
        else:
            value = _read(field.type, raw)
            # Go writes what is empty, unless it is behind a pointer; its JSON leaves that out.
            if value is not None and (field.pointer or value not in _ZERO):
                found[field.name] = value
    return found


def _read_time(raw: bytes) -> str | None:
    parts = dict(_fields(raw))
    if not parts:
        return None
    moment = dt.datetime.fromtimestamp(parts.get(1, 0), dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_micro_time(raw: bytes) -> str:
    parts = dict(_fields(raw))
    moment = dt.datetime.fromtimestamp(parts.get(1, 0), dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{parts.get(2, 0) // 1000:06}Z"


def _read_int_or_string(raw: bytes) -> int | str:
    parts = dict(_fields(raw))
    text: str = parts.get(3, b"").decode()
    number: int = parts.get(2, 0)
    return text if parts.get(1) else number


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "s": lambda raw: raw.decode(),
    "y": lambda raw: base64.b64encode(raw).decode(),
    "i": lambda raw: raw,
    "b": bool,
    "d": lambda raw: struct.unpack("<d", raw)[0],
    "meta.v1.Time": _read_time,
    "meta.v1.MicroTime": _read_micro_time,
    "api.resource.Quantity": lambda raw: dict(_fields(raw)).get(1, b"").decode(),
    "util.intstr.IntOrString": _read_int_or_string,
    "meta.v1.FieldsV1": lambda raw: json.loads(dict(_fields(raw)).get(1, b"{}")),
    "pkg.runtime.RawExtension": lambda raw: json.loads(dict(_fields(raw)).get(1, b"{}")),
    "authentication.v1.ExtraValue": lambda raw: [item.decode() for _, item in _fields(raw)],
    "meta.v1.Verbs": lambda raw: [item.decode() for _, item in _fields(raw)],
}


def _read(kind: str, raw: Any) -> Any:
    reader = _READERS.get(kind)
    return reader(raw) if reader else _object(kind, raw)
