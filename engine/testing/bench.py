"""Policies on a bench: loaded and configured as the gateway does it, called by the same chain, without a socket."""

import asyncio
import contextlib
import difflib
import inspect
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Self

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader, LoadHook
from mitmproxy.exceptions import OptionsError
from mitmproxy.hooks import ConfigureHook, DoneHook, RunningHook
from mitmproxy.master import Master

from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command, Verdict
from hoopaddon.errors import ConfigError
from hoopaddon.options import Options
from hoopaddon.output import Output
from hoopaddon.policy.chain import DEFAULT_TIMEOUT_S, Chain, PolicyFailed
from hoopaddon.policy.policies import Policy, flatten
from hoopaddon.policy.watchdog import Watchdog
from hoopaddon.rows import Rows
from hoopaddon.scripts.check import check
from hoopaddon.session import Session
from hoopaddon.testing.recording import Answer, RecordingPolicy, ScriptedApprover

_OF_A_MASTER = ("master", "options", "log")


class Bench:
    """Policies with their options, for a test that needs more than one event of them.

    >>> with Bench(RateLimit(), options={"rate_limit": 2}) as bench:
    ...     who = session()
    ...     assert [bench.judge(command("SELECT 1", session=who)).passes for _ in range(3)] == [True, True, False]

    `confdir` is a folder that is gone with the bench, so that a policy that keeps something keeps it there.
    `errors` are the exceptions that policies raised, `requests` the approvals that they asked for.
    """

    def __init__(
        self,
        *policies: object,
        options: Mapping[str, Any] | None = None,
        approve: Answer = False,
        shadow: bool = False,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self.errors: list[Exception] = []
        self.policies = tuple(self._policies(policies, shadow))
        self._approver = ScriptedApprover(approve)
        self._loop = asyncio.new_event_loop()
        self._confdir = TemporaryDirectory(prefix="hoopaddon-bench-")
        self._watchdog = Watchdog(timeout_s)
        with _context():
            self._master = Master(Options(confdir=self._confdir.name), event_loop=self._loop)
        self.chain = Chain(self.policies, timeout_s=timeout_s, approver=self._approver, watchdog=self._watchdog)
        try:
            self._run(self._load(dict(options or {})))
        except BaseException:
            self.close()
            raise

    def _policies(self, addons: Sequence[object], shadow: bool) -> Iterator[Policy]:
        for addon in addons:
            for policy in flatten(addon, _name(addon), shadow=shadow):
                yield RecordingPolicy(policy.name, policy.addon, policy.shadow, self.errors)

    async def _load(self, values: dict[str, Any]) -> None:
        options = self._master.options
        options.update_defer(**values)
        try:
            check(self.policies)
            for policy in self.policies:
                await self._tell(policy, LoadHook(Loader(self._master)))
                options.process_deferred()
            if unknown := sorted(options.deferred):
                close = difflib.get_close_matches(unknown[0], options.keys(), n=1)
                hint = f"did you mean {close[0]}?" if close else "no policy announces it"
                raise ConfigError("no such option", key=unknown[0], hint=hint)
            for event in (ConfigureHook(options.keys()), RunningHook()):
                for policy in self.policies:
                    await self._tell(policy, event)
        except (OptionsError, TypeError) as e:
            raise ConfigError(str(e)) from e

    @staticmethod
    async def _tell(policy: Policy, event: Any) -> None:
        """Call a lifecycle hook of this policy alone; the addons that it lists are policies of their own."""
        function = Policy.hook(policy, event.name)
        if function is None:
            return
        result: object = function(*event.args())
        if inspect.isawaitable(result):
            await result

    @property
    def requests(self) -> list[ApprovalRequest]:
        return self._approver.requests

    def start(self, session: Session) -> None:
        """Tell the policies of the session. Raises Refused where one does not want it."""
        self._run(self.chain.start_session(session))

    def judge(self, command: Command) -> Verdict:
        """The policies' decision on the command, as if it came for the first time."""
        command.forget_approvals()
        command.trace.clear()

        async def judge() -> Verdict:
            verdict = self.chain.judge(command)
            return verdict if isinstance(verdict, Verdict) else await verdict

        return self._run(judge())

    def rows(self, rows: Rows) -> Rows:
        """The same rows after the policies have edited them. Raises Refused or PolicyFailed."""

        async def edit() -> None:
            if pending := self.chain.edit_rows(rows):
                await pending

        self._run(edit())
        return rows

    def output(self, output: Output) -> str:
        """The text as the client would see it. Raises Refused or PolicyFailed."""

        async def edit() -> None:
            if pending := self.chain.edit_output(output):
                await pending

        self._run(edit())
        return output.text

    def end(
        self,
        command: Command,
        *,
        rows: int = 0,
        bytes: int = 0,
        duration_s: float = 0.0,
        error: str = "",
        tag: str = "",
    ) -> None:
        """Tell the policies how the command ended."""
        command.rows, command.bytes, command.duration_s = rows, bytes, duration_s
        command.error, command.tag = error, tag

        async def end() -> None:
            self.chain.end_command(command)

        self._run(end())

    def stop(self, session: Session) -> None:
        """Tell the policies that the session is over."""
        self._run(self.chain.end_session(session))

    def close(self) -> None:
        """Unload the policies."""
        if self._loop.is_closed():
            return
        try:
            self._run(self._unload())
        finally:
            self._loop.close()
            self._confdir.cleanup()

    async def _unload(self) -> None:
        for policy in self.policies:
            await self._tell(policy, DoneHook())
        await self._master.done()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Finish the work in the policies' own loop, even when the test runs in another one."""
        if not _loop_is_running():
            return self._run_here(work)
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._run_here, work).result()

    def _run_here[T](self, work: Coroutine[Any, Any, T]) -> T:
        self._watchdog.install()
        try:
            with _context(self._master):
                return self._loop.run_until_complete(work)
        except PolicyFailed as e:
            raise e from (self.errors[-1] if self.errors else None)
        finally:
            self._watchdog.uninstall()


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _name(addon: object) -> str:
    if isinstance(addon, ModuleType):
        return Path(addon.__file__).name if addon.__file__ else addon.__name__
    return type(addon).__name__


@contextlib.contextmanager
def _context(master: Master | None = None) -> Iterator[None]:
    """Make `ctx` this master's, and put back what was there: a test may have a gateway as well."""
    before = {name: vars(ctx)[name] for name in _OF_A_MASTER if name in vars(ctx)}
    if master is not None:
        ctx.master, ctx.options = master, master.options
    try:
        yield
    finally:
        for name in _OF_A_MASTER:
            vars(ctx).pop(name, None)
        vars(ctx).update(before)
