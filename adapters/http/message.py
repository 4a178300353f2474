"""A client's message on a WebSocket, as policies see it."""

import hashlib

from hoopaddon.command import Command
from hoopaddon.session import Session


class HttpMessage(Command, hook="http_message", protocol="http"):
    """A message that a client sends on a WebSocket: `text` is the message, of one in binary its length."""

    __slots__ = ()


def message_of(session: Session, data: str | bytes) -> HttpMessage:
    """The command that a message is; one in binary is bound by its hash, in `parameters`."""
    if isinstance(data, str):
        return HttpMessage(session, data)
    return HttpMessage(session, f"({len(data)} bytes)", (f"sha256:{hashlib.sha256(data).hexdigest()}",))
