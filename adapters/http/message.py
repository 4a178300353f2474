"""A client's message on a WebSocket, as policies see it."""

import hashlib
from collections.abc import Sequence
from typing import Any

from hoopaddon.adapters.http.facts import message_facts
from hoopaddon.command import Command
from hoopaddon.facts import Facts
from hoopaddon.session import Session


class HttpMessage(Command, hook="http_message", protocol="http"):
    """A message that a client sends on a WebSocket: `text` is the message, of one in binary its length.

    Where it carries GraphQL, verbs and objects are those of its operations, as in a request.
    """

    is_message = True
    __slots__ = ("_data", "_facts", "_facts_text")

    def __init__(self, session: Session, text: str, parameters: Sequence[Any] = (), data: bytes = b"") -> None:
        super().__init__(session, text, parameters)
        self._data = data
        self._facts: Facts | None = None
        self._facts_text = text

    @property
    def facts(self) -> Facts:
        """Facts about the message, computed when first read. Raises `Unparsable` where it cannot be read."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            # A server may take JSON in binary for JSON.
            is_binary = self._data and self.text is self.original_text
            facts = message_facts(self._data.decode("utf-8", "replace") if is_binary else self.text)
            self._facts, self._facts_text = facts, self.text
        return facts


def message_of(session: Session, data: str | bytes) -> HttpMessage:
    """The command that a message is; one in binary is bound by its hash, in `parameters`."""
    if isinstance(data, str):
        return HttpMessage(session, data)
    return HttpMessage(session, f"({len(data)} bytes)", (f"sha256:{hashlib.sha256(data).hexdigest()}",), data)
