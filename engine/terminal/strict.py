"""Lines that the gateway edits itself: the target is sent whole lines, as they were judged, and nothing else.

Nothing completes and no history is recalled. Programs that take the whole screen, or single keys, get none: they are
refused. Only the keys that interrupt a program go to it.
"""

import asyncio
import codecs
import logging
import re
from collections import deque
from collections.abc import Callable

from hoopaddon.command import Outcome, Verdict
from hoopaddon.policy.in_force import Judge, judged
from hoopaddon.session import Session
from hoopaddon.terminal.command import HIDDEN, KNOWN, TypedLine
from hoopaddon.terminal.line import MOST_CHARACTERS
from hoopaddon.terminal.screen import width
from hoopaddon.terminal.settings import changes_input
from hoopaddon.terminal.typed import TypedInput

logger = logging.getLogger(__name__)

MOST_WAITING = 1 << 18

_ASKS_FOR_A_SECRET = re.compile(
    r"(?:passw|passphrase|passcode|\bpin\b|secret|token|verification|code).*:\s*$", re.IGNORECASE
)
_TOKEN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])?|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+", re.DOTALL)
_ERASE_ALL, _ERASE_WORD = "\x15", "\x17"
_SETTINGS = Verdict(
    Outcome.REFUSED, "what changes how the terminal reads lines is refused here (lines=strict)", "hoopaddon"
)
_INTERRUPTS = "\x03\x1a\x1c"


class StrictInput(TypedInput):
    """See the module."""

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        send: Callable[[bytes], None],
        tell: Callable[[bytes], None],
        *,
        line: type[TypedLine],
        size: tuple[int, int] = (80, 24),
        hold: Callable[[bool], None] | None = None,
    ) -> None:
        super().__init__(session, gateway, send, tell, line=line, size=size, hold=hold)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._hidden = False
        self._queue: deque[str] = deque()
        self._waiting = 0

    def keys(self, data: bytes) -> None:
        """The client has typed this."""
        if self._closed:
            return
        tokens = _TOKEN.findall(self._decoder.decode(data))
        if self._judging is not None and "\x03" in tokens:
            self._queue.clear()
            self._judging.cancel()
            return
        self._waiting += len(data)
        if self._waiting > MOST_WAITING:
            return
        self._queue.extend(tokens)
        self._hold(self._judging is not None)
        self._pump()

    def screen(self, data: bytes) -> None:
        """The target has sent this to be shown."""
        before = self._screen.full_screen
        self._screen.feed(data)
        if self._screen.full_screen and not before:
            self._send(b"\x03")
            self._say_here(
                "programs that take the whole screen are refused here (lines=strict); ^C, ^Z and ^\\ reach them"
            )

    def _forget(self) -> None:
        self._queue.clear()

    def _pump(self) -> None:
        while self._queue and self._judging is None and not self._closed:
            self._key(self._queue.popleft())
        if self._judging is None:
            self._waiting = 0
            self._hold(False)
            self._idle.set()
        else:
            self._idle.clear()

    def _key(self, key: str) -> None:
        if key in _INTERRUPTS or (key == "\x04" and not self._text):
            self._show_erased(len(self._text))
            self._text = ""
            self._entered.given_up()
            self._send(key.encode())
        elif self._screen.full_screen:
            return
        elif key in "\r\n":
            self._begin(self._judge())
        elif key in "\x7f\b":
            self._erase_to(len(self._text) - 1)
        elif key == _ERASE_ALL:
            self._erase_to(0)
        elif key == _ERASE_WORD:
            self._erase_to(self._text.rstrip().rfind(" ") + 1)
        elif key >= " " and key != "\x7f" and len(self._text) + len(key) <= MOST_CHARACTERS:
            self._insert(key)

    def _insert(self, text: str) -> None:
        if not self._text:
            self._hidden = _ASKS_FOR_A_SECRET.search(self._screen.before(self._screen.place)) is not None
        self._text += text
        if not self._hidden:
            self._show(text)

    def _erase_to(self, length: int) -> None:
        length = max(0, length)
        self._show_erased(len(self._text) - length)
        self._text = self._text[:length]

    def _show_erased(self, count: int) -> None:
        if count and not self._hidden:
            # A wide character takes two cells.
            cells = sum(width(c) for c in self._text[len(self._text) - count :])
            self._show("\b \b" * cells)

    async def _judge(self) -> None:
        try:
            await self._judge_line()
        except asyncio.CancelledError:
            if self._closed:
                raise
            self._drop("given up")
        except Exception as e:
            logger.error("a line could not be judged: %s", type(e).__name__)
            self._drop("this line could not be judged")
        finally:
            self._judging = None
        self._pump()

    async def _judge_line(self) -> None:
        line = self._text
        if not line.strip():
            self._go(line)
            return
        command = self._entered.command(line, HIDDEN if self._hidden else KNOWN)
        text = command.text
        command.tell_when_held(self._say_held)
        try:
            verdict = await judged(self._gateway, command)
            if verdict.passes and changes_input(command.programs):
                verdict, command.error = _SETTINGS, _SETTINGS.reason
        except asyncio.CancelledError:
            command.error = "given up"
            raise
        finally:
            self._gateway.chain.end_command(command)
        rewritten = command.text != text
        if not verdict.passes or (rewritten and (self._entered.earlier or not command.text.isprintable())):
            reason = verdict.reason or "this line cannot be rewritten here"
            self._drop(f"{reason} (refused by {verdict.addon or 'hoopaddon'})")
            return
        self._entered.went(command)
        self._go(command.text if rewritten else line)

    def _go(self, line: str) -> None:
        """The target shows the line itself, so what was shown of it goes first."""
        self._show_erased(len(self._text))
        self._text = ""
        self._send(line.encode("utf-8", "surrogateescape") + b"\r")

    def _drop(self, reason: str) -> None:
        self._queue.clear()
        self._show_erased(len(self._text))
        self._text = ""
        self._say_here(reason)
        if self._entered.earlier:
            self._entered.given_up()
            self._send(b"\x03")

    def _say_here(self, text: str) -> None:
        """What stands on the line comes again after it."""
        self._say(text, self._screen.before(self._screen.place))
