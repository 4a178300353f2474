"""What a client types at a terminal: every line is judged before the key that submits it goes to the target.

All other keys go at once. How a line is known, and when it is not, is said in docs/ssh-terminals.md.
"""

import asyncio
import logging
import re
from collections.abc import Callable

from hoopaddon.command import Outcome, Verdict
from hoopaddon.policy.in_force import Judge, judged
from hoopaddon.session import Session
from hoopaddon.terminal.command import UNSURE, TypedLine
from hoopaddon.terminal.line import Line
from hoopaddon.terminal.pace import FIRST_ECHO_WITHIN_S, Pace, RoundTrip
from hoopaddon.terminal.reading import Prompts, Reading, alike, read, shows
from hoopaddon.terminal.screen import Place
from hoopaddon.terminal.typed import TypedInput

logger = logging.getLogger(__name__)

SETTLES_WITHIN_S = 0.5
"""How long a screen that keeps changing is waited for, where only it tells the line."""
ANSWERS_WITHIN_S = 4.0
"""How long a target may take to answer at all; Enter waits no longer than that to be judged."""
MOST_WAITING = 1 << 18

# Enter, and what else makes a line editor or the terminal itself submit a line. ^X^E runs what an editor makes of it.
_GATE = re.compile(rb"[\r\n\x0f\x04]|(?<=\x18)\x05")
_END_OF_INPUT = b"\x04"
_EDITOR = b"\x05"
_GIVE_UP = b"\x03"
# ^G ends a search, or a key of several of which the first was typed: ^X^E would run the line.
_ERASE = b"\x07\x05\x15"
_PASTE_ENDS = b"\x1b[201~"


