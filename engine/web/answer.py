"""What a client is answered: by the target, or by the gateway in its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoopaddon.errors import Refused, Unparsable
from hoopaddon.web.request import NO_HEADERS, Headers

PROBLEM = "application/problem+json"
BODILESS = frozenset({204, 304})
"""Statuses of answers that end with their head (RFC 9112 section 6.3)."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """A response's head; `body` where it is the gateway's own."""

    status: int
    headers: Headers = NO_HEADERS
    body: bytes = b""

    @property
    def media_type(self) -> str:
        """`application/json`, in lower case, without parameters; empty where none is said."""
        return self.headers.get("content-type").partition(";")[0].strip().lower()


def json_answer(
    status: int, document: Mapping[str, Any], *, media_type: str = "application/json", headers: Headers = NO_HEADERS
) -> WebAnswer:
    """An answer of the gateway's own that is a JSON document."""
    fields = (("content-type", media_type), ("cache-control", "no-store"), *headers)
    return WebAnswer(status, Headers(fields), json.dumps(document).encode())


def status_of(error: Refused) -> int:
    """The status of a refusal: what its adapter says, else 403."""
    code = error.code if isinstance(error, Unparsable) else ""
    return int(code) if code.isdecimal() else 403


def problem(
    status: int, title: str, detail: str = "", policy: str = "", *, headers: Headers = NO_HEADERS, **more: Any
) -> WebAnswer:
    """An error in the form of RFC 9457 (problem details), without a detail where there is nothing safe to say."""
    about: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        about["detail"] = detail
    if policy:
        about["policy"] = policy
    return json_answer(status, about | more, media_type=PROBLEM, headers=headers)
