"""The listening sockets: started together or not at all, with errors that say what to do."""

import asyncio
import errno
import logging
from collections.abc import Iterable
from typing import Any

from mitmproxy import ctx
from mitmproxy.addons import proxyserver
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.errors import ConfigError

logger = logging.getLogger(__name__)


class GatewayServers(proxyserver.Servers):
    """mitmproxy's table of server instances, with our words for what goes wrong."""

    def __init__(self, manager: proxyserver.Proxyserver) -> None:
        super().__init__(manager)
        self.errors: list[ConfigError] = []
        """Why the last `update` did not bring up what it should have."""

    async def update(self, modes: Iterable[ProxyMode]) -> bool:
        async with self._lock:
            wanted = list(modes) if ctx.options.server else []
            instances = {
                spec: self._instances.get(spec) or ServerInstance.make(spec, self._manager) for spec in wanted
            }
            ending = [s for spec, s in self._instances.items() if spec not in instances]
            starting = [s for spec, s in instances.items() if spec not in self._instances]
            self._instances = instances
            # The ports of those that end may be those of the ones that start.
            ended = await asyncio.gather(*(s.stop() for s in ending if s.is_running), return_exceptions=True)
            started = await asyncio.gather(*(s.start() for s in starting), return_exceptions=True)
            self.errors = [_explain(s, e) for s, e in zip(starting, started, strict=True) if e is not None]
            for error in (*ended, *self.errors):
                if error is not None:
                    logger.error("%s", error)
        await self.changed.send()
        return not self.errors


class GatewayProxyserver(proxyserver.Proxyserver):
    """mitmproxy's addon for the modes, able to drain."""

    name = "proxyserver"
    servers: GatewayServers

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.servers = GatewayServers(self)

    async def drain(self, timeout_s: float) -> None:
        """Take no new clients and let those who are at work finish, for `timeout_s` seconds at most."""
        instances = [s for s in self.servers if s.is_running]
        results = await asyncio.gather(*(_drain(s, timeout_s) for s in instances), return_exceptions=True)
        for instance, result in zip(instances, results, strict=True):
            if result is not None:
                logger.error("%s did not drain: %s", instance.mode.description, type(result).__name__)
        await self.servers.update([])


# What an instance may take on top, to tell its clients and close.
_CLOSING_S = 5.0


async def _drain(instance: ServerInstance[Any], timeout_s: float) -> None:
    drain = getattr(instance, "drain", None)
    if drain is None:
        await instance.stop()
        return
    await asyncio.wait_for(drain(timeout_s), timeout_s + _CLOSING_S)


def _explain(instance: ServerInstance[Any], error: BaseException) -> ConfigError:
    mode = instance.mode
    if isinstance(error, ConfigError):
        return error
    host = mode.listen_host(ctx.options.listen_host) or "*"
    where = f"{host}:{mode.listen_port(ctx.options.listen_port)}"
    if not isinstance(error, OSError):
        return ConfigError(f"{mode.full_spec} does not start: {error or type(error).__name__}")
    if error.errno == errno.EADDRINUSE:
        hint = f"stop that program, or listen elsewhere: --mode {_elsewhere(mode)}"
        return ConfigError(f"{where} is in use by another program", hint=hint)
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = f"ports below 1024 are for root; listen elsewhere: --mode {_elsewhere(mode)}"
        return ConfigError(f"{where} needs more rights", hint=hint)
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(f"{host} is not an address of this machine", hint="127.0.0.1 always is")
    if isinstance(error, OSError) and error.errno in _UNRESOLVED:
        return ConfigError(f"{host} cannot be resolved", hint="write an address of this machine, or 127.0.0.1")
    return ConfigError(f"cannot listen at {where}: {error.strerror or error}")


_UNRESOLVED = frozenset({-2, -3, -5})
"""getaddrinfo's EAI_NONAME, EAI_AGAIN and EAI_NODATA."""


def _elsewhere(mode: ProxyMode) -> str:
    spec, _, _ = mode.full_spec.rpartition("@")
    port = mode.listen_port(ctx.options.listen_port) or 0
    host = f"{mode.custom_listen_host}:" if mode.custom_listen_host else ""
    free = port + 10_000 if port < 1024 else port + 1
    return f"{spec or mode.full_spec}@{host}{free}"
