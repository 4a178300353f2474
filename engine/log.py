"""What the program prints while it runs: one line per event, with the time, errors in red, no tracebacks."""

import logging
import sys
import traceback
from collections.abc import Callable
from typing import IO

from mitmproxy import log
from mitmproxy.addons import termlog

# Their debug output is about every frame and event, and quotes what is in it.
_TALKATIVE = ("asyncio", "hpack", "quic", "tornado", "urllib3", "botocore")


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

    def emit(self, record: logging.LogRecord) -> None:
        if self._broken:
            return
        if record.exc_info and self.level > logging.DEBUG:
            record = logging.makeLogRecord(vars(record) | {"exc_info": None, "exc_text": None})
        try:
            print(self.format(record), file=self.file, flush=True)
        except OSError:
            self._broken = True
            self._on_broken()


class TerminalLog(termlog.TermLog):
    """mitmproxy's addon of this name, with our lines. `on_broken` is called once, when nobody reads them any more."""

    name = "termlog"

    def __init__(self, on_broken: Callable[[], None], out: IO[str] | None = None) -> None:
        self.logger = _Handler(out or sys.stdout, on_broken)
        self.logger.install()
        logging.getLogger().setLevel(logging.DEBUG)
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.WARNING)
