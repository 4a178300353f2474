"""Protocol Buffers without their schema: the numbers of fields, and what their bytes may be.

Whether bytes are text, a message or neither only the schema says. They are shown as the likeliest of these.
"""

from collections.abc import Iterator
from typing import Any

from hoopaddon.errors import Unparsable

type Message = dict[int, tuple[Any, ...]]

MOST_LEVELS = 32
MOST_FIELDS = 200_000
_LARGEST_FIELD = (1 << 29) - 1


def message(data: bytes) -> Message:
    """The fields of a message, each with all its values: int, text, bytes, or a message. Raises `Unparsable`."""
    found = _Reader(data, [MOST_FIELDS]).message(0)
    if found is None:
        raise Unparsable("a body that is not the protobuf that it claims to be")
    return found


class _Reader:
    def __init__(self, data: bytes, budget: list[int]) -> None:
        self._data = data
        self._at = 0
        self._budget = budget

    def message(self, level: int, group: int = 0) -> Message | None:
        """None where the bytes are none; up to the end of `group`, if it is one."""
        fields: dict[int, list[Any]] = {}
        try:
            for number, value in self._fields(level, group):
                fields.setdefault(number, []).append(value)
        except (ValueError, IndexError):
            return None
        return {number: tuple(values) for number, values in fields.items()}

    def _fields(self, level: int, group: int) -> Iterator[tuple[int, Any]]:
        if level > MOST_LEVELS:
            raise Unparsable("protobuf that nests too deep")
        while self._at < len(self._data):
            self._budget[0] -= 1
            if self._budget[0] < 0:
                raise Unparsable(f"protobuf with more than {MOST_FIELDS} fields")
            tag = self._varint()
            number, wire = tag >> 3, tag & 7
            if not 0 < number <= _LARGEST_FIELD:
                raise ValueError(number)
            if wire == 4:
                if number != group:
                    raise ValueError(number)
                return
            yield number, self._value(wire, number, level)
        if group:
            raise ValueError(group)

    def _value(self, wire: int, number: int, level: int) -> Any:
        match wire:
            case 0:
                return self._varint()
            case 1:
                return int.from_bytes(self._take(8), "little")
            case 2:
                return self._likeliest(self._take(self._varint()), level)
            case 3:
                inner = self.message(level + 1, number)
                if inner is None:
                    raise ValueError(number)
                return inner
            case 5:
                return int.from_bytes(self._take(4), "little")
        raise ValueError(wire)

    def _likeliest(self, data: bytes, level: int) -> Any:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        if text is not None and text.isprintable():
            return text
        inner = _Reader(data, self._budget).message(level + 1) if level < MOST_LEVELS else None
        if inner is not None:
            return inner
        return data if text is None else text

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
            if shift >= 70:
                raise ValueError(shift)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise ValueError(count)
        self._at += count
        return taken
