"""Text on its way to the client, through the policies: bytes in, text to the policies, bytes out.

What streams comes in pieces that mean nothing, and a policy looks for things that may stand across two of them. So
text is given to the policies up to the last border between lines, and the rest waits for more: until the line is
whole, until it is too long, or until the source is silent. What a program prints a character a second cannot be
found this way, whatever one waits.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.escapes import unfinished
from hoopaddon.output import Output
from hoopaddon.policy.chain import Chain
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

HELD_BYTES = 4096
"""How much of a line that does not end waits for its end."""
PIECE_BYTES = 1 << 16
"""How much a policy is given at once."""
WAITING_BYTES = 1 << 22
"""How much may arrive while a policy awaits, from a source that was asked to pause."""


class Policies(Protocol):
    """Where the chain in force is found: the gateway."""

    @property
    def chain(self) -> Chain: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How long text waits for what follows: seconds of silence.

    After `line_s` a line is given on without its end, but for a last word that may be the beginning of something;
    after `word_s` that as well. Nothing waits longer than `longest_s`. What comes after silence in a chunk of at most
    `echo_bytes` answers a key, and does not wait for the end of its line. `suspicious` tells which words wait.
    """

    line_s: float
    word_s: float
    longest_s: float
    echo_bytes: int
    suspicious: re.Pattern[bytes]
    escapes: bool


STEADY = Pace(0.025, 0.25, 1.0, 0, re.compile(rb""), False)
TERMINAL = Pace(0.004, 0.1, 0.2, 1024, re.compile(rb"@|[0-9]{4}|[0-9A-Za-z_-]{16}"), True)
# Nobody watches a body letter by letter, and a slow server must not cut a value by pausing in it.
BODY = Pace(0.025, 2.0, 10.0, 0, re.compile(rb""), False)
PACES = {"terminal": TERMINAL, "body": BODY}
"""By kind; all others are steady."""


class _Upto(IntEnum):
    LINE = 0
    WORD = 1
    END = 2


