"""What a session's journal says of its commands: each as it was forwarded, what came back, and how it ended.

A command's own event is written before it is forwarded. All others wait for the journal's next write: where one of
them cannot be kept, the journal says so.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

from hoopaddon.command import ALLOWED, Command
from hoopaddon.commands import FileOperation
from hoopaddon.output import Output
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.store.journal import Journal, JournalError
from hoopaddon.store.redact_command import is_worth_a_look, redact_command, redact_output
from hoopaddon.store.streams import RESIZE, TERMINAL, TEXTS, encoded, fields_of

logger = logging.getLogger(__name__)

DEFAULT_TERMINAL_BYTES: Final = 1 << 28
"""How much of a session's terminals is recorded where nobody says otherwise: a day of busy typing and looking."""
_HELD_ROWS: Final = 16
_OUTPUT_LIMIT_CHARS: Final = 8192
_PARAMETER_LIMIT_CHARS: Final = 65536
_WITHHELD: Final = "[withheld: a secret]"


class Recording:
    """The journal of a session that goes on. Each command's result is kept up to so many rows and bytes."""

    __slots__ = ("_columns", "_names", "_terminal_bytes", "_terminal_cut", "journal", "running")

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._terminal_bytes = 0
        self._terminal_cut = False
        self.running: dict[int, _Result] = {}
        """The commands that were forwarded and have not ended, by number."""
        self._columns: tuple[Column, ...] = ()
        self._names: list[str] = []

    def command(self, command: Command, rows_limit: int, bytes_limit: int) -> None:
        """Record what is about to be forwarded. Raises `JournalError`; then it must not be."""
        fields: dict[str, Any] = {"command": command.number}
        secret = _describe(command, fields, self.journal)
        if command.decisions:
            fields["approvals"] = _approvals(command)
        if command.notes:
            fields["notes"] = [list(note) for note in command.notes]
        self.journal.append("command", fields, durable=True)
        self.running[command.number] = _Result(rows_limit, bytes_limit, secret)

    def rows(self, rows: Rows) -> bool:
        """Record a batch as the client sees it, up to the limits of its command; whether that waits for a write."""
        number, count = rows.command.number, len(rows)
        result = self.running.get(number)
        if result is None or result.rows_left <= 0 or not count:
            return False
        cells = result.within_limits(rows, count)
        if not cells:
            return False
        first = result.held
        if first is not None:
            self._add("rows", {"command": number, **first})
            result.held = None
        fields: dict[str, Any] = {"cells": cells}
        if rows.columns != result.columns:
            # The first batch, or the first of another result of the same command.
            result.columns = rows.columns
            fields["columns"] = self._names_of(rows.columns)
        result.recorded += len(cells)
        if len(cells) <= _HELD_ROWS:
            # The answer to most commands is one small batch: it goes into the line of the command's end.
            result.held = fields
            return first is not None
        self._add("rows", {"command": number, **fields})
        return True

    def output(self, output: Output, terminal_limit: int = DEFAULT_TERMINAL_BYTES) -> None:
        """Record a text as the client sees it; of terminals so many bytes in all of the session."""
        kind, command = output.kind, output.command
        result = None if command is None else self.running.get(command.number)
        if kind in TEXTS:
            self._stream(output, result, terminal_limit)
            return
        if kind == RESIZE and self._terminal_cut:
            return
        fields: dict[str, Any] = {"kind": kind}
        withheld = False
        if command is not None:
            fields["command"] = command.number
            if result is not None and kind != RESIZE:
                if result.bytes_left <= 0:
                    return
                result.bytes_left -= len(output.text)
                withheld = result.secret
        fields["text"] = _WITHHELD if withheld else redact_output(output)[:_OUTPUT_LIMIT_CHARS]
        self._add("output", fields)

    def _stream(self, output: Output, result: "_Result | None", terminal_limit: int) -> None:
        """Record what is on its way to a screen or a pipe, whole up to its limit; beyond that, that it was cut."""
        data = encoded(output.text)
        size = len(data)
        if result is None or output.kind == TERMINAL:
            left, was_cut = terminal_limit - self._terminal_bytes, self._terminal_cut
            self._terminal_bytes += size
            self._terminal_cut = was_cut or size > left
        else:
            left, was_cut = result.bytes_left, result.cut
            result.bytes_left -= size
            result.cut = was_cut or size > left
        if was_cut or not size:
            return
        fields: dict[str, Any] = {"kind": output.kind}
        if output.command is not None:
            fields["command"] = output.command.number
        if size <= left:
            self._add("output", {**fields, **fields_of(output.text, data)})
            return
        if left > 0:
            kept = data[:left]
            self._add("output", {**fields, **fields_of(kept.decode("utf-8", "surrogateescape"), kept)})
        self._add("cut", fields)

    def _contents(self, operation: FileOperation) -> None:
        for kind, data in operation.content.items():
            text = fields_of(data.decode("utf-8", "surrogateescape"), data)
            self._add("output", {"kind": kind, "command": operation.number, **text})

    def command_end(self, command: Command) -> None:
        """Record how a command ended; all of it where it was never forwarded."""
        number, verdict = command.number, command.verdict
        if isinstance(command, FileOperation):
            self._contents(command)
        result = self.running.pop(number, None)
        fields: dict[str, Any] = {"command": number}
        secret = _describe(command, fields, self.journal) if result is None else result.secret
        fields["verdict"] = verdict.outcome
        if verdict.addon or verdict.reason:
            fields["addon"], fields["reason"] = verdict.addon, verdict.reason
        fields["trace"] = [(t.addon, t.hook, t.outcome, t.reason, t.microseconds) for t in command.trace]
        if secret and verdict.code:
            # The target's own words for what is wrong with a text quote it.
            fields["reason"] = _WITHHELD
            fields["trace"] = [(t.addon, t.hook, t.outcome, "", t.microseconds) for t in command.trace]
        if verdict is ALLOWED or verdict.passes:
            fields["rows"] = command.rows
            fields["bytes"] = command.bytes
            fields["seconds"] = command.duration_s
            fields["tag"] = command.tag
            if result is not None and result.recorded < command.rows:
                fields["recorded_rows"] = result.recorded
        if result is not None and result.held is not None:
            fields.update(result.held)
        if command.error:
            fields["error"] = _WITHHELD if secret else command.error
        self._add("command_end", fields)

    def close(self, session: Session) -> None:
        """Sign the journal, with what is left of commands that never ended. Raises `JournalError`."""
        for number, result in self.running.items():
            if result.held is not None:
                self._add("rows", {"command": number, **result.held})
        why = {"reason": session.ended} if session.ended else {}
        self.journal.close({"commands": session.commands, **why})

    def _names_of(self, columns: tuple[Column, ...]) -> list[str]:
        # The same statement again has the same columns.
        if columns is not self._columns:
            self._names = [column.name for column in columns]
            self._columns = columns
        return self._names

    def _add(self, type: str, fields: dict[str, Any]) -> None:
        """Add an event that need not be on disk at once. Without it the journal says that one is missing."""
        try:
            self.journal.append(type, fields, durable=False)
        except JournalError as e:
            logger.error("session %s: an event was not recorded: %s", self.journal.session_id, e)


