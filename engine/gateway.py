"""The gateway: mitmproxy's master with our policy chain, our servers and our way to start and stop."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mitmproxy import hooks, master
from mitmproxy.addons import (
    clientplayback,
    core,
    disable_h2c,
    dns_resolver,
    next_layer,
    proxyauth,
    strip_dns_https_records,
    tlsconfig,
    update_alt_svc,
    upstream_auth,
)
from mitmproxy.proxy import mode_specs
from mitmproxy.utils import asyncio_utils, signals

from hoopaddon.access.guard import RoleGuard
from hoopaddon.adapter import adapters
from hoopaddon.approval import ApprovalRequest, Approver, Decision
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.errors import ConfigError
from hoopaddon.event_loop import eager_tasks
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.throttle import Throttle
from hoopaddon.login.listener import LoginListener
from hoopaddon.options import Limits, Options
from hoopaddon.policy.chain import Chain, place
from hoopaddon.policy.policies import Policy
from hoopaddon.policy.watchdog import Watchdog
from hoopaddon.scripts.loader import ScriptLoader
from hoopaddon.store.approver import StoreApprover
from hoopaddon.store.layout import store_folder
from hoopaddon.traffic import connections, streams, websockets
from hoopaddon.traffic.addons import GuardedAddons
from hoopaddon.traffic.servers import GatewayProxyserver
from hoopaddon.web.egress import Egress
from hoopaddon.web.guard import WebGuard

logger = logging.getLogger(__name__)

DEFAULT_POLICY_TIMEOUT_S = 5.0

connections.install()
streams.install()
websockets.install()


def _chain_spec(chain: Chain) -> None:
    """The signature of those who want to know of a new chain."""


class Gateway(master.Master):
    """Everything that runs in one process. Adapters reach it as `mitmproxy.ctx.master`.

    Has to be made on a running event loop. Sessions read `chain` at every event: it is replaced as a whole when
    a script, or an option it depends on, changes.
    """

    options: Options
    addons: GuardedAddons

    def __init__(self, opts: Options | None = None) -> None:
        self.watchdog = Watchdog(DEFAULT_POLICY_TIMEOUT_S)
        self.chain = Chain(watchdog=self.watchdog)
        self.chain_changed = signals.SyncSignal(_chain_spec)
        """Sent with each new chain; receivers are held weakly."""
        super().__init__(opts or Options())
        self.throttle = Throttle(self.options.login_failures, self.options.login_failures_window)
        """Of the logins at every mode."""
        self.identity = TokenCheck(self.options, self.chain.sessions)
        """Who the tokens speak for that clients send."""
        self.credentials = Credentials(self.options)
        """Of the targets."""
        self._stored_approvals = _StoreApprovals(self.options)
        self._approver: Approver | None = self._stored_approvals
        self._is_done = False
        self.ready = asyncio.Event()
        """Set while the gateway listens and every policy is in force."""
        self.limits = Limits(self.options)
        self.servers = GatewayProxyserver()
        self.scripts = ScriptLoader(self)
        self.egress = Egress()
        self.roles = RoleGuard(self)
        self.web = WebGuard(self)
        self.logins = LoginListener(self)
        self.addons = GuardedAddons(self)
        self._add_machinery()
        self.options.changed.connect(self._on_options)

    def _add_machinery(self) -> None:
        self.addons.add_machinery(
            core.Core(),
            self.limits,
            self.identity,
            self.logins,
            self.egress,
            self.roles,
            strip_dns_https_records.StripDnsHttpsRecords(),
            disable_h2c.DisableH2C(),
            proxyauth.ProxyAuth(),
            self.servers,
            self.scripts,
            dns_resolver.DnsResolver(),
            # Its commands are scripts' way to send a request once more.
            clientplayback.ClientPlayback(),
            next_layer.NextLayer(),
            tlsconfig.TlsConfig(),
            upstream_auth.UpstreamAuth(),
            update_alt_svc.UpdateAltSvc(),
            *adapters().values(),
        )

    # -- policies

    @property
    def confdir(self) -> Path:
        return self.options.confdir_path

    @property
    def approver(self) -> Approver | None:
        """Where held commands wait; without one, what needs an approval is denied."""
        return self._approver

    @approver.setter
    def approver(self, approver: Approver | None) -> None:
        self._approver = approver
        self.adopt(self.compile_chain(self.chain.policies))

    def compile_chain(self, policies: Iterable[Policy]) -> Chain:
        """A chain of these policies that is not in force yet. Raises TypeError for a hook that cannot be called."""
        return Chain(
            policies,
            timeout_s=self.watchdog.timeout_ns / 1e9,
            approver=getattr(self, "_approver", None),
            watchdog=self.watchdog,
            sessions=self.chain.sessions,
        )

    def adopt(self, chain: Chain) -> None:
        """Put a chain in force, for every event from now on."""
        self.chain = chain
        self.chain_changed.send(chain)

    def _on_options(self, updated: set[str]) -> None:
        if updated & {"login_failures", "login_failures_window"}:
            self.throttle.limit(self.options.login_failures, self.options.login_failures_window)
        timeout_ns = int(self.limits.policy_timeout_s * 1e9)
        if timeout_ns != self.watchdog.timeout_ns:
            self.watchdog.timeout_ns = timeout_ns
            self.adopt(self.compile_chain(self.chain.policies))

    # -- life

    async def run(self) -> None:
        """Serve until `shutdown`, then drain. Raises `ConfigError` or `OptionsError` when it cannot start."""
        with asyncio_utils.install_exception_handler(self._asyncio_exception_handler), eager_tasks():
            self.should_exit.clear()
            self.watchdog.install()
            try:
                await self._start()
                self.ready.set()
                await self.should_exit.wait()
            finally:
                self.ready.clear()
                try:
                    await self.logins.close()
                    await self.servers.drain(self.options.shutdown_timeout)
                    await self.web.close()
                    await self.credentials.close()
                finally:
                    await self.done()

    async def _start(self) -> None:
        # A policy that is not running yet must not judge, so the addons come first and the sockets last.
        await self.running()
        self._announce()
        self.logins.start()
        modes = [mode_specs.ProxyMode.parse(mode) for mode in self.options.mode]
        if errors := await self.servers.servers.bring_up(modes):
            raise ConfigError("\n".join(map(str, errors)))
        self.credentials.open()
        # What is loaded by now stays: the collector need not walk it again and again while sessions run.
        gc.collect()
        gc.freeze()

    def _announce(self) -> None:
        # As they are called: observers see what the others have decided.
        policies = [*self.roles.policies, *sorted(self.scripts.deciding, key=lambda policy: policy.observer)]
        names = [f"{policy.name} (shadow)" if policy.shadow else policy.name for policy in policies]
        logger.info("Policies, in order: %s.", ", ".join(names) or "none; everything passes, nothing is recorded")

    async def running(self) -> None:
        await self.addons.trigger_event(hooks.RunningHook())

    async def done(self) -> None:
        """End the policies and let go of everything, once; also for a gateway that has never run."""
        if self._is_done:
            return
        self._is_done = True
        await super().done()
        await self.identity.close()
        self._stored_approvals.close()
        self.watchdog.uninstall()

    def _asyncio_exception_handler(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            logger.error("%s", context.get("message", "unexplained error in the event loop"))
        else:
            logger.error("A task ended with %s at %s", type(error).__name__, place(error))


class _StoreApprovals:
    """The store's approvals, opened when the first command is held."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._approver: StoreApprover | None = None

    def ask(self, request: ApprovalRequest) -> Awaitable[Decision]:
        if self._approver is None:
            self._approver = StoreApprover(store_folder(self._options.store, self._options.confdir))
        return self._approver.ask(request)

    def close(self) -> None:
        if self._approver is not None:
            self._approver.close()
            self._approver = None


@asynccontextmanager
async def serving(
    *,
    modes: Sequence[str] = (),
    scripts: Sequence[str | os.PathLike[str]] = (),
    addons: Sequence[object] = (),
    **options: Any,
) -> AsyncIterator[Gateway]:
    """A gateway that serves while the block runs, for tests and for programs that embed one.

    `addons` are policies as objects, after the scripts; `options` are the gateway's own by name.
    """
    gateway = Gateway(Options())
    gateway.addons.add(*addons)
    gateway.options.update(mode=list(modes), scripts=[os.fspath(s) for s in scripts], **options)
    running = asyncio.get_running_loop().create_task(gateway.run())
    ready = asyncio.get_running_loop().create_task(gateway.ready.wait())
    try:
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        yield gateway
    finally:
        ready.cancel()
        gateway.shutdown()  # type: ignore[no-untyped-call]
        with suppress(asyncio.CancelledError):
            await running
