"""mitmproxy's addon manager, with tables compiled once per change of the addon list, and failing closed.

`Policy` and `Step` are those of the policy chain: a script that is in shadow there is in shadow here, an observer
sees what the others have left.
"""

import inspect
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mitmproxy import addonmanager, exceptions, flow, hooks

from hoopaddon.errors import Refused
from hoopaddon.policy import deadline
from hoopaddon.policy.chain import log_failure, place
from hoopaddon.policy.policies import Policy, Step, steps
from hoopaddon.policy.watchdog import DeadlineExceeded
from hoopaddon.traffic import shadow
from hoopaddon.traffic.failures import LIFECYCLE, fail, keep_answer, pass_cancellation_on

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

type Tables = dict[str, tuple[Step, ...]]


class GuardedAddons(addonmanager.AddonManager):
    """The addons in their order, and what each of mitmproxy's hooks calls."""

    def __init__(self, master: "Gateway") -> None:
        self._tables: Tables = {}
        self._machinery: list[object] = []
        self._gateway = master
        super().__init__(master)  # type: ignore[no-untyped-call]

    # -- the list

    def register(self, addon: Any) -> Any:
        """Let an addon announce its options and commands. Two policies may have the same name."""
        self.invoke_addon_sync(addon, addonmanager.LoadHook(addonmanager.Loader(self.master)))
        for one in addonmanager.traverse([addon]):
            self.master.commands.collect_commands(one)
        self.master.options.process_deferred()
        return addon

    def add(self, *addons: Any) -> None:
        for addon in addons:
            self.chain.append(self.register(addon))
        self.compile()

    def add_machinery(self, *addons: Any) -> None:
        """Add what is part of the gateway: it takes mitmproxy's hooks, and is no policy."""
        self._machinery.extend(addons)
        self.add(*addons)

    def remove(self, addon: Any) -> None:
        if addon not in self.chain:
            raise exceptions.AddonManagerError(f"no such addon: {addon}")
        self.chain = [other for other in self.chain if other is not addon]
        self.invoke_addon_sync(addon, hooks.DoneHook())
        self.compile()

    def clear(self) -> None:
        super().clear()  # type: ignore[no-untyped-call]
        self.compile()

    def compile(self) -> None:
        """Put the addon list as it now stands in force: for mitmproxy's hooks, and as the policy chain.

        Everything is built before anything is assigned, so an addon that cannot be in force changes nothing.
        """
        policies = tuple(self._policies())
        tables = {name: _table(policies, name) for name in hooks.all_hooks}
        deciding = [p for p in policies if not self._is_machinery(p.addon)]
        chain = self._gateway.compile_chain([*self._gateway.roles.policies, *deciding])
        lookup: dict[str, Any] = {}
        for policy in policies:
            lookup.setdefault(getattr(policy.addon, "name", type(policy.addon).__name__.lower()), policy.addon)
        self._tables, self.lookup = tables, lookup
        self._gateway.adopt(chain)

    def _policies(self) -> Iterator[Policy]:
        """Everything in its order. Policies come before the machinery that acts on what they let through."""
        added = [root for root in self.chain if not self._is_machinery(root)]
        for root in filter(self._is_machinery, self.chain):
            if root is self._gateway.scripts:
                yield Policy(type(root).__name__, root)
                yield from self._gateway.scripts.policies
                yield from _traversed(added)
            else:
                yield from _traversed([root])

    def _is_machinery(self, addon: object) -> bool:
        return any(addon is part for part in self._machinery)

    def _steps(self, event: hooks.Hook) -> tuple[Step, ...]:
        return self._tables.get(event.name, ())

    def has_script_hook(self, name: str) -> bool:
        """Whether a script has this hook of mitmproxy's."""
        return any(not self._is_machinery(step.policy.addon) for step in self._tables.get(name, ()))

    # -- events

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """A hook of the proxy core's. Raises `ConnectionCut` when its connection must not go on."""
        await self.trigger_event(event)
        subject = event.args()[0]
        if not isinstance(subject, flow.Flow):
            return
        if self._tables.get("update"):
            await self.trigger_event(hooks.UpdateHook([subject]))
        keep_answer(subject)

    async def trigger_event(self, event: hooks.Hook) -> None:
        if event.name in LIFECYCLE:
            await self._tell(event)
            return
        (subject,) = event.args()
        for step in self._steps(event):
            try:
                if step.shadow:
                    await shadow.show(self._gateway, step, subject)
                else:
                    await self.call(step, subject)
            except exceptions.AddonHalt:
                return
            except Refused as refusal:
                logger.info("%s: %s refused: %s", step.name, step.hook, refusal.reason)
                fail(event.name, subject, refusal, step.name)
                return
            except BaseException as e:
                # Even one that says that the program is to end: a policy does not decide that.
                pass_cancellation_on(e)
                log_failure(step, e)
                fail(event.name, subject, None, step.name)
                return

    async def call(self, step: Step, *arguments: Any) -> None:
        """Call one hook, held to its time."""
        watchdog = self._gateway.watchdog
        result = deadline.call(watchdog, step.call, *arguments)
        if result is None:
            return
        if inspect.isawaitable(result):
            await deadline.finish(watchdog, result, watchdog.timeout_ns / 1e9)
        elif inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise TypeError("a hook with a yield in it has not run")

    async def _tell(self, event: hooks.Hook) -> None:
        """Start or end the addons: one that does not start is an error, one that does not end is logged."""
        for step in self._steps(event):
            try:
                result = self._call_at_leisure(step, event)
                if result is not None and inspect.isawaitable(result):
                    await deadline.finish(self._gateway.watchdog, result, deadline.LIFECYCLE_LIMIT_S)
            except exceptions.AddonHalt:
                return
            except _BROKEN as e:
                if event.name != "done":
                    raise exceptions.OptionsError(_report(step, e)) from e
                log_failure(step, e)

    def _call_at_leisure(self, step: Step, event: hooks.Hook) -> Any:
        """Call a hook that carries no traffic; our own ones take as long as those that they call in turn."""
        if self._is_machinery(step.policy.addon):
            return step.call(*event.args())
        with deadline.limited(self._gateway.watchdog, deadline.LIFECYCLE_LIMIT_S):
            return step.call(*event.args())

    def trigger(self, event: hooks.Hook) -> None:
        """mitmproxy's discouraged way without `await`; `configure` takes it. Errors are the operator's."""
        for step in self._steps(event):
            try:
                if inspect.iscoroutinefunction(step.call):
                    raise exceptions.AddonManagerError(f"{step.name}: {step.hook} cannot be async here")
                self._call_at_leisure(step, event)
            except exceptions.AddonHalt:
                return
            except exceptions.OptionsError:
                raise
            except _BROKEN as e:
                if event.name == "configure":
                    raise exceptions.OptionsError(_report(step, e)) from e
                if event.name != "add_log":
                    log_failure(step, e)


def _traversed(roots: list[Any]) -> Iterator[Policy]:
    for addon in addonmanager.traverse(roots):
        yield Policy(getattr(addon, "name", type(addon).__name__), addon)


_BROKEN = (Exception, DeadlineExceeded, SystemExit)
"""What an addon that is started or ended may raise: one that calls `sys.exit` has broken."""


def _report(step: Step, error: BaseException) -> str:
    if isinstance(error, exceptions.OptionsError):
        return str(error)
    if isinstance(error, DeadlineExceeded | TimeoutError):
        return f"{step.name}: {step.hook} took longer than {deadline.LIFECYCLE_LIMIT_S:g} s"
    return f"{step.name}: {step.hook} raised {type(error).__name__} at {place(error)}: {error}"


def _table(policies: tuple[Policy, ...], hook: str) -> tuple[Step, ...]:
    return steps(policies, hook, lambda policy: policy.hook(hook))
