"""The prompt of `hoopaddon try`."""

import asyncio
from collections.abc import Awaitable, Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.lexers import Lexer, PygmentsLexer
from prompt_toolkit.patch_stdout import patch_stdout
from pygments.lexers import find_lexer_class_by_name
from pygments.util import ClassNotFound

from hoopaddon.cli.terminal import console, plural
from hoopaddon.cli.try_gateway import Trial
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy
from hoopaddon.scripts.check import decides

type Judge = Callable[[str], Awaitable[int]]

QUIT = frozenset({r"\q", "quit", "exit"})


async def prompt(trial: Trial, judge: Judge, protocol: str, first: str | None) -> int:
    """Judge what is typed, until the end of input; judge the last of it again whenever a script is saved."""
    again = _Again(trial, judge)
    trial.gateway.chain_changed.connect(again.chain_changed)
    asked: PromptSession[str] = PromptSession(lexer=_lexer(protocol))
    policies = [policy.name for policy in trial.gateway.chain.policies if decides(policy)]
    console().print(f"{plural(len(policies), 'policy', 'policies')}: {', '.join(policies)}")
    console().print("A line is a command, \\ at its end continues it. Save a script to judge it again. Ctrl-D ends.")
    try:
        with patch_stdout(raw=True):
            if first is not None:
                await again.judge(first)
            while (text := await _ask(asked, again.policies)) is not None:
                await again.judge(text)
    finally:
        trial.gateway.chain_changed.disconnect(again.chain_changed)
        await again.done()
    return 0


async def _ask(asked: PromptSession[str], policies: Callable[[], str]) -> str | None:
    """The next command; None at the end."""
    text = ""
    while True:
        try:
            line = await asked.prompt_async(
                FormattedText([("bold", "… " if text else "> ")]), bottom_toolbar=policies, handle_sigint=False
            )
        except KeyboardInterrupt:
            text = ""
            continue
        except EOFError:
            return None
        if not text and line.strip() in QUIT:
            return None
        text += line
        if text.endswith("\\"):
            text = text[:-1] + "\n"
        elif text.strip():
            return text


class _Again:
    """Judges the last command again when there is another chain."""

    def __init__(self, trial: Trial, judge: Judge) -> None:
        self._trial = trial
        self._judge = judge
        self._last: str | None = None
        self._turn = asyncio.Lock()
        self._pending: set[asyncio.Task[None]] = set()

    async def judge(self, text: str) -> None:
        self._last = text
        async with self._turn:
            await self._judge(text)

    def chain_changed(self, chain: Chain) -> None:
        task = asyncio.get_running_loop().create_task(self._judge_again())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _judge_again(self) -> None:
        async with self._turn:
            console().print("— saved —", style="dim")
            # What the version before has noted in the session's vars means nothing to this one.
            await self._trial.end_session()
            if self._last is not None:
                console().print(f"> {self._last}", style="bold")
                await self._judge(self._last)

    def policies(self) -> str:
        return " ".join(_name(policy) for policy in self._trial.gateway.chain.policies if decides(policy))

    async def done(self) -> None:
        await asyncio.gather(*self._pending)


def _name(policy: Policy) -> str:
    return f"{policy.name} (shadow)" if policy.shadow else policy.name


def _lexer(protocol: str) -> Lexer | None:
    try:
        return PygmentsLexer(find_lexer_class_by_name(protocol))
    except ClassNotFound:
        return None
