"""What the gateway knows about each type, by OID."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from hoopaddon.adapters.postgres.types.built_in import TYPES

type Kind = Literal["base", "array", "composite", "range", "multirange", "enum", "domain"]

RECORD = 2249
LAST_BUILT_IN_OID = 16383
"""What users and extensions create is numbered from here on (FirstNormalObjectId)."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type's name and what it is made of: an array's element, a range's bounds, a domain's base.

    `part` is an OID, 0 where there is none or where each value says it.
    """

    oid: int
    name: str
    kind: Kind = "base"
    part: int = 0
    delimiter: str = ","


BUILT_IN: Mapping[int, Type] = MappingProxyType(
    {oid: Type(oid, name, kind, part, delimiter) for oid, name, kind, part, delimiter in TYPES}  # type: ignore[arg-type]
)

EXTENSIONS = frozenset({"citext", "hstore", "ltree", "lquery", "ltxtquery"})
"""Types from contrib whose values are read here. Any other type that is not built in is opaque."""


def with_names(names: Mapping[int, str], types: Mapping[int, Type] = BUILT_IN) -> Mapping[int, Type]:
    """The table with further types of which only the name is known.

    An extension's type is recognised by its name, and so is an array of one (`_citext`); whatever else has a
    name has its name and nothing more.
    """
    by_name = {name: oid for oid, name in names.items() if name in EXTENSIONS}
    table = dict(types)
    for oid, name in names.items():
        if oid <= LAST_BUILT_IN_OID or oid in types:
            continue
        part = by_name.get(name.removeprefix("_"), 0) if name.startswith("_") else 0
        table[oid] = Type(oid, name, "array" if part else "base", part)
    return table
