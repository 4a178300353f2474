"""Requests as clients send them, for tests."""

from hoopaddon.adapters.http.command import HttpRequest
from hoopaddon.errors import Unparsable
from hoopaddon.testing import session
from hoopaddon.web.request import Headers, WebRequest

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def request(
    line: str = "GET /", body: bytes | str | None = b"", media: str = "", fields: dict[str, str] | None = None
) -> WebRequest:
    """`line` is `METHOD PATH?QUERY`; `fields` are further headers."""
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    headers = (("Content-Type", media),) if media else ()
    content = body.encode() if isinstance(body, str) else body
    return WebRequest(
        method, "https", "api.internal", 443, path, query, Headers((*headers, *(fields or {}).items())), content
    )


def sent(
    line: str = "GET /", body: bytes | str | None = b"", media: str = "", fields: dict[str, str] | None = None
) -> HttpRequest:
    """The command that such a request is."""
    return HttpRequest.of(session(protocol="http"), request(line, body, media, fields))


def unparsable(command: HttpRequest) -> str:
    """Why the facts about it cannot be read; empty where they can."""
    try:
        command.facts  # noqa: B018
    except Unparsable as e:
        return e.reason
    return ""
