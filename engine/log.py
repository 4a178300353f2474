"""What the program prints while it runs: one line per event, with the time, errors in red, no tracebacks."""

import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import IO

from mitmproxy import log
from mitmproxy.addons import termlog

# Their debug output is about every frame and event, and quotes what is in it.
_TALKATIVE = ("asyncio", "asyncssh", "hpack", "httpcore2", "keyring", "quic", "tornado", "urllib3")

_NOBODY_READS = (errno.EPIPE, errno.EBADF)

logger = logging.getLogger(__name__)


class _Formatter(log.MitmFormatter):
    """mitmproxy's format, where a traceback has neither the values of variables nor the exception's message.

    The message of an exception may quote what was on the wire.
    """

    def formatException(self, ei: object) -> str:
        error = ei[1] if isinstance(ei, tuple) else None
        if not isinstance(error, BaseException):
            return ""
        return f"{''.join(traceback.format_tb(error.__traceback__))}{type(error).__name__}"


class _Handler(termlog.TermLogHandler):
    def __init__(self, out: IO[str] | None, on_broken: Callable[[], None]) -> None:
        super().__init__(out)
        self.formatter = _Formatter(self.has_vt_codes)
        self._on_broken = on_broken
        self._broken = False
        self._missed = 0
        """Lines that could not be written since the last that could."""

    def emit(self, record: logging.LogRecord) -> None:
        if self._broken:
            return
        if record.exc_info and self.level > logging.DEBUG:
            record = logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None})
        try:
            print(self.format(record), file=self.file, flush=True)
        except OSError as e:
            self._not_written(e)
        else:
            self._written()

    def _not_written(self, error: OSError) -> None:
        """A full disk may have room again: the gateway goes on, and policies refuse what they cannot record."""
        self._missed += 1
        if error.errno in _NOBODY_READS:
            self._broken = True
            self._on_broken()

    def _written(self) -> None:
        missed, self._missed = self._missed, 0
        if missed:
            logger.warning("This log could not be written for a while: up to %d lines are missing.", missed)

    def uninstall(self) -> None:
        super().uninstall()
        try:
            self.file.flush()
        except OSError:
            # Python would try the same at its exit, complain, and end with an error.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)


class TerminalLog(termlog.TermLog):
    """mitmproxy's addon of this name, with our lines. `on_broken` is called once, when nobody reads them any more."""

    name = "termlog"

    def __init__(self, on_broken: Callable[[], None], out: IO[str] | None = None) -> None:
        out = out or sys.stdout
        if isinstance(out, io.TextIOWrapper):
            # A line that the terminal's encoding does not have must not fail whoever logs it.
            out.reconfigure(errors="backslashreplace")
        self.logger = _Handler(out, on_broken)
        self.logger.install()
        logging.getLogger().setLevel(logging.DEBUG)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
