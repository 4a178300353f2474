"""The query of a URL, as the API server reads it: by Go's `url.ParseQuery`, and strictly where that is forgiving."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote_plus

from hoopaddon.errors import Unparsable

SEVERAL = frozenset({"command", "dryRun", "ports"})
"""Parameters that may be given more than once; of all others the server takes one, and drops the rest in silence."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

type Query = Mapping[str, tuple[str, ...]]


def read_query(query: str) -> Query:
    """The parameters by name, each with its values. Raises `Unparsable`.

    Go drops a pair with a semicolon or a bad escape, and goes on without it: whoever reads it would be misled.
    """
    found: dict[str, list[str]] = {}
    if ";" in query or _BAD_ESCAPE.search(query):
        raise Unparsable("a query with a semicolon or a broken escape, which the server would skip")
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        try:
            found.setdefault(unquote_plus(name, errors="strict"), []).append(unquote_plus(value, errors="strict"))
        except UnicodeDecodeError:
            raise Unparsable("a query that is not UTF-8") from None
    return MappingProxyType({name: tuple(values) for name, values in found.items()})


def refuse_repeats(query: Query) -> None:
    """Raises `Unparsable` for a parameter that is given twice where the server takes one."""
    for name, values in query.items():
        if len(values) > 1 and name not in SEVERAL:
            raise Unparsable(f"the parameter {shown(name)} is given twice")


def first(query: Query, name: str) -> str:
    return query[name][0] if name in query else ""


def is_true(query: Query, name: str) -> bool:
    """Any value but `0` and `false` is true, an empty one too (apimachinery, `Convert_Slice_string_To_bool`)."""
    return name in query and query[name][0] != "0" and query[name][0].lower() != "false"


def shown(name: str) -> str:
    """A name from a request, in a message."""
    return re.sub(r"[^\x21-\x7e]", "?", name)[:60]
