"""RowDescription: what a result's columns are (documentation, section 54.7)."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hoopaddon.adapters.postgres.protocol.codec import Reader, format_of
from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column

_FIXED_PART = struct.Struct("!IhIhih")

FIRST_USER_OID = 16384
"""FirstNormalObjectId: what is below comes with PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column as the server describes it. `table_oid` and `column_number` are 0 for an expression.

    `type_oid` is never a domain's: the server gives the type behind it. `format` is 0 for text, 1 for binary.
    """

    name: str
    table_oid: int
    column_number: int
    type_oid: int
    type_size: int
    type_modifier: int
    format: int


def parse_row_description(payload: bytes, encoding: str = UTF8) -> tuple[Field, ...]:
    """The fields of a RowDescription, whose type byte and length have been taken off."""
    reader = Reader("server", payload)
    fields = []
    for _ in range(reader.count()):
        name = reader.cstring().decode(encoding, "backslashreplace")
        field = Field(name, *_FIXED_PART.unpack(reader.take(_FIXED_PART.size)))
        if field.format not in (0, 1):
            raise PeerError("server", "a column in a format that is neither text nor binary")
        fields.append(field)
    reader.end()
    return tuple(fields)


def with_formats(fields: tuple[Field, ...], formats: tuple[int, ...]) -> tuple[Field, ...]:
    """The fields of a described statement, in the formats that Bind asks for."""
    wanted = [format_of(formats, index) for index in range(len(fields))]
    if all(field.format == format for field, format in zip(fields, wanted, strict=True)):
        return fields
    return tuple(replace(field, format=format) for field, format in zip(fields, wanted, strict=True))


def describe_columns(
    fields: Sequence[Field],
    sources: Mapping[tuple[int, int], tuple[str, str]],
    type_names: Mapping[int, str],
) -> tuple[Column, ...]:
    """The columns as policies see them.

    `sources` has (`schema.table`, column) by table OID and column number; a type without a name anywhere is
    called by its OID.
    """
    return tuple(
        Column(
            field.name,
            _type_name(field.type_oid, type_names),
            *sources.get((field.table_oid, field.column_number), ("", "")),
            settled=field.table_oid < FIRST_USER_OID or (field.table_oid, field.column_number) in sources,
        )
        for field in fields
    )


def _type_name(oid: int, type_names: Mapping[int, str]) -> str:
    known = BUILT_IN.get(oid)
    return known.name if known else type_names.get(oid) or str(oid)
