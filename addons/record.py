"""Record every session: what was asked, what was decided, and what the client saw."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Column, Command, ConfigError, Loader, Output, Refused, Rows, Session, ctx
from hoopaddon.store import STORE_HELP, Journal, JournalError, Store, open_store, redact

logger = logging.getLogger(__name__)

_FLUSH_AFTER_S = 0.2
_HELD_ROWS = 16
_OUTPUT_LIMIT_CHARS = 8192
_PARAMETER_LIMIT_CHARS = 65536
_WITHHELD = "[withheld: a secret]"
_KEY = "record"


class Record(Addon):
    """Keeps one journal per session. A command that cannot be recorded is refused."""

    observer = True

    def __init__(self) -> None:
        self._store: Store | None = None
        self._unwritten: set[Journal] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rows_limit = 0
        self._bytes_limit = 0

    def load(self, loader: Loader) -> None:
        loader.add_option("store", str, "", STORE_HELP)
        loader.add_option("record_rows", int, 1000, "Record at most this many rows of each command's result.")
        loader.add_option("record_bytes", int, 1 << 20, "Record at most this many bytes of each command's result.")
        loader.add_option("record_fsync", bool, False, "Wait until each command's record is on the disk: slow.")

    def configure(self, updated: set[str]) -> None:
        self._rows_limit = max(ctx.options.record_rows, 0)
        self._bytes_limit = max(ctx.options.record_bytes, 0)
        if self._store is None or updated & {"store", "confdir", "record_fsync"}:
            options = ctx.options
            try:
                self._store = open_store(options.store, confdir=options.confdir, fsync=options.record_fsync)
            except ConfigError as e:
                raise OptionsError(str(e)) from None

    def done(self) -> None:
        # Sessions that go on stay open: a newer version of this policy finds their journals in `vars`.
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    def session_start(self, session: Session) -> None:
        self._begin(session)

    def command(self, command: Command) -> None:
        recording: _Recording = command.session.vars.get(_KEY) or self._begin(command.session)
        fields, secret = _asked(command, recording.journal)
        if command.decisions:
            fields["approvals"] = _approvals(command)
        try:
            recording.journal.append("command", fields, durable=True)
        except JournalError as e:
            logger.error("session %s: a command was refused: %s", command.session.id, e)
            raise Refused(f"it cannot be recorded, so it cannot run ({e})") from None
        recording.running[command.number] = _Result(self._rows_limit, self._bytes_limit, secret)

    def rows(self, rows: Rows) -> None:
        recording: _Recording | None = rows.command.session.vars.get(_KEY)
        if recording is None:
            return
        result = recording.running.get(rows.command.number)
        if result is None or result.rows_left <= 0 or not len(rows):
            return
        cells = _within_limits(rows, result)
        if cells:
            if result.held is not None:
                self._append(recording, "rows", {"command": rows.command.number, **result.held})
                result.held = None
            fields: dict[str, Any] = {"cells": cells}
            if rows.columns != result.columns:
                # The first batch, or the first of another result of the same command.
                result.columns = rows.columns
                fields["columns"] = [column.name for column in rows.columns]
            result.recorded += len(cells)
            if len(cells) <= _HELD_ROWS:
                # The answer to most commands is one small batch: it goes into the line of the command's end.
                result.held = fields
            else:
                self._append(recording, "rows", {"command": rows.command.number, **fields})

    def output(self, output: Output) -> None:
        recording: _Recording | None = output.session.vars.get(_KEY)
        if recording is None:
            return
        fields: dict[str, Any] = {"kind": output.kind, "text": output.text[:_OUTPUT_LIMIT_CHARS]}
        if output.command is not None:
            fields["command"] = output.command.number
            if result := recording.running.get(output.command.number):
                if result.bytes_left <= 0:
                    return
                result.bytes_left -= len(output.text)
                if result.secret:
                    fields["text"] = _WITHHELD
        self._append(recording, "output", fields)

    def command_end(self, command: Command) -> None:
        recording: _Recording = command.session.vars.get(_KEY) or self._begin(command.session)
        result = recording.running.pop(command.number, None)
        verdict = command.verdict
        fields: dict[str, Any] = {"command": command.number}
        secret = result.secret if result else False
        if result is None:
            fields, secret = _asked(command, recording.journal)
        fields["verdict"] = verdict.outcome
        if verdict.addon or verdict.reason:
            fields["addon"], fields["reason"] = verdict.addon, verdict.reason
        fields["trace"] = [(t.addon, t.hook, t.outcome, t.reason, t.microseconds) for t in command.trace]
        if secret and verdict.code:
            # The target's own words for what is wrong with a text quote it.
            fields["reason"] = _WITHHELD
            fields["trace"] = [(t.addon, t.hook, t.outcome, "", t.microseconds) for t in command.trace]
        if verdict.passes:
            fields["rows"], fields["bytes"], fields["seconds"] = command.rows, command.bytes, command.duration_s
            fields["tag"] = command.tag
            if result and result.recorded < command.rows:
                fields["recorded_rows"] = result.recorded
        if result and result.held is not None:
            fields.update(result.held)
        if command.error:
            fields["error"] = _WITHHELD if secret else command.error
        self._append(recording, "command_end", fields)

    def session_end(self, session: Session) -> None:
        recording: _Recording | None = session.vars.pop(_KEY, None)
        if recording is None:
            return
        for number, result in recording.running.items():
            if result.held is not None:
                self._append(recording, "rows", {"command": number, **result.held})
        self._unwritten.discard(recording.journal)
        try:
            recording.journal.close({"commands": session.commands})
        except JournalError as e:
            logger.error("session %s: its record could not be closed: %s", session.id, e)

    def _begin(self, session: Session) -> "_Recording":
        if self._store is None:
            raise Refused("it cannot be recorded: the record policy is not configured")
        try:
            recording = _Recording(self._store.journal(session))
        except JournalError as e:
            logger.error("session %s: %s", session.id, e)
            raise Refused(f"this session cannot be recorded ({e})") from None
        session.vars[_KEY] = recording
        return recording

    def _append(self, recording: "_Recording", kind: str, fields: dict[str, Any]) -> None:
        """Add an event that need not be on disk at once. Without it the journal says that one is missing."""
        try:
            recording.journal.append(kind, fields, durable=False)
        except JournalError as e:
            logger.error("session %s: an event was not recorded: %s", recording.journal.session_id, e)
        self._unwritten.add(recording.journal)
        if self._timer is None:
            self._flush_soon()

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._flush()
        else:
            self._timer = loop.call_later(_FLUSH_AFTER_S, self._flush)

    def _flush(self) -> None:
        self._timer = None
        unwritten, self._unwritten = self._unwritten, set()
        for journal in unwritten:
            try:
                journal.flush()
            except JournalError as e:
                # What could not be written stays with the journal, and goes out with its next event.
                logger.error("session %s: %s", journal.session_id, e)


class _Recording:
    """What a session's `vars` hold for this policy."""

    __slots__ = ("journal", "running")

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.running: dict[int, _Result] = {}
        """The commands that were forwarded and have not ended, by number."""


