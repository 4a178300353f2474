"""All types without parts that are known here, by PostgreSQL's name."""

import re
from collections.abc import Mapping
from functools import lru_cache

from hoopaddon.adapters.postgres.values.types.datetimes import DATETIMES
from hoopaddon.adapters.postgres.values.types.geometry import BYTES, GEOMETRY
from hoopaddon.adapters.postgres.values.types.network import NETWORK
from hoopaddon.adapters.postgres.values.types.numbers import NUMBERS
from hoopaddon.adapters.postgres.values.types.parts import BinaryArray, join_array, split_array
from hoopaddon.adapters.postgres.values.types.scalar import Scalar, matched
from hoopaddon.adapters.postgres.values.types.search import CHAR, hstore, tsvector

_NUMBERS_TEXT = re.compile(r"(?:-?[0-9]{1,10}(?: -?[0-9]{1,10})*)?")


def _vector(element_type: int, element: Scalar) -> Scalar:
    """int2vector and oidvector: arrays from 0 on, in binary; numbers with spaces between them, as text."""

    def decode(data: bytes) -> str:
        found = split_array(data).elements
        return " ".join(element.decode(value) for value in found if value is not None)

    def encode(text: str) -> bytes:
        numbers = [element.encode(number) for number in matched(_NUMBERS_TEXT, text)[0].split()]
        return join_array(BinaryArray(element_type, ((len(numbers), 0),), numbers))

    return Scalar(decode, encode)


@lru_cache(maxsize=64)
def scalars(encoding: str) -> Mapping[str, Scalar]:
    """The table for this client encoding (Python's name)."""
    return {
        **NUMBERS,
        **DATETIMES,
        **NETWORK,
        **GEOMETRY,
        **BYTES,
        "char": CHAR,
        "int2vector": _vector(21, NUMBERS["int2"]),
        "oidvector": _vector(26, NUMBERS["oid"]),
        "tsvector": tsvector(encoding),
        "hstore": hstore(encoding),
    }
