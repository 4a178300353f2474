"""What the gateway knows about each type, by OID."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from hoopaddon.adapters.postgres.values.types.built_in import TYPES

type Kind = Literal["base", "array", "composite", "range", "multirange", "enum", "domain"]


@dataclass(frozen=True, slots=True)
class Type:
    """A type's name and what it is made of: an array's element, a range's bounds, a domain's base.

    `part` is an OID, 0 where there is none or where each value says it. `codec` is the name by which its own values
    are read and written, and empty for a type that is not known: anybody may call a type `text`.
    """

    oid: int
    name: str
    kind: Kind = "base"
    part: int = 0
    delimiter: str = ","
    codec: str = ""


BUILT_IN: Mapping[int, Type] = MappingProxyType(
    {oid: Type(oid, name, kind, part, delimiter, name) for oid, name, kind, part, delimiter in TYPES}  # type: ignore[arg-type]
)

EXTENSIONS: Mapping[str, int] = MappingProxyType(
    {name: -number for number, name in enumerate(("citext", "hstore", "ltree", "lquery", "ltxtquery"), 1)}
)
"""Types from contrib whose values are read here, with numbers of our own: theirs differ from database to database."""

_EXTENSION_TYPES = {number: Type(number, name, codec=name) for name, number in EXTENSIONS.items()}


def with_names(names: Iterable[tuple[int, str]]) -> Mapping[int, Type]:
    """The built-in types and further ones, by OID, of which only the name is known.

    An extension's type is recognised by its name, and so is an array of one (`_citext`); any other has its name
    and nothing more.
    """
    table = {**BUILT_IN, **_EXTENSION_TYPES}
    for oid, name in names:
        part = EXTENSIONS.get(name.removeprefix("_"), 0) if name.startswith("_") else 0
        codec = name if name in EXTENSIONS else ""
        table.setdefault(oid, Type(oid, name, "array" if part else "base", part, codec=codec))
    return table