class TerminalInput(TypedInput):
    """See the module; `round_trip` is what `Pace` says."""

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
        round_trip: RoundTrip | None = None,
    ) -> None:
        super().__init__(session, gateway, send, tell, line=line, size=size, hold=hold)
        self._line = Line()
        self._prompts = Prompts()
        self._pace = Pace(round_trip)
        self._start: Place | None = None
        self._before = b""
        self._queue = bytearray()
        self._given_up = False
        self._shown = asyncio.Event()

    # -- what happens

    def keys(self, data: bytes) -> None:
        """The client has typed this."""
        if self._closed:
            return
        if self._judging is not None:
            abandoned = data.rfind(_GIVE_UP)
            if abandoned >= 0:
                self._queue[:] = data[abandoned + 1 :]
                self._given_up = True
                self._judging.cancel()
                return
        self._queue += data
        if len(self._queue) > MOST_WAITING:
            del self._queue[MOST_WAITING:]
            self._say("too much was typed ahead; some of it is dropped", "")
        self._hold(self._judging is not None and len(self._queue) > MOST_WAITING // 2)
        self._pump()

    def screen(self, data: bytes) -> None:
        """The target has sent this to be shown."""
        self._screen.feed(data)
        self._pace.shown(asyncio.get_running_loop().time())
        self._shown.set()

    def _forget(self) -> None:
        self._queue.clear()

    # -- keys

    def _pump(self) -> None:
        while self._queue and self._judging is None and not self._closed:
            context = self._before + bytes(self._queue)
            gate = _GATE.search(context, len(self._before))
            keys = context[len(self._before) : gate.start() if gate else len(context)]
            if keys:
                self._type(keys)
            if gate is None:
                self._queue.clear()
                break
            del self._queue[: len(keys) + 1]
            self._before = gate[0]
            self._submit(gate[0])
        if self._judging is None:
            self._idle.set()
            self._hold(False)
        else:
            self._idle.clear()

    def _type(self, keys: bytes) -> None:
        if not self._line.touched:
            self._start = self._screen.place
            self._prompts.stands(self._screen)
            self._screen.printed = ""
        if _GIVE_UP in keys:
            self._entered.given_up()
        self._line.feed(keys)
        self._before = keys[-1:]
        self._pace.typed(asyncio.get_running_loop().time())
        self._send(keys)

    def _submit(self, gate: bytes) -> None:
        ends_input = gate == _END_OF_INPUT and self._line.certain and not self._line.text
        if ends_input or (self._screen.full_screen and not self._at_known_prompt()):
            self._go(gate)
            return
        self._begin(self._judge(gate))

    def _at_known_prompt(self) -> bool:
        """Whether a shell's prompt is there although a program has the screen: a multiplexer, or a trick."""
        return self._start is not None and self._prompts.knows(self._screen.before(self._start))

    def _go(self, gate: bytes) -> None:
        """The key that submits goes, and a new line begins unless the key was a part of the line."""
        line = self._line
        self._pace.submitted()
        self._send(gate)
        if gate == _END_OF_INPUT and line.text:
            line.doubt()
        elif line.quotes_next or (line.in_paste and self._screen.brackets_paste):
            line.feed(b"\n")
        else:
            line.clear()
            self._start = None
            self._screen.printed = ""

    # -- judging

    async def _judge(self, gate: bytes) -> None:
        try:
            await self._judge_line(gate)
        except asyncio.CancelledError:
            if self._closed or not self._given_up:
                raise
            self._abandon()
        except Exception as e:
            # Nothing of it may go, whatever went wrong here.
            logger.error("a line could not be judged: %s", type(e).__name__)
            await self._refuse("this line could not be judged")
        finally:
            self._given_up = False
            self._judging = None
        self._pump()

    async def _judge_line(self, gate: bytes) -> None:
        self._line.end_key()
        settled = await self._settle()
        reading = self._read(gate, settled=settled)
        if reading is None:
            self._go(gate)
            return
        command = self._entered.command(*reading)
        text = command.text
        command.tell_when_held(self._say_held)
        try:
            verdict = await judged(self._gateway, command)
            if verdict.passes and command.text != text:
                verdict = await self._retype(command, verdict)
        except asyncio.CancelledError:
            command.error = "given up"
            raise
        finally:
            self._gateway.chain.end_command(command)
        if not verdict.passes:
            await self._refuse(f"{verdict.reason} (refused by {verdict.addon})")
            return
        self._entered.went(command)
        self._go(gate)

    def _read(self, gate: bytes, *, settled: bool) -> Reading | None:
        reading = read(self._screen, self._line, self._start, self._prompts, settled=settled)
        if gate == _EDITOR:
            return Reading(reading.text if reading else "", UNSURE)
        if self._start is not None:
            prompt = self._screen.before(self._start)
            if not self._entered.earlier or alike(prompt, self._prompts.first):
                self._entered.given_up()
                self._prompts.first = prompt
        return reading

    async def _settle(self) -> bool:
        """Wait until the screen shows the line; whether it does."""
        line = self._line
        if not line.touched or (line.certain and shows(self._screen, line, self._start)):
            return True
        if line.in_paste and self._screen.brackets_paste:
            # Line editors show a paste when all of it is there.
            return False
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                return await (self._echoed() if line.certain else self._still())
        except TimeoutError:
            return False

    async def _echoed(self) -> bool:
        """Whether what was typed is shown soon after the target has it."""
        loop = asyncio.get_running_loop()
        reached = asyncio.Task(self._pace.reach(), loop=loop)
        reached.add_done_callback(lambda _: self._shown.set())
        deadline: float | None = None
        try:
            while not shows(self._screen, self._line, self._start):
                if deadline is None and reached.done():
                    reached.result()
                    deadline = loop.time() + self._echo_within_s
                if not await self._something_shown(None if deadline is None else deadline - loop.time()):
                    return False
        finally:
            reached.cancel()
        return True

    @property
    def _echo_within_s(self) -> float:
        return max(self._pace.echo_within_s, 0.0 if self._screen.events else FIRST_ECHO_WITHIN_S)

    async def _still(self, is_there: Callable[[], bool] = lambda: False) -> bool:
        """Whether the screen comes to rest after the target has had the time to answer the keys.

        It does at once where all that is awaited `is_there`.
        """
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while deadline is None or loop.time() < deadline:
            events = self._screen.events
            quiet = not await self._something_shown(self._pace.quiet_s)
            if not quiet and is_there():
                return True
            if not quiet and deadline is not None:
                continue
            # What it sent meanwhile may still be on its way: it was silent if nothing is.
            await self._pace.reach()
            if quiet and self._screen.events == events:
                return True
            if deadline is None:
                deadline = loop.time() + SETTLES_WITHIN_S + 2 * self._pace.quiet_s
        return False

    async def _something_shown(self, within_s: float | None) -> bool:
        self._shown.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._shown.wait()
        except TimeoutError:
            return False
        return True

    async def _retype(self, command: TypedLine, verdict: Verdict) -> Verdict:
        """Put another line in the place of what was typed."""
        new = command.text
        cannot = Verdict(Outcome.REFUSED, "this line cannot be rewritten here", "hoopaddon")
        if self._entered.earlier or self._line.in_paste or self._start is None or not new.isprintable():
            return cannot
        keys = new.encode("utf-8", "surrogateescape")
        self._line.clear()
        self._line.feed(keys)
        self._send(_ERASE + keys)
        return verdict if await self._settle() else cannot

    # -- words to the user

    async def _refuse(self, reason: str) -> None:
        """The line is erased at the target, the reason is shown, and the prompt again."""
        line, prompt = self._line, self._screen.before(self._start) if self._start is not None else ""
        self._queue.clear()
        in_paste = line.in_paste and self._screen.brackets_paste
        whole = bool(self._entered.earlier) or in_paste or "\n" in line.text
        self._entered.given_up()
        # ^U leaves the program alone that reads the line; only ^C takes back lines that were submitted before.
        self._send((_PASTE_ENDS if in_paste else b"") + (_GIVE_UP if whole else _ERASE))
        line.clear()
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await self._still(lambda: not whole and self._screen.line().rstrip() == prompt.rstrip())
        except TimeoutError:
            logger.debug("the target shows nothing of a line that was erased")
        left = self._screen.before(self._screen.place)
        self._say(reason, left if whole else prompt)
        self._start = None if whole or left.rstrip() == prompt.rstrip() else self._screen.place
        if self._start is not None:
            # Something is still there: the next line is what the screen shows, whatever is typed.
            line.touched, line.certain = True, False

    def _abandon(self) -> None:
        """The user has given up a line that was held."""
        self._send(_GIVE_UP)
        self._entered.given_up()
        self._line.clear()
        self._start = None
