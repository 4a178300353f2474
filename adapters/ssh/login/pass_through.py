"""A login that passes through: the target asks, the client answers, and the gateway carries both.

The connection to the target is made while the client logs in. Where the operator's own keys are enough for the
target, nobody is asked anything; else each password and each answer goes to the target as it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import asyncssh
from mitmproxy import ctx

from hoopaddon.adapters.ssh.login.known_hosts import HostKeyCheck
from hoopaddon.adapters.ssh.login.target import TargetLogin, TargetSide, TargetUnreachable
from hoopaddon.errors import HoopaddonError

INTERACTIVE = "keyboard-interactive"
PASSWORD = "password"  # noqa: S105 the name of a method
MAX_PROMPTS = 64

type Prompts = list[tuple[str, bool]]
type Challenge = bool | tuple[str, str, str, Prompts]


class TargetSilent(HoopaddonError):
    """The target does not ask for anything that a client could answer; `why` says more, for the operator."""

    def __init__(self, text: str, why: str = "") -> None:
        super().__init__(text)
        self.why = why or text


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the client does next: tries a password, begins an interactive login, or answers its questions."""

    method: str
    texts: tuple[str, ...] = ()


class _Relay(TargetSide):
    """The target's half: what it asks becomes an event, what the client does is its answer."""

    def __init__(self, host_key: HostKeyCheck, banner: Callable[[str], None]) -> None:
        super().__init__(host_key)
        self.events: asyncio.Queue[Challenge] = asyncio.Queue()
        self.answers: asyncio.Queue[_Answer] = asyncio.Queue()
        self.methods: frozenset[str] = frozenset()
        self._banner = banner
        self._next: _Answer | None = None

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._banner(msg)

    async def _choice(self) -> _Answer:
        """What the client wants to try; asks it first unless it has said so already."""
        if self._next is None:
            offered = self.conn.get_server_auth_methods() if self.conn is not None else ()
            self.methods = frozenset({INTERACTIVE, PASSWORD}.intersection(offered))
            self.events.put_nowait(False)
            self._next = await self.answers.get()
        return self._next

    async def kbdint_auth_requested(self) -> str | None:
        choice = await self._choice()
        if choice.method != INTERACTIVE:
            return None
        self._next = None
        return ""

    async def password_auth_requested(self) -> str | None:
        choice = await self._choice()
        if choice.method != PASSWORD or len(choice.texts) != 1:
            return None
        self._next = None
        return choice.texts[0]

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if len(prompts) > MAX_PROMPTS:
            return None
        self.events.put_nowait((name, instructions, lang, list(prompts)))
        answer = await self.answers.get()
        if answer.method == INTERACTIVE and len(answer.texts) == len(prompts):
            return list(answer.texts)
        # The client has given this up for something else.
        self._next = answer
        return None


class PassThrough:
    """One client's login at the target, which says `False` (try again), `True` (in), or what it wants to know."""

    def __init__(self, login: TargetLogin, username: str, banner: Callable[[str], None]) -> None:
        self._login = login
        self._username = username
        self._banner = banner
        self._relay: _Relay | None = None
        self._task: asyncio.Task[TargetSide] | None = None
        self._over = False

    @property
    def methods(self) -> frozenset[str]:
        """What the target offers beside the operator's keys."""
        return self._relay.methods if self._relay is not None and not self._over else frozenset()

    async def asks(self) -> bool:
        """Whether the target asks the client for something. Raises `TargetSilent`."""
        events: asyncio.Queue[Challenge] = asyncio.Queue()

        def made(check: HostKeyCheck) -> _Relay:
            self._relay = _Relay(check, self._banner)
            self._relay.events = events
            return self._relay

        connecting = self._login.connect(self._username, 0, made)
        self._task = asyncio.get_running_loop().create_task(connecting)
        self._task.add_done_callback(lambda task: events.put_nowait(_is_in(task)))
        timeout_s = ctx.options.connect_timeout
        try:
            async with asyncio.timeout(timeout_s or None):
                await events.get()
        except TimeoutError:
            self.abandon()
            raise TargetSilent(f"the target cannot be reached: no answer within {timeout_s} s") from None
        if self._task.done():
            return self._outcome(self._task)
        return True

    def _outcome(self, task: "asyncio.Task[TargetSide]") -> bool:
        try:
            task.result()
        except TargetUnreachable as e:
            self._over = True
            raise TargetSilent(e.reason, str(e)) from None
        return False

    async def password(self, secret: str) -> Challenge:
        return await self._exchange(_Answer(PASSWORD, (secret,)))

    async def challenge(self) -> Challenge:
        """The first questions of an interactive login."""
        return await self._exchange(_Answer(INTERACTIVE))

    async def answer(self, texts: list[str]) -> Challenge:
        return await self._exchange(_Answer(INTERACTIVE, tuple(texts)))

    async def _exchange(self, answer: _Answer) -> Challenge:
        relay, task = self._relay, self._task
        if relay is None or task is None or task.done() or self._over:
            return False
        relay.answers.put_nowait(answer)
        try:
            return await relay.events.get()
        except asyncio.CancelledError:
            # Whatever the target says to this now must not be taken for its answer to something else.
            self.abandon()
            raise

    def taken(self) -> TargetSide | None:
        """The connection that the login has left, which is the caller's from now on."""
        task = self._task
        if task is None or self._over or not _is_in(task):
            return None
        self._over = True
        return task.result()

    def abandon(self) -> None:
        """Give the login up, and end the connection unless it was taken."""
        if self._over:
            return
        self._over = True
        if self._task is not None:
            self._task.cancel()
        if self._relay is not None and self._relay.conn is not None:
            with suppress(asyncssh.Error, OSError):
                self._relay.conn.abort()


def _is_in(task: "asyncio.Task[TargetSide]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