class TextStream:
    """One stream, `kind` as in `Output`. Bytes that no policy changes leave as they came, in their order.

    `write` sends bytes on. `fail` says that a policy refused or broke: nothing has passed of what it saw, nor will
    anything after it. `hold` asks the source to pause, and later to go on, while a policy awaits.
    """

    def __init__(
        self,
        session: Session,
        kind: str,
        command: Command | None,
        gateway: Policies,
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> None:
        self._session, self._kind, self._command = session, kind, command
        self._gateway = gateway
        self._write, self._fail, self._hold = write, fail, hold
        self._vars: dict[str, Any] = {}
        self._given_chars = 0
        self._pace = PACES.get(kind, STEADY)
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._waiting_since = self._fed_at = float("-inf")
        self._editing: asyncio.Task[None] | None = None
        self._flushing = self._closed = self._broken = self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    # -- what the source does

    def feed(self, data: bytes) -> None:
        """More has come."""
        if self._broken or self._closed or not data:
            return
        if self._editing is None and not self._gateway.chain.wants_output:
            self._send(bytes(self._waiting) + data)
            self._waiting.clear()
            self._settle()
            return
        now = self._loop.time()
        echo = not self._waiting and self._editing is None and now - self._fed_at > self._pace.line_s
        self._fed_at = now
        if not self._waiting:
            self._waiting_since = now
        self._waiting += data
        if len(self._waiting) > WAITING_BYTES and self._editing is not None:
            self._break(PeerError("server", "sends more than can wait for a policy", limit=WAITING_BYTES))
            return
        self._advance(_Upto.WORD if echo and len(data) <= self._pace.echo_bytes else _Upto.LINE)

    def flush(self) -> None:
        """Nothing follows for now: what was held back leaves."""
        self._flushing = True
        self._advance(_Upto.END)

    def close(self) -> None:
        """Nothing follows any more."""
        self._closed = True
        self.flush()

    def abort(self) -> None:
        """The client is gone: nothing leaves any more."""
        self._broken = True
        self._waiting.clear()
        if self._editing is not None:
            self._editing.cancel()
            self._editing = None
        self._settle()

    async def drained(self) -> None:
        """Returns when all that was fed before `flush` or `close` has left, or never will."""
        await self._idle.wait()

    def client_paused(self, paused: bool) -> None:
        """The client takes nothing now. Silence means nothing then: by reading slowly nobody shall cut a line."""
        self._paused = paused
        if not paused:
            self._fed_at = self._waiting_since = self._loop.time()
            self._set_timer()

    # -- how far

    def _advance(self, upto: _Upto) -> None:
        while self._waiting and self._editing is None and not self._broken:
            more = len(self._waiting) > PIECE_BYTES
            piece = bytes(self._waiting[:PIECE_BYTES])
            goal = _Upto.LINE if more else _Upto.END if self._flushing else upto
            cut = self._cut(piece, goal)
            if not cut:
                break
            del self._waiting[:cut]
            self._waiting_since = self._fed_at
            self._give(piece[:cut])
        self._settle()

    def _cut(self, data: bytes, goal: _Upto) -> int:
        if goal is _Upto.END:
            return len(data)
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if len(data) - cut > HELD_BYTES:
            cut = long_line_cut(data, cut)
        if goal is _Upto.WORD:
            word = last_value(data)
            cut = max(cut, word if self._pace.suspicious.search(data, word) else len(data))
        if self._pace.escapes:
            cut = min(cut, max(unfinished(data), len(data) - HELD_BYTES))
        return min(cut, whole_characters(data))

    def _settle(self) -> None:
        if not self._waiting:
            self._flushing = False
        if self._waiting or self._editing is not None:
            self._idle.clear()
            self._set_timer()
        else:
            self._idle.set()

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting and self._editing is None and not (self._paused or self._broken):
            self._timer = self._loop.call_at(self._due(self._pace.line_s), self._silent)

    def _due(self, silence_s: float) -> float:
        return min(self._fed_at + silence_s, self._waiting_since + self._pace.longest_s)

    def _silent(self) -> None:
        """The timer is never put off, only looked at again: most of what it waits for comes long before."""
        self._timer = None
        if not self._waiting or self._editing is not None or self._paused or self._broken:
            return
        now = self._loop.time()
        if now >= self._due(self._pace.word_s):
            self._advance(_Upto.END)
        elif now >= self._due(self._pace.line_s):
            self._advance(_Upto.WORD)
            if self._waiting and self._timer is not None:
                self._timer.cancel()
                self._timer = self._loop.call_at(self._due(self._pace.word_s), self._silent)
        else:
            self._set_timer()

    # -- through the policies

    def _give(self, data: bytes) -> None:
        """The policies' own part; in the order of the text, so one that awaits holds up all that follows."""
        text = data.decode("utf-8", "surrogateescape")
        output = Output(self._session, self._kind, text, self._command, vars=self._vars, offset=self._given_chars)
        self._given_chars += len(text)
        try:
            pending = self._gateway.chain.edit_output(output)
        except HoopaddonError as e:
            self._break(e)
            return
        if pending is None:
            self._pass_on(output, text, data)
            return
        # It starts at once: one that is cancelled before would leave the policy's coroutine behind.
        task = asyncio.Task(self._finish(pending, output, text, data), loop=self._loop, eager_start=True)
        if not task.done():
            self._editing = task
            self._hold(True)

    async def _finish(self, pending: Awaitable[None], output: Output, text: str, data: bytes) -> None:
        try:
            await pending
        except HoopaddonError as e:
            self._break(e)
        else:
            self._pass_on(output, text, data)
        if self._editing is not None:
            self._editing = None
            self._hold(False)
            self._waiting_since = self._fed_at = self._loop.time()
            self._advance(_Upto.LINE)

    def _pass_on(self, output: Output, text: str, data: bytes) -> None:
        try:
            edited = output.text
            changed = data if edited is text else edited.encode("utf-8", "surrogateescape")
        except (UnicodeEncodeError, AttributeError, TypeError):
            logger.error("a policy made of %s what cannot be sent", self._kind)
            self._break(HoopaddonError("a policy failed"))
            return
        self._send(changed)

    def _send(self, data: bytes) -> None:
        if not data or self._broken:
            return
        try:
            self._write(data)
        except OSError:
            self.abort()

    def _break(self, error: HoopaddonError) -> None:
        if self._broken:
            return
        self._broken = True
        self._waiting.clear()
        self._fail(error)
        self._settle()


# -- borders

_VALUE = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@%+._-/=:~\\" + bytes(range(0x80, 0x100))
_DIGITS = frozenset(b"0123456789")
_GAPS = b" ()"
_MOST_WORDS = 12
_LOOKED_AT = 1024

# A quote, a bracket or the like ends a value wherever it is printed.
_SYNTAX = re.compile(rb"""[\t"'{}\[\]<>|;](?!.*[\t"'{}\[\]<>|;])""", re.DOTALL)


def last_value(data: bytes) -> int:
    """Where the last word begins, with the groups of digits before it: `4111 1111 11` is one."""
    start = max(0, len(data) - _LOOKED_AT)
    begin = end = len(data)
    for _ in range(_MOST_WORDS):
        word = len(data[start:end].rstrip(_VALUE)) + start
        if word == end and end != len(data):
            break
        if end != len(data) and not (_DIGITS & {*data[word:end]} or data[word:end].isupper()):
            break
        begin = word
        end = len(data[start:word].rstrip(_GAPS)) + start
        if not 0 < word - end <= 2:
            break
    return begin


def long_line_cut(data: bytes, line: int) -> int:
    """Where to cut a line of which more is there than can wait: where a value is least likely to go on.

    It is looked for in the second half of what may wait, so that what follows the cut is there to be seen too.
    """
    first, last = max(line, len(data) - HELD_BYTES), len(data) - HELD_BYTES // 4
    if found := _SYNTAX.search(data, first, last):
        return found.end()
    end = last
    while (space := data.rfind(b" ", first, end)) >= 0:
        if not _DIGITS & {*data[max(first, space - 8) : space + 9]}:
            return space + 1
        end = space
    space = data.rfind(b" ", first, last)
    return space + 1 if space >= 0 else whole_characters(data[:last])


def whole_characters(data: bytes) -> int:
    """The length without a UTF-8 sequence of which only the beginning is there."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[len(data) - back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) - back if byte < 0xF8 and needed > back else len(data)
        if byte < 0x80:
            break
    return len(data)
