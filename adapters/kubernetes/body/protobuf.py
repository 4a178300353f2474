"""Objects in Kubernetes' protobuf: an envelope with the kind, and the fields by number.

`protobuf_fields.txt` has a line for each message, `NAME field=NUMBER:TYPE …`: `s` is text, `y` bytes, `i` a number,
`b` a flag, `d` a float, else the type is a message; `*` marks what is repeated, `%` the values of a map, `!` what is
no level of its own in JSON, `?` what is a pointer in Go. A kind or a field that is not there is refused: what it says
could not be judged.
"""

import base64
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from hoopaddon.adapters.kubernetes.body.wire import BYTES, FIXED64, VARINT, single_fields, wire_fields
from hoopaddon.errors import Unparsable

MAGIC = b"k8s\0"

_WIRE_OF = {"i": VARINT, "b": VARINT, "d": FIXED64}
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
        envelope = single_fields(data[len(MAGIC) :])
        type_meta = single_fields(envelope.get(1, b""))
        api_version, kind = type_meta.get(1, b"").decode(), type_meta.get(2, b"").decode()
        if envelope.get(3) or envelope.get(4):
            raise Unparsable("a body in protobuf with an encoding of its own")
        message = message_of(api_version, kind)
        return {"apiVersion": api_version, "kind": kind, **read_message(message, envelope.get(2, b""))}
    except (ValueError, IndexError, struct.error, AttributeError, TypeError, OverflowError):
        raise Unparsable("a body that is no protobuf") from None


def message_of(api_version: str, kind: str) -> str:
    """The message that a kind is in the table. Raises `Unparsable`."""
    group, _, version = api_version.rpartition("/")
    name = f"meta.v1.{kind}" if kind in _META_KINDS else f"{group.partition('.')[0] or 'core'}.{version}.{kind}"
    if name not in messages() or not (kind in _META_KINDS or _is_group(group)):
        raise Unparsable("a body in protobuf of a kind that is not known here")
    return name


def _is_group(group: str) -> bool:
    """The table has the first part of a group's name; of other groups that part may be the same."""
    return "." not in group or group.endswith(".k8s.io")


def read_message(name: str, data: bytes, depth: int = 0) -> dict[str, Any]:
    """A message of the table as an object. Raises `Unparsable`, or for what is no message `ValueError` or its kin."""
    if depth > _MAX_DEPTH:
        raise Unparsable("a body that nests too deep")
    fields = fields_of(name)
    found: dict[str, Any] = {}
    for found_field in wire_fields(data):
        raw, field = found_field.value, fields.get(found_field.number)
        if field is None:
            raise Unparsable(f"a body in protobuf with an unknown field of {name}")
        if found_field.wire != _WIRE_OF.get(field.type, BYTES):
            raise ValueError(field.name)
        if field.inline:
            inner = read_message(field.type, raw, depth + 1)
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
    pair = single_fields(raw)
    key = pair.get(1, b"").decode()
    if key in members:
        raise Unparsable("a body with a key that stands twice in one object")
    members[key] = _value(field.type, pair.get(2, b""), depth)


def _value(kind: str, raw: Any, depth: int) -> Any:
    reader = READERS.get(kind)
    return reader(raw) if reader is not None else read_message(kind, raw, depth + 1)


# -- types that JSON has in a form of their own


def _read_time(raw: bytes) -> str | None:
    parts = single_fields(raw)
    if not parts:
        return None
    return datetime.fromtimestamp(parts.get(1, 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_int_or_string(raw: bytes) -> int | str:
    parts = single_fields(raw)
    return str(parts.get(3, b"").decode()) if parts.get(1) else int(parts.get(2, 0))


def _read_texts(raw: bytes) -> list[str]:
    return [item.value.decode() for item in wire_fields(raw)]


def _read_json(raw: bytes) -> Any:
    return json.loads(single_fields(raw).get(1, b"{}"))


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
    "api.resource.Quantity": lambda raw: single_fields(raw).get(1, b"").decode(),
    "util.intstr.IntOrString": _read_int_or_string,
    "pkg.runtime.RawExtension": _read_json,
}
