"""Whether a text can stand where another stood, when nothing but the other says what belongs there.

A composite value's text does not say what its fields are. A client that reads them does know, so a field that
looks like a number has to stay one.
"""

import re
from collections.abc import Mapping

from hoopaddon.adapters.postgres.values.types.literals import parse_array, parse_range, parse_record
from hoopaddon.adapters.postgres.values.types.scalar import Scalar, Unfit
from hoopaddon.adapters.postgres.values.types.textual import TEXTUAL

_SHAPES = (
    *("bool", "int8", "numeric", "float8", "money", "uuid", "date", "timestamp", "timestamptz", "time", "timetz"),
    *("interval", "inet", "cidr", "macaddr", "macaddr8", "bytea", "point", "pg_lsn"),
)
_INTEGER = re.compile(r"-?[0-9]+")
_MAX_DEPTH = 16


def require_alike(old: str, new: str, scalars: Mapping[str, Scalar], depth: int = 0) -> None:
    """Raise `Unfit` unless `new` is a value of every type that `old` is evidently one of."""
    if old == new:
        return
    if depth > _MAX_DEPTH or not old:
        raise Unfit
    if _INTEGER.fullmatch(old):
        _integer(old, new)
        return
    for name in _SHAPES:
        if _is(scalars[name], old):
            scalars[name].encode(new)
            return
    if old[0] in "{[(":
        _structure(old, new, scalars, depth + 1)


def _integer(old: str, new: str) -> None:
    # As many digits as an int4 has could be one; more than an int8 has are a numeric.
    if not _INTEGER.fullmatch(new) or len(new) > max(len(old), 9):
        raise Unfit


def _is(scalar: Scalar, text: str) -> bool:
    try:
        scalar.encode(text)
    except ValueError:
        return False
    return True


def _structure(old: str, new: str, scalars: Mapping[str, Scalar], depth: int) -> None:
    """JSON, an array, a composite or a range stays one, of the same shape where it has one."""
    try:
        TEXTUAL["json"](old)
    except Unfit:
        pass
    else:
        TEXTUAL["json"](new)
        return
    for parse in (_array_elements, parse_record, _range_bounds):
        try:
            before = parse(old)
        except Unfit:
            continue
        require_parts_alike(before, parse(new), scalars, depth)
        return


def require_parts_alike(
    old: list[str | None], new: list[str | None], scalars: Mapping[str, Scalar], depth: int = 0
) -> None:
    """Raise `Unfit` unless there are as many parts, each NULL or like the one before it."""
    if len(old) != len(new):
        raise Unfit
    for before, after in zip(old, new, strict=True):
        if after is not None:
            require_alike(before or "", after, scalars, depth)


def _array_elements(text: str) -> list[str | None]:
    return list(parse_array(text).elements)


def _range_bounds(text: str) -> list[str | None]:
    value = parse_range(text)
    return [value.lower, value.upper]