class _Result:
    """How much of a command's result may still be recorded."""

    __slots__ = ("bytes_left", "columns", "held", "recorded", "rows_left", "secret")

    def __init__(self, rows_left: int, bytes_left: int, secret: bool) -> None:
        self.rows_left = rows_left
        self.bytes_left = bytes_left
        self.secret = secret
        self.recorded = 0
        self.columns: tuple[Column, ...] | None = None
        self.held: dict[str, Any] | None = None
        """The last batch, where it is small and may turn out to be the only one."""


def _asked(command: Command, journal: Journal) -> tuple[dict[str, Any], bool]:
    """What was asked, without its secrets, and whether it had any."""
    shown = redact(command.text)
    fields: dict[str, Any] = {"command": command.number, "kind": command.hook, "text": shown.text}
    if shown.secret:
        fields["text_hmac"] = journal.fingerprint(command.text)
    if command.text is not command.original_text and command.text != command.original_text:
        fields["asked"] = redact(command.original_text).text
    if command.parameters:
        texts = _as_text(command.parameters)
        fields["parameters"] = [
            _WITHHELD if number in shown.parameters else text for number, text in enumerate(texts, 1)
        ]
        if shown.parameters:
            fields["parameters_hmac"] = journal.fingerprint(repr(texts))
    return fields, shown.secret


def _as_text(parameters: Sequence[Any]) -> list[str | None]:
    texts = []
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


def _within_limits(rows: Rows, result: _Result) -> list[tuple[str | None, ...]]:
    """The rows of the batch that may be recorded; with the first that may not, the command's budget is spent."""
    count = min(len(rows), result.rows_left)
    columns = [rows.texts(position)[:count] for position in range(len(rows.columns))]
    cells: list[tuple[str | None, ...]] = list(zip(*columns, strict=True)) if columns else [()] * count
    size = sum(map(_size, columns))
    result.rows_left -= count
    if size > result.bytes_left:
        fitting = _fitting(cells, result.bytes_left)
        result.rows_left = 0
        cells = cells[:fitting]
    result.bytes_left -= size
    return cells


def _fitting(cells: Sequence[Sequence[str | None]], left: int) -> int:
    for position, row in enumerate(cells):
        left -= _size(row)
        if left < 0:
            return position
    return len(cells)


def _size(texts: Sequence[str | None]) -> int:
    return len("".join(filter(None, texts)).encode("utf-8", "surrogatepass"))


addons = [Record()]