class _Result:
    """How much of a command's result may still be recorded."""

    __slots__ = ("bytes_left", "columns", "cut", "held", "recorded", "rows_left", "secret")

    def __init__(self, rows_left: int, bytes_left: int, secret: bool) -> None:
        self.rows_left = rows_left
        self.bytes_left = bytes_left
        self.secret = secret
        self.recorded = 0
        self.cut = False
        """Whether the journal says that what streams back is not all there."""
        self.columns: tuple[Column, ...] | None = None
        self.held: dict[str, Any] | None = None
        """The last batch, where it is small and may turn out to be the only one."""

    def within_limits(self, rows: Rows, count: int) -> list[Sequence[str | None]]:
        """The rows of the batch that may be recorded; with the first that may not, the command's budget is spent."""
        columns = [rows.texts(position) for position in range(len(rows.columns))]
        if count == 1:
            cells: list[Sequence[str | None]] = [[column[0] for column in columns]]
            size = _size(cells[0])
        else:
            count = min(count, self.rows_left)
            columns = [column[:count] for column in columns]
            cells = list(zip(*columns, strict=True)) if columns else [()] * count
            size = sum([_size(column) for column in columns])
        self.rows_left -= count
        if size > self.bytes_left:
            self.rows_left = 0
            cells = cells[: _fitting(cells, self.bytes_left)]
        self.bytes_left -= size
        return cells


def _describe(command: Command, fields: dict[str, Any], journal: Journal) -> bool:
    """Say what was asked, without its secrets; whether it had any."""
    text, parameters = command.text, command.parameters
    fields["kind"] = command.hook
    secret = False
    withheld: frozenset[int] = frozenset()
    if is_worth_a_look(command, text):
        shown = redact_command(command, text)
        secret, withheld = shown.secret, shown.parameters
        if secret:
            fields["text_hmac"] = journal.fingerprint(text)
        text = shown.text
    fields["text"] = text
    if isinstance(command, FileOperation):
        fields["path"] = command.path
        if command.new_path:
            fields["new_path"] = command.new_path
    if command.text is not command.original_text and command.text != command.original_text:
        fields["asked"] = redact_command(command, command.original_text).text
    if parameters:
        texts = _as_text(parameters)
        if withheld:
            fields["parameters_hmac"] = journal.fingerprint(repr(texts))
            texts = [_WITHHELD if number in withheld else text for number, text in enumerate(texts, 1)]
        fields["parameters"] = texts
    return secret


def _as_text(parameters: Sequence[Any]) -> list[str | None]:
    texts: list[str | None] = []
    for value in parameters:
        if value is not None and type(value) is not str:
            value = "\\x" + value.hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)
        if value is not None and len(value) > _PARAMETER_LIMIT_CHARS:
            value = f"{value[:_PARAMETER_LIMIT_CHARS]} [and {len(value) - _PARAMETER_LIMIT_CHARS} characters more]"
        texts.append(value)
    return texts


def _approvals(command: Command) -> list[dict[str, Any]]:
    return [
        {"policy": question.policy, "approvers": list(decision.approvers), "reason": decision.reason}
        for question, decision in command.decisions
    ]


def _fitting(cells: Sequence[Sequence[str | None]], left: int) -> int:
    for position, row in enumerate(cells):
        left -= _size(row)
        if left < 0:
            return position
    return len(cells)


def _size(texts: Sequence[str | None]) -> int:
    size = 0
    for text in texts:
        if text is not None:
            size += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size
