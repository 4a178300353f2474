"""Record every session: what was asked, what was decided, and what the client saw."""

import asyncio
import logging

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Command, ConfigError, FileOperation, Loader, Output, Refused, Rows, Session, ctx
from hoopaddon.store import STORE_HELP, Journal, JournalError, Recording, Store, open_store

logger = logging.getLogger(__name__)

_FLUSH_AFTER_S = 0.2
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
        self._terminal_limit = 0
        self._file_limit = 0

    def load(self, loader: Loader) -> None:
        loader.add_option("store", str, "", STORE_HELP)
        loader.add_option("record_rows", int, 1000, "Record at most this many rows of each command's result.")
        loader.add_option("record_bytes", int, 1 << 20, "Record at most this many bytes of each command's result.")
        loader.add_option(
            "record_terminal_bytes", int, 1 << 28, "Record at most this many bytes of each session's terminals."
        )
        loader.add_option(
            "record_file_bytes",
            int,
            0,
            "Record at most this many of the first bytes of each file that is transferred.",
        )
        loader.add_option("record_fsync", bool, False, "Wait until each command's record is on the disk: slow.")

    def configure(self, updated: set[str]) -> None:
        self._rows_limit = max(ctx.options.record_rows, 0)
        self._bytes_limit = max(ctx.options.record_bytes, 0)
        self._terminal_limit = max(ctx.options.record_terminal_bytes, 0)
        self._file_limit = max(ctx.options.record_file_bytes, 0)
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
        recording: Recording = command.session.vars.get(_KEY) or self._begin(command.session)
        try:
            recording.command(command, self._rows_limit, self._bytes_limit)
        except JournalError as e:
            logger.error("session %s: a command was refused: %s", command.session.id, e)
            raise Refused(f"it cannot be recorded, so it cannot run ({e})") from None
        if self._file_limit and isinstance(command, FileOperation):
            command.keep_content(self._file_limit)

    def rows(self, rows: Rows) -> None:
        recording: Recording | None = rows.command.session.vars.get(_KEY)
        if recording is not None and recording.rows(rows):
            self._write_soon(recording)

    def output(self, output: Output) -> None:
        recording: Recording | None = output.session.vars.get(_KEY)
        if recording is not None:
            recording.output(output, self._terminal_limit)
            self._write_soon(recording)

    def command_end(self, command: Command) -> None:
        recording: Recording = command.session.vars.get(_KEY) or self._begin(command.session)
        recording.command_end(command)
        self._write_soon(recording)

    def session_end(self, session: Session) -> None:
        recording: Recording | None = session.vars.pop(_KEY, None)
        if recording is None:
            return
        self._unwritten.discard(recording.journal)
        try:
            recording.close(session)
        except JournalError as e:
            logger.error("session %s: its record could not be closed: %s", session.id, e)

    def _begin(self, session: Session) -> Recording:
        if self._store is None:
            raise Refused("it cannot be recorded: the record policy is not configured")
        try:
            recording = Recording(self._store.journal(session))
        except JournalError as e:
            logger.error("session %s: %s", session.id, e)
            raise Refused(f"this session cannot be recorded ({e})") from None
        session.vars[_KEY] = recording
        return recording

    def _write_soon(self, recording: Recording) -> None:
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


addons = [Record()]
