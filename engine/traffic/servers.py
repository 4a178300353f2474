"""The listening sockets: started together or not at all, with errors that say what to do."""

import asyncio
import difflib
import errno
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader
from mitmproxy.addons import proxyserver
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.proxy.mode_specs import (
    ProxyMode,
    RegularMode,
    ReverseMode,
    Socks5Mode,
    TransparentMode,
    UpstreamMode,
)

from hoopaddon.errors import ConfigError
from hoopaddon.relay.listener import LOOPBACK_HOSTS, Listening
from hoopaddon.traffic.change import ServersChange, place_of, plan_change
from hoopaddon.traffic.connections import GuardedConnection
from hoopaddon.traffic.streams import in_flight

logger = logging.getLogger(__name__)

_WRITTEN_PASSWORD = re.compile(r"(password=)(?!env:|file:)[^&]*", re.IGNORECASE)


class GatewayServers(proxyserver.Servers):
    """mitmproxy's table of server instances, with our words for what goes wrong."""

    def __init__(self, manager: Any) -> None:
        super().__init__(manager)
        self.retired: list[ServerInstance[Any]] = []
        """Those that take no clients any more, and may still have some."""

    async def update(self, modes: Iterable[ProxyMode]) -> bool:
        errors = await self.bring_up(modes)
        for error in errors:
            logger.error("%s", error)
        return not errors

    async def bring_up(self, modes: Iterable[ProxyMode]) -> list[ConfigError]:
        """Start and stop servers so that those of `modes` run; what went wrong."""
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
            for failure in ended:
                if failure is not None:
                    logger.error("a server did not stop: %s", type(failure).__name__)
        await self.changed.send()
        return [_explain(s, e) for s, e in zip(starting, started, strict=True) if e is not None]

    async def plan(self, modes: Iterable[ProxyMode]) -> ServersChange:
        """Prepare for these modes to run; new listeners hold their clients. Raises `ConfigError`."""
        async with self._lock:
            change = plan_change(dict(self._instances), list(modes), self._manager)
            for instance in change.starting:
                if isinstance(instance, Listening):
                    instance.opened.hold()
            started = await asyncio.gather(*(s.start() for s in change.starting), return_exceptions=True)
        errors = [(s, e) for s, e in zip(change.starting, started, strict=True) if e is not None]
        if errors:
            await self.undo(change)
            raise ConfigError("\n".join(str(_explain(s, e)) for s, e in errors))
        return change

    async def undo(self, change: ServersChange) -> None:
        """Nothing has come of it."""
        await asyncio.gather(*(s.stop() for s in change.starting if s.is_running), return_exceptions=True)
        for instance in change.starting:
            if isinstance(instance, Listening):
                instance.opened.release()

    def commit(self, change: ServersChange) -> None:
        """From now on these are the modes."""
        for take_over in change.take_overs:
            take_over()
        for instance in change.ending:
            if isinstance(instance, Listening):
                instance.stop_listening()
        self.retired = [s for s in (*self.retired, *change.ending) if getattr(s, "sessions", 1)]
        self._instances = change.instances
        for instance in change.starting:
            if isinstance(instance, Listening):
                instance.opened.release()

    async def finish(self, change: ServersChange) -> None:
        """Close what only mitmproxy can close, and tell whoever wants to know."""
        ending = [s for s in change.ending if not isinstance(s, Listening) and s.is_running]
        await asyncio.gather(*(s.stop() for s in ending), return_exceptions=True)
        await self.changed.send()


class GatewayProxyserver(proxyserver.Proxyserver):
    """mitmproxy's addon for the modes, able to drain."""

    name = "proxyserver"
    servers: GatewayServers

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.servers = GatewayServers(self)
        self.planned: list[ProxyMode] | None = None
        """The modes of a change that is being prepared."""

    @property
    def wanted(self) -> list[ProxyMode]:
        """The modes that are to run together."""
        return list(map(ProxyMode.parse, ctx.options.mode)) if self.planned is None else self.planned

    def load(self, loader: Loader) -> None:
        super().load(loader)  # type: ignore[no-untyped-call]
        loader.master.options.add_option(
            "stream_large_bodies",
            str | None,
            "8m",
            "Size of a body above which it is not waited for: a script's hooks see its head alone.",
        )

    def configure(self, updated: set[str]) -> None:
        if "mode" in updated:
            for spec in ctx.options.mode:
                _check_mode(spec)
        if updated & {"mode", "listen_host", "forward_login", "proxyauth"}:
            for spec in ctx.options.mode:
                _check_identity(ProxyMode.parse(spec))
        super().configure(updated)

    async def drain(self, timeout_s: float) -> None:
        """Take no new clients and let those who are at work finish, for `timeout_s` seconds at most."""
        instances = [s for s in self.servers if s.is_running]
        instances += [s for s in self.servers.retired if hasattr(s, "drain")]
        drained = [_drain(instance, timeout_s) for instance in instances]
        results = await asyncio.gather(*drained, return_exceptions=True)
        for instance, result in zip(instances, results, strict=True):
            if result is not None:
                logger.error("%s did not drain: %s", instance.mode.description, type(result).__name__)
        await self._end_connections(timeout_s)
        await self.servers.update([])

    async def _end_connections(self, timeout_s: float) -> None:
        """Let the requests in flight finish, then close mitmproxy's own connections."""
        await _wait_while(lambda: bool(self.connections) and in_flight(), timeout_s)
        for handler in list(self.connections.values()):
            if isinstance(handler, GuardedConnection):
                handler.cut()
        await _wait_while(lambda: bool(self.connections), _CLOSING_S)


