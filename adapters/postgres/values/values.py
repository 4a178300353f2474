"""Cells as text, and texts as cells, in either of the formats that the protocol has (documentation, section 54.1.4).

Text is what PostgreSQL's output functions give with default settings, for a binary value too. A text goes back
into a cell only if it is a value of the column's type; otherwise it does not fit, and the cell has to be NULL.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.types.likeness import require_alike, require_parts_alike
from hoopaddon.adapters.postgres.values.types.literals import (
    Array,
    Range,
    array_text,
    parse_array,
    parse_multirange,
    parse_range,
    parse_record,
    range_text,
    record_text,
)
from hoopaddon.adapters.postgres.values.types.parts import (
    BinaryArray,
    join_array,
    join_multirange,
    join_range,
    join_record,
    split_array,
    split_multirange,
    split_range,
    split_record,
)
from hoopaddon.adapters.postgres.values.types.scalar import Scalar, Unfit
from hoopaddon.adapters.postgres.values.types.scalars import scalars
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN, Type, with_names
from hoopaddon.adapters.postgres.values.types.textual import TEXTUAL, VERSIONED
from hoopaddon.errors import PeerError, Side

TEXT_FORMAT = 0
BINARY_FORMAT = 1

MAX_DEPTH = 32
"""How deep values may lie in values: composites of arrays of composites …"""
MAX_PARTS_CHARACTERS = 64 * 1024 * 1024

_UNKNOWN = Type(0, "")
_PLAIN = frozenset({"text", "varchar", "bpchar"})
_WHOLE = frozenset({"array", "composite"})
"""Kinds whose text alone does not say what its parts are."""
_VERSION = b"\1"
_MODIFIER_OFFSET = 4
"""VARHDRSZ: what a type modifier that is a length has on top."""


class _Opaque(Exception):
    """A type whose binary form is not known here."""


class Values:
    """The values of one session: in its client encoding, with the types that its database has.

    `encoding` is Python's name. `side` is to blame for bytes that are no value of their type.
    """

    def __init__(self, types: Mapping[int, Type] = BUILT_IN, encoding: str = UTF8, side: Side = "server") -> None:
        self.types = types
        self.encoding = encoding
        self.side: Side = side
        self._scalars = scalars(encoding)
        self._visible: dict[int, bool] = {}

    def type_name(self, oid: int) -> str:
        """PostgreSQL's name for the type; empty for one that is not known."""
        found = self.types.get(oid)
        return found.name if found else ""

    def _type(self, oid: int) -> Type:
        """The type, behind its domains."""
        found = self.types.get(oid, _UNKNOWN)
        for _ in range(MAX_DEPTH):
            if found.kind != "domain":
                return found
            found = self.types.get(found.part, _UNKNOWN)
        return _UNKNOWN

    # -- reading

    def visible(self, oid: int, format: int) -> bool:
        """Whether the characters of a value's text occur unbroken in its bytes.

        So they do for a binary value that is not known here: what can be said of it is its bytes.
        """
        if format == TEXT_FORMAT:
            return True
        seen = self._visible.get(oid)
        if seen is None:
            found = self._type(oid)
            if found.kind == "array" and found.part:
                seen = self._type(found.part).kind != "array" and self.visible(found.part, format)
            else:
                seen = found.kind == "enum" or (found.kind == "base" and found.codec not in self._scalars)
            self._visible[oid] = seen
        return seen

    def to_text(self, oid: int, data: bytes, format: int) -> str | None:
        """The cell as text; None for a binary value of a type that is not known.

        Raises `PeerError` for bytes that are no value of the type.
        """
        if format == TEXT_FORMAT:
            return data.decode(self.encoding, "backslashreplace")
        try:
            return self._decode(oid, data, 0)
        except _Opaque:
            return None
        except (ValueError, LookupError, struct.error, OverflowError):
            raise PeerError(self.side, f"a malformed value of type {self.type_name(oid) or oid}") from None

    def glimpse(self, data: bytes) -> str:
        """What can be seen of a value whose type is not known: its bytes, read as text."""
        return data.decode(self.encoding, "backslashreplace")

    def _decode(self, oid: int, data: bytes, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise ValueError
        found = self._type(oid)
        match found.kind:
            case "array":
                return self._decode_array(found, data, depth + 1)
            case "composite":
                return record_text(self._decode_parts(split_record(data), depth + 1))
            case "range":
                lower, upper, brackets = split_range(data)
                bounds = self._decode_parts([(found.part, lower), (found.part, upper)], depth + 1)
                return range_text(Range(bounds[0], bounds[1], brackets))
            case "multirange":
                ranges = self._decode_parts([(found.part, value) for value in split_multirange(data)], depth + 1)
                return "{" + ",".join(text for text in ranges if text) + "}"
        if found.codec in TEXTUAL or found.kind == "enum":
            if found.codec in VERSIONED:
                if data[:1] != _VERSION:
                    raise ValueError
                data = data[1:]
            return data.decode(self.encoding, "backslashreplace")
        return self._scalar(found).decode(data)

    def _decode_parts(self, parts: Iterable[tuple[int, bytes | None]], depth: int) -> list[str | None]:
        """Each part as text. Raises ValueError where they would be too long: each level of quotes can double them."""
        texts: list[str | None] = []
        size = 0
        for oid, data in parts:
            text = None if data is None else self._decode(oid, data, depth)
            size += len(text or "")
            if size > MAX_PARTS_CHARACTERS:
                raise ValueError
            texts.append(text)
        return texts

    def _decode_array(self, found: Type, data: bytes, depth: int) -> str:
        array = split_array(data)
        part = _element_type(found, array)
        elements = self._decode_parts([(part, element) for element in array.elements], depth)
        return array_text(Array(array.dimensions, elements), self._type(part).delimiter)

    def _scalar(self, found: Type) -> Scalar:
        scalar = self._scalars.get(found.codec)
        if scalar is None:
            raise _Opaque
        return scalar

    # -- writing

    def from_text(
        self, oid: int, text: str, format: int, original: bytes | None = None, modifier: int = -1
    ) -> bytes | None:
        """The text as a cell of this type, to stand where `original` stood; None where it does not fit.

        `modifier` is the column's type modifier: a varchar(5) takes five characters. A composite value needs
        the original, which says what its fields are.
        """
        found = self._type(oid)
        try:
            if modifier >= 0:
                text = _modified(found, text, modifier)
            if found.codec in _PLAIN:
                return self._characters(text)
            if format == BINARY_FORMAT:
                return self._encode(oid, text, original, 0)
            old = original.decode(self.encoding) if original is not None and found.kind in _WHOLE else None
            self._require(oid, text, old, 0)
            return self._characters(text)
        except (_Opaque, ValueError, LookupError, struct.error, OverflowError):
            # An original that cannot be read says nothing about what would fit.
            return None

    def depends_on_original(self, oid: int) -> bool:
        """Whether what fits depends on the value that it replaces."""
        return self._type(oid).kind in _WHOLE

    def _characters(self, text: str) -> bytes:
        if "\0" in text:
            raise Unfit
        return text.encode(self.encoding)

    def _encode(self, oid: int, text: str, original: bytes | None, depth: int) -> bytes:
        if depth > MAX_DEPTH:
            raise Unfit
        found = self._type(oid)
        match found.kind:
            case "array":
                return self._encode_array(found, text, original, depth + 1)
            case "composite":
                return self._encode_record(text, original, depth + 1)
            case "range":
                value = parse_range(text)
                bounds = [
                    None if bound is None else self._encode(found.part, bound, None, depth + 1)
                    for bound in (value.lower, value.upper)
                ]
                return join_range(bounds[0], bounds[1], value.brackets)
            case "multirange":
                ranges = [self._encode(found.part, value, None, depth + 1) for value in parse_multirange(text)]
                return join_multirange(ranges)
        if check := TEXTUAL.get(found.codec):
            check(text)
            return (_VERSION if found.codec in VERSIONED else b"") + self._characters(text)
        return self._scalar(found).encode(text)

    def _encode_array(self, found: Type, text: str, original: bytes | None, depth: int) -> bytes:
        old = None if original is None else split_array(original)
        if old is None and found.part <= 0:
            raise Unfit
        part = _element_type(found, old) if old else found.part
        array = parse_array(text, self._type(part).delimiter)
        before = _in_step(old.elements if old else (), len(array.elements))
        elements = [
            None if element is None else self._encode(part, element, previous, depth)
            for element, previous in zip(array.elements, before, strict=True)
        ]
        return join_array(BinaryArray(old.element_type if old else part, array.dimensions, elements))

    def _encode_record(self, text: str, original: bytes | None, depth: int) -> bytes:
        fields = parse_record(text)
        old = split_record(original) if original is not None else []
        if len(fields) != len(old) and not (fields == [None] and not old and original is not None):
            raise Unfit
        return join_record(
            (oid, None if field is None else self._encode(oid, field, previous, depth))
            for field, (oid, previous) in zip(fields, old, strict=False)
        )

    # -- judging a text that stays one

    def _require(self, oid: int, text: str, old: str | None, depth: int) -> None:
        """Raise `Unfit` unless the text is a value of the type."""
        if depth > MAX_DEPTH:
            raise Unfit
        found = self._type(oid)
        match found.kind:
            case "array":
                self._require_array(found, text, old, depth + 1)
            case "composite":
                if old is None:
                    raise Unfit
                require_parts_alike(parse_record(old), parse_record(text), self._scalars)
            case "range":
                value = parse_range(text)
                for bound in (value.lower, value.upper):
                    if bound is not None:
                        self._require(found.part, bound, None, depth + 1)
            case "multirange":
                for item in parse_multirange(text):
                    self._require(found.part, item, None, depth + 1)
            case _:
                if check := TEXTUAL.get(found.codec):
                    check(text)
                else:
                    self._scalar(found).encode(text)

    def _require_array(self, found: Type, text: str, old: str | None, depth: int) -> None:
        delimiter = self._type(found.part).delimiter
        array = parse_array(text, delimiter)
        before: Sequence[str | None] = ()
        if old is not None:
            before = parse_array(old, delimiter).elements
        for element, previous in zip(array.elements, _in_step(before, len(array.elements)), strict=True):
            if element is None:
                continue
            if found.part:
                self._require(found.part, element, previous, depth)
            else:
                require_alike(previous or "", element, self._scalars)


def _element_type(found: Type, array: BinaryArray) -> int:
    """The array's own word for it, except where that number means nothing here."""
    return found.part if found.part < 0 else array.element_type


def _modified(found: Type, text: str, modifier: int) -> str:
    """The text, padded where the type pads. Raises `Unfit` where it is too long."""
    if found.codec in ("varchar", "bpchar"):
        limit = modifier - _MODIFIER_OFFSET
        if len(text) > limit:
            raise Unfit
        return text.ljust(limit) if found.codec == "bpchar" else text
    if (found.codec == "bit" and len(text) != modifier) or (found.codec == "varbit" and len(text) > modifier):
        raise Unfit
    return text


def _in_step[T](before: Sequence[T | None], count: int) -> Sequence[T | None]:
    """The elements before, where there are as many: then each says what stood in its place."""
    return before if len(before) == count else (None,) * count


@lru_cache(maxsize=256)
def values_of(encoding: str, names: tuple[tuple[int, str], ...] = (), side: Side = "server") -> Values:
    """The values of a session whose database has further types of these OIDs and names."""
    return Values(with_names(names) if names else BUILT_IN, encoding, side)


def to_text(oid: int, data: bytes, format: int, encoding: str = UTF8, side: Side = "server") -> str | None:
    """A value of a built-in type as text; see `Values.to_text`."""
    return values_of(encoding, (), side).to_text(oid, data, format)
