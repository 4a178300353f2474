"""Errors, notices and notifications on their way to the client: their text goes through the policies."""

from collections.abc import Awaitable
from dataclasses import replace

from hoopaddon.adapters.postgres.codec import Diagnostics, Notification
from hoopaddon.adapters.postgres.command import PostgresQuery
from hoopaddon.adapters.postgres.link import Link
from hoopaddon.output import Output

QUOTING_FIELDS = (b"M", b"D", b"H", b"q", b"W")
"""The fields that can quote data: message, detail, hint, internal query, context (section 54.8)."""


class Wording:
    """Gives each message back as the policies leave it, at once or, where one of them awaits, later."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def diagnosed(self, message: bytes, kind: str, command: PostgresQuery | None = None) -> bytes | Awaitable[bytes]:
        """An ErrorResponse (`kind` is `error`) or NoticeResponse (`notice`); an error is its command's."""
        diagnostics = Diagnostics.parse(message[5:])
        outputs: dict[bytes, Output] = {}
        waits: list[Awaitable[None]] = []
        if self._link.gateway.chain.wants_output:
            for letter in QUOTING_FIELDS:
                if letter in diagnostics.fields:
                    text = diagnostics.fields[letter].decode(self._link.encoding, "replace")
                    outputs[letter] = output = Output(self._link.session, kind, text, command)
                    if pending := self._link.gateway.chain.edit_output(output):
                        waits.append(pending)

        def edited() -> bytes:
            fields = diagnostics.fields | {letter: self._encoded(output) for letter, output in outputs.items()}
            if kind == "error" and command is not None:
                code, text = (
                    fields.get(letter, b"").decode(self._link.encoding, "replace") for letter in (b"C", b"M")
                )
                command.error = f"{code} {text}"
            if fields == diagnostics.fields:
                return message
            return Diagnostics(fields).serialize(message[:1])

        async def later() -> bytes:
            for pending in waits:
                await pending
            return edited()

        return later() if waits else edited()

    def notification(self, message: bytes) -> bytes | Awaitable[bytes]:
        """A NotificationResponse: its payload is whatever somebody passed to NOTIFY."""
        if not self._link.gateway.chain.wants_output:
            return message
        notification = Notification.parse(message[5:])
        text = notification.payload.decode(self._link.encoding, "replace")
        output = Output(self._link.session, "notification", text)
        pending = self._link.gateway.chain.edit_output(output)

        def edited() -> bytes:
            if output.text == text:
                return message
            return replace(notification, payload=self._encoded(output)).serialize()

        async def later(pending: Awaitable[None]) -> bytes:
            await pending
            return edited()

        return edited() if pending is None else later(pending)

    def _encoded(self, output: Output) -> bytes:
        return output.text.replace("\0", "").encode(self._link.encoding, "replace")
