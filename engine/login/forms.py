"""Forms and queries, read so that nobody can read them otherwise."""

from urllib.parse import parse_qsl

from hoopaddon.errors import HoopaddonError

MOST_FIELDS = 32


class BadRequest(HoopaddonError):
    """A request that is no request. The text is for the client, and holds nothing of what it sent."""


def fields_of(text: str) -> dict[str, str]:
    """The fields of a form or a query. Raises `BadRequest` where one occurs twice (RFC 6749 section 3.2)."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest("not a form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadRequest("a parameter occurs twice")
    return fields
