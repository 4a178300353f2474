"""An object in protobuf after policies have changed what it is in JSON: only what has changed is written anew.

What has not keeps its bytes. Nothing can be added that was not there, and nothing can change its type.
"""

import base64
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from hoopaddon.adapters.kubernetes.body.protobuf import Field, fields_of
from hoopaddon.adapters.kubernetes.body.wire import (
    FIXED64,
    VARINT,
    WireField,
    length_delimited,
    single_fields,
    varint,
    wire_fields,
)
from hoopaddon.web.body.runs import Unfit


def edited_message(name: str, data: bytes, before: Any, after: Any) -> bytes:
    """A message of the table whose object was `before` and is to be `after`. Raises `Unfit`."""
    if not isinstance(after, Mapping) or not isinstance(before, Mapping) or after.keys() - before.keys():
        raise Unfit("an object has got something that it had not")
    return _Message(name, before, after).edited(data)


class _Message:
    """One message on its way."""

    def __init__(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self._fields, self._before, self._after = fields_of(name), before, after
        self._places: dict[str, int] = {}

    def edited(self, data: bytes) -> bytes:
        return b"".join(map(self._field, wire_fields(data)))

    def _field(self, wire: WireField) -> bytes:
        field = self._fields[wire.number]
        if field.inline:
            inner = _Message(field.type, self._before, self._after).edited(wire.value)
            return wire.whole if inner == wire.value else length_delimited(wire.number, inner)
        if field.name not in self._before:
            # Empty, so that JSON has nothing of it.
            return wire.whole
        if field.name not in self._after:
            return b""
        before, after = self._before[field.name], self._after[field.name]
        if before == after:
            return wire.whole
        if field.is_map:
            return _member(field, wire, before, after)
        if field.repeated:
            before, after = self._next_of(field, before, after)
            if before == after:
                return wire.whole
        return _written(field.type, wire.number, wire.value, before, after)

    def _next_of(self, field: Field, before: Any, after: Any) -> tuple[Any, Any]:
        place = self._places.get(field.name, 0)
        self._places[field.name] = place + 1
        if not isinstance(after, list) or len(after) != len(before):
            raise Unfit("a list has another length")
        return before[place], after[place]


def _member(field: Field, wire: WireField, before: Any, after: Any) -> bytes:
    pair = single_fields(wire.value)
    key = pair.get(1, b"").decode()
    if not isinstance(after, Mapping) or after.keys() - before.keys():
        raise Unfit("an object has got something that it had not")
    if key not in after:
        return b""
    if before[key] == after[key]:
        return wire.whole
    value = _written(field.type, 2, pair.get(2, b""), before[key], after[key])
    return length_delimited(wire.number, length_delimited(1, key.encode()) + value)


def _written(kind: str, number: int, data: Any, before: Any, after: Any) -> bytes:
    """A field of another value than before."""
    if (number_writer := _NUMBERS.get(kind)) is not None:
        wire, write = number_writer
        return varint(number << 3 | wire) + write(after)
    writer = _WRITERS.get(kind)
    if writer is None and "." not in kind:
        raise Unfit("a value has another type than its field")
    return length_delimited(number, writer(after) if writer else edited_message(kind, data, before, after))


# -- types that JSON has in a form of their own


def _typed[T](value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise Unfit("a value has another type than its field")
    return value


def _write_bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_typed(value, str), validate=True)
    except ValueError:
        raise Unfit("a value is not in base64") from None


def _write_text(value: Any) -> bytes:
    return _typed(value, str).encode("utf-8", "surrogateescape")


def _write_int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01" + length_delimited(3, value.encode())
    return b"\x08\x00\x10" + varint(_typed(value, int))


def _write_texts(value: Any) -> bytes:
    return b"".join(length_delimited(1, _write_text(item)) for item in _typed(value, list))


def _write_json(value: Any) -> bytes:
    return length_delimited(1, json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape"))


def _unfit(value: Any) -> bytes:
    raise Unfit("a time cannot be changed")


_NUMBERS: Mapping[str, tuple[int, Callable[[Any], bytes]]] = {
    "i": (VARINT, lambda value: varint(_typed(value, int))),
    "b": (VARINT, lambda value: varint(_typed(value, bool))),
    "d": (FIXED64, lambda value: struct.pack("<d", _typed(value, float))),
}
_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    "s": _write_text,
    "y": _write_bytes,
    "meta.v1.Time": _unfit,
    "meta.v1.MicroTime": _unfit,
    "meta.v1.FieldsV1": _write_json,
    "meta.v1.Verbs": _write_texts,
    "authentication.v1.ExtraValue": _write_texts,
    "authorization.v1.ExtraValue": _write_texts,
    "api.resource.Quantity": lambda value: length_delimited(1, _write_text(value)),
    "util.intstr.IntOrString": _write_int_or_string,
    "pkg.runtime.RawExtension": _write_json,
}
