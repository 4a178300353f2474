"""Where a listener is, as people write it: PORT or HOST:PORT, an IPv6 address in brackets."""

import re

_LISTEN = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]@\s]+):)?(?P<port>[0-9]{1,5})")


def place_of(text: str) -> tuple[str, int] | None:
    """The host, which may be empty, and the port; None for what is no place to listen at."""
    found = _LISTEN.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        return None
    return (found["host"] or "").strip("[]"), int(found["port"])
