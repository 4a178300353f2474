"""Errors, notices and notifications on their way to the client: their text goes through the policies."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from hoopaddon.adapters.postgres.protocol.codec import (
    Diagnostics,
    Notification,
    notice_response,
    parameter_status_message,
)
from hoopaddon.adapters.postgres.session.link import INSUFFICIENT_PRIVILEGE, Link, refusal
from hoopaddon.adapters.postgres.session.withholding import note, verdict_on
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.output import Output
from hoopaddon.policy.chain import PolicyFailed

QUOTING_FIELDS = (b"M", b"D", b"H", b"q", b"W", b"s", b"t", b"c", b"d", b"n")
"""The fields that can quote data: message, detail, hint, internal query, context, and names (section 54.8)."""

_LAST_WORDS = (b"FATAL", b"PANIC")


class Wording:
    """Gives each message back as the policies leave it, at once or, where one of them awaits, later.

    An error or a notification that a policy does not let through has an answer of its own in its place. Where that is
    not enough, `Refused` and `PolicyFailed` are raised: by a notice, so that its command fails, and by a parameter,
    which the client must know.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    def error(self, message: bytes, command: PostgresQuery | None = None) -> bytes | Awaitable[bytes]:
        """An ErrorResponse, its command's if it has one."""
        diagnostics = Diagnostics.parse(message[5:])
        severity = "ERROR"
        if diagnostics.fields.get(b"V", diagnostics.fields.get(b"S")) in _LAST_WORDS:
            self._link.target_left = True
            severity = "FATAL"

        def instead(error: HoopaddonError) -> bytes:
            verdict = verdict_on(error)
            if command is not None:
                command.error = note(verdict)
            return refusal(verdict, severity=severity)

        return _or_else(lambda: self._diagnosed(message, diagnostics, "error", command), instead)

    def notice(self, message: bytes, command: PostgresQuery | None) -> bytes | Awaitable[bytes]:
        """A NoticeResponse while a command runs."""
        return self._diagnosed(message, Diagnostics.parse(message[5:]), "notice", command)

    def stray_notice(self, message: bytes) -> bytes | Awaitable[bytes]:
        """A NoticeResponse that no command of the client's has to do with."""
        return _or_else(lambda: self.notice(message, None), _said_instead)

    def _diagnosed(
        self, message: bytes, diagnostics: Diagnostics, kind: str, command: PostgresQuery | None
    ) -> bytes | Awaitable[bytes]:
        letters = [letter for letter in QUOTING_FIELDS if letter in diagnostics.fields]

        def edited(*texts: bytes) -> bytes:
            fields = diagnostics.fields | dict(zip(letters, texts, strict=True))
            if kind == "error" and command is not None:
                code, said = (
                    fields.get(letter, b"").decode(self._link.encoding, "replace") for letter in (b"C", b"M")
                )
                command.error = f"{code} {said}"
            if fields == diagnostics.fields:
                return message
            return Diagnostics(fields).serialize(message[:1])

        return self._worded(kind, [diagnostics.fields[letter] for letter in letters], edited, command)

    def notification(self, message: bytes) -> bytes | Awaitable[bytes]:
        """A NotificationResponse: channel and payload are whatever somebody passed to pg_notify."""
        notification = Notification.parse(message[5:])

        def edited(channel: bytes, payload: bytes) -> bytes:
            return replace(notification, channel=channel, payload=payload).serialize()

        texts = (notification.channel, notification.payload)
        return _or_else(lambda: self._worded("notification", texts, edited), _said_instead)

    def parameter(self, message: bytes) -> bytes | Awaitable[bytes]:
        """A ParameterStatus: a setting's value can be anything that was selected into it."""
        name, value = message[5:].removesuffix(b"\0").split(b"\0", 1)
        return self._worded("parameter", (value,), lambda text: parameter_status_message(name, text))

    def _worded(
        self,
        kind: str,
        texts: Sequence[bytes],
        edited: Callable[..., bytes],
        command: PostgresQuery | None = None,
    ) -> bytes | Awaitable[bytes]:
        """The message that `edited` makes of the texts as the policies leave them."""
        chain, encoding = self._link.gateway.chain, self._link.encoding
        if not chain.wants_output:
            return edited(*texts)
        outputs = [Output(self._link.session, kind, text.decode(encoding, "replace"), command) for text in texts]

        def now() -> bytes:
            return edited(*(self._encoded(output) for output in outputs))

        for number, output in enumerate(outputs):
            if pending := chain.edit_output(output):
                return self._awaited(pending, outputs[number + 1 :], now)
        return now()

    async def _awaited(self, pending: Awaitable[None], others: list[Output], then: Callable[[], bytes]) -> bytes:
        await pending
        for output in others:
            if more := self._link.gateway.chain.edit_output(output):
                await more
        return then()

    def _encoded(self, output: Output) -> bytes:
        return output.text.replace("\0", "").encode(self._link.encoding, "replace")


def _or_else(
    make: Callable[[], bytes | Awaitable[bytes]], instead: Callable[[HoopaddonError], bytes]
) -> bytes | Awaitable[bytes]:
    """What `make` gives, and where a policy does not let it through, what is said instead."""
    try:
        made = make()
    except (Refused, PolicyFailed) as e:
        return instead(e)
    if isinstance(made, bytes):
        return made

    async def later() -> bytes:
        try:
            return await made
        except (Refused, PolicyFailed) as e:
            return instead(e)

    return later()


def _said_instead(error: HoopaddonError) -> bytes:
    """A warning, which a server may send at any time."""
    verdict = verdict_on(error)
    return notice_response("WARNING", INSUFFICIENT_PRIVILEGE, f"a message was withheld: {verdict.reason}")
