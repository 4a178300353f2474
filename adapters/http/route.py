"""The template of a path: what of it names a kind of thing, and what one of them."""

import re
from collections.abc import Iterable

ID = "{id}"

_IDS = re.compile(
    r"""
      [0-9]+                                                          # 42
    | [0-9]+(?:[-,:._][0-9]+)+                                        # 2024-01-31, 1.2.3, 1,2,3
    | [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}                     # a UUID
    | \{[0-9a-f-]{36}\}
    | (?=[a-f-]*[0-9])[0-9a-f]{8,}                                    # a hash, a Mongo id
    | [0-9A-HJKMNP-TV-Z]{26}                                          # a ULID
    | [a-z]{1,10}[_-](?=[a-z]*[0-9])[0-9a-z]{6,}                      # cus_9s6XKzkNRiz8i3
    | (?=[a-z_-]*[0-9])(?=[0-9_-]*[a-z])[0-9a-z_-]{20,}               # a token
    | [^@]+@[^@]+\.[a-z]+                                             # an address
    | [0-9]+[-_][0-9a-z_-]+                                           # 42-a-title
    | @[0-9a-z_.-]+
    """,
    re.VERBOSE | re.IGNORECASE,
)
_MOST_CHARACTERS = 512


def is_id(segment: str) -> bool:
    """Whether a segment tells one thing from others of its kind."""
    # An encoded slash is a part of a name: `group%2Fproject`.
    return "%2F" in segment or len(segment) > _MOST_CHARACTERS or _IDS.fullmatch(segment) is not None


def route_of(segments: Iterable[str]) -> str:
    """`/users/{id}/orders/{id}`."""
    return "/" + "/".join(ID if is_id(segment) else segment for segment in segments)