def check_modes(specs: Sequence[str]) -> list[ProxyMode]:
    """The modes, which can be had together. Raises `OptionsError`."""
    for spec in specs:
        _check_mode(spec)
    modes = [ProxyMode.parse(spec) for spec in specs]
    for mode in modes:
        _check_identity(mode)
    places = [place_of(mode) for mode in modes]
    if twice := next((place for place in places if place[1] and places.count(place) > 1), None):
        raise exceptions.OptionsError(f"Cannot spawn multiple servers on the same address: {twice[0]}:{twice[1]}")
    return modes


def _check_mode(spec: str) -> None:
    try:
        ProxyMode.parse(spec)
    except ValueError as e:
        known = sorted(_modes())
        word = spec.partition(":")[0].partition("@")[0].lower()
        if word in known:
            form = f"\n  write {_FORMS[word]}" if word in _FORMS else ""
            raise exceptions.OptionsError(f"--mode {_shown(spec)}: {str(e).rstrip(': ')}{form}") from None
        close = difflib.get_close_matches(word, known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise exceptions.OptionsError(
            f"--mode {_shown(spec)}: there is no mode {word or '(empty)'}\n  {hint}Modes: {', '.join(known)}"
        ) from None


def _check_identity(mode: ProxyMode) -> None:
    """Whoever reaches a mode that asks nobody who it is may do what the gateway may."""
    options = ctx.options
    if options.forward_login and isinstance(mode, _CANNOT_ASK):
        raise exceptions.OptionsError(
            f"forward_login: clients of {mode.full_spec} cannot be asked for a token\n"
            "  Leave that mode out, or write regular@PORT for a forward proxy"
        )
    asks = options.proxyauth or (options.forward_login and isinstance(mode, RegularMode | UpstreamMode))
    host = mode.listen_host(options.listen_host)
    if isinstance(mode, _OPEN_TO_ALL) and not asks and host not in LOOPBACK_HOSTS:
        if isinstance(mode, ReverseMode):
            hint = "write http:… in the place of reverse:…, with login=token"
        else:
            hint = "forward_login=token asks clients of a regular proxy for one"
        raise exceptions.OptionsError(
            f"--mode {mode.full_spec} would be open to everybody at {host or '*'}\n"
            f"  Listen at 127.0.0.1, or have clients prove who they are: {hint}"
        )


_OPEN_TO_ALL = (RegularMode, UpstreamMode, ReverseMode, Socks5Mode, TransparentMode)
_CANNOT_ASK = (Socks5Mode, TransparentMode)


def _modes(of: type[ProxyMode] = ProxyMode) -> set[str]:
    """The words before the colon of a mode."""
    return {kind.type_name for kind in of.__subclasses__()} - _DEPRECATED_MODES


_FORMS = {
    "reverse": "reverse:http://HOST[:PORT]@PORT, as in reverse:http://127.0.0.1:8000@8080",
    "upstream": "upstream:http://HOST[:PORT]@PORT, as in upstream:http://proxy.internal:3128@8080",
}
"""How mitmproxy's own modes are written; adapters say theirs in their errors."""

_DEPRECATED_MODES = frozenset({"osproxy"})

# What an instance may take on top, to tell its clients and close.
_CLOSING_S = 5.0
_LOOK_EVERY_S = 0.01


async def _wait_while(condition: Callable[[], bool], at_most_s: float) -> None:
    for _ in range(int(at_most_s / _LOOK_EVERY_S)):
        if not condition():
            return
        await asyncio.sleep(_LOOK_EVERY_S)


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
        return ConfigError(f"{mode.full_spec} does not start: {str(error) or type(error).__name__}")
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


def _shown(spec: str) -> str:
    """A mode as it may be printed: somebody may have written a password where its reference belongs."""
    return _WRITTEN_PASSWORD.sub(r"\1…", spec)
