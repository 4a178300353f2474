"""The values of an answer's header fields, through the policies' `output` hook, before any of them is sent."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.stream import TextStream
from hoopaddon.web.edited import EditedBody
from hoopaddon.web.request import Headers

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

KIND = "header"

_ACTED_ON = re.compile(
    r"""
    # How the message is framed, coded, cached and asked for again.
      age | allow | alt-svc | cache-control | connection | content-(encoding|language|length|range|type) | date | etag
    | expires | keep-alive | last-modified | retry-after | server | trailer | transfer-encoding | upgrade | vary | via
    | accept-.* | sec-websocket-.* | grpc-(status|message|encoding|accept-encoding)
    # Where the client goes next, and by what it is known there.
    | location | content-location | link | refresh | set-cookie | (www|proxy)-authenticate | authentication-info
    | mcp-(session-id|protocol-version)
    # What browsers go by, and API servers say with every answer.
    | access-control-.* | content-security-policy.* | cross-origin-.* | permissions-policy | referrer-policy
    | strict-transport-security | x-content-type-options | x-frame-options | x-xss-protection
    | audit-id | x-kubernetes-pf-.*
    """,
    re.VERBOSE,
)
"""Fields that clients act on: one that is half masked would lead them somewhere else."""
_BINARY = "-bin"
"""Ends the names of gRPC's binary metadata, which nobody looks into."""


def edited_fields(fields: Headers, command: Command, gateway: "Gateway") -> Headers:
    """The fields as the policies leave them; where that takes longer than at once, without those that they look at.

    Raises `Refused`, also where a policy fails.
    """
    looked_at = [(name, value) for name, value in fields if not _ACTED_ON.fullmatch(name.lower())]
    if not looked_at:
        return fields
    shown = iter(_through(looked_at, command, gateway))
    kept = [(name, value if _ACTED_ON.fullmatch(name.lower()) else next(shown)) for name, value in fields]
    return Headers(tuple((name, value) for name, value in kept if value is not None))


def _through(fields: list[tuple[str, str]], command: Command, gateway: "Gateway") -> list[str | None]:
    """Each value as it may be seen; None for what nobody looks into, or what a policy has not left in place."""
    lines = [f"{name}: {value}" for name, value in fields if _is_text(name, value)]
    edited = _edited("".join(f"{line}\n" for line in lines), command, gateway)
    after = edited.split("\n")[:-1]
    if len(after) != len(lines):
        return [None] * len(fields)
    values = iter(after)
    return [_value(next(values), name) if _is_text(name, value) else None for name, value in fields]


def _is_text(name: str, value: str) -> bool:
    return not name.lower().endswith(_BINARY) and "\n" not in value and "\r" not in value


def _value(line: str, name: str) -> str | None:
    said, colon, value = line.partition(": ")
    return value if colon and said == name and _is_text(name, value) and "\0" not in value else None


def _edited(text: str, command: Command, gateway: "Gateway") -> str:
    """Empty where a policy awaits something: the head cannot wait for that."""

    def stream(
        write: Callable[[bytes], None], fail: Callable[[HoopaddonError], None], hold: Callable[[bool], None]
    ) -> TextStream:
        return TextStream(command.session, KIND, command, gateway, write, fail, hold)

    through = EditedBody(stream, more=lambda: None, hold=lambda _: None)
    shown = b"".join(through.feed(text.encode("utf-8", "surrogateescape")) + through.end())
    if through.failure is not None:
        failure = through.failure
        raise failure if isinstance(failure, Refused) else Refused("a policy failed at the answer's header fields")
    if not through.is_over:
        through.abort()
        return ""
    return shown.decode("utf-8", "surrogateescape")
