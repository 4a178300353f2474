"""Errors, notices and notifications on their way to the client: their text goes through the policies."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from hoopaddon.adapters.postgres.protocol.codec import Diagnostics, Notification, parameter_status_message
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.output import Output

QUOTING_FIELDS = (b"M", b"D", b"H", b"q", b"W", b"s", b"t", b"c", b"d", b"n")
"""The fields that can quote data: message, detail, hint, internal query, context, and names (section 54.8)."""

_LAST_WORDS = (b"FATAL", b"PANIC")


class Wording:
    """Gives each message back as the policies leave it, at once or, where one of them awaits, later."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def diagnosed(self, message: bytes, kind: str, command: PostgresQuery | None = None) -> bytes | Awaitable[bytes]:
        """An ErrorResponse (`kind` is `error`) or NoticeResponse (`notice`); an error is its command's."""
        diagnostics = Diagnostics.parse(message[5:])
        if diagnostics.fields.get(b"V", diagnostics.fields.get(b"S")) in _LAST_WORDS:
            self._link.target_left = True
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
        """A NotificationResponse: channel and payload are whatever somebody passed to pg_notify."""
        notification = Notification.parse(message[5:])
        texts = (notification.channel, notification.payload)

        def edited(channel: bytes, payload: bytes) -> bytes:
            return replace(notification, channel=channel, payload=payload).serialize()

        return self._worded(message, "notification", texts, edited)

    def parameter(self, message: bytes) -> bytes | Awaitable[bytes]:
        """A ParameterStatus: a setting's value can be anything that was selected into it."""
        name, value = message[5:-1].split(b"\0", 1)
        return self._worded(message, "parameter", (value,), lambda text: parameter_status_message(name, text))

    def _worded(
        self, message: bytes, kind: str, texts: tuple[bytes, ...], edited: Callable[..., bytes]
    ) -> bytes | Awaitable[bytes]:
        """The message, made anew by `edited` where the policies change one of its texts."""
        chain, encoding = self._link.gateway.chain, self._link.encoding
        if not chain.wants_output:
            return message
        outputs = [Output(self._link.session, kind, text.decode(encoding, "replace")) for text in texts]
        before = [output.text for output in outputs]
        waits = [pending for output in outputs if (pending := chain.edit_output(output))]

        def now() -> bytes:
            if [output.text for output in outputs] == before:
                return message
            return edited(*(self._encoded(output) for output in outputs))

        async def later() -> bytes:
            for pending in waits:
                await pending
            return now()

        return later() if waits else now()

    def _encoded(self, output: Output) -> bytes:
        return output.text.replace("\0", "").encode(self._link.encoding, "replace")
