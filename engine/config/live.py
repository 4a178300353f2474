"""The file while the gateway runs: each version of it takes effect as a whole, or changes nothing."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import exceptions

from hoopaddon.config.draft import Draft
from hoopaddon.config.layers import Layers, placed
from hoopaddon.config.sections import read_file
from hoopaddon.errors import ConfigError, raise_all
from hoopaddon.login.settings import AT_START as LOGINS_AT_START
from hoopaddon.policy.chain import place
from hoopaddon.scripts.loader import LOOK_EVERY_S, Staged
from hoopaddon.scripts.versions import Version, look_again
from hoopaddon.traffic.change import ServersChange
from hoopaddon.traffic.servers import check_modes

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

AT_START = (
    "confdir",
    "listen_host",
    "listen_port",
    "server",
    "store",
    "tls_certificate",
    "tls_key",
    *LOGINS_AT_START,
)
"""Options that are settled when the gateway starts."""


class Live:
    """One gateway's file. What is in force is always the whole of one version."""

    def __init__(self, gateway: "Gateway", layers: Layers, path: Path, draft: Draft, seen: Version | None) -> None:
        self._gateway = gateway
        self._layers = layers
        self._path = path
        self._draft = draft
        # From before it was read: what was saved since is read again.
        self._seen = seen

    async def watch(self) -> None:
        """Put each version in force that is saved, and log what is wrong with those that cannot be."""
        changing: Version | None = None
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = look_again(self._path, self._seen)
            if now == self._seen:
                changing = None
            elif now != changing:
                # Editors write in several steps.
                changing = now
            else:
                self._seen, changing = now, None
                await self._try(now)

    async def _try(self, now: Version | None) -> None:
        if now is None:
            logger.warning("%s is gone; what it said stays in force.", self._draft.file)
            return
        try:
            await self.reload()
            logger.info("%s reloaded.", self._draft.file)
        except ConfigError as e:
            logger.error("%s is not put in force; what was before stays.\n%s", self._draft.file, e)
        except Exception as e:  # the watcher outlives whatever a file makes of it
            logger.error("%s is not put in force: %s at %s", self._draft.file, type(e).__name__, place(e))

    async def reload(self) -> None:
        """Put the file in force as it is now. Raises `ConfigError`, and then nothing has changed."""
        draft = await asyncio.to_thread(read_file, self._path, self._draft.file)
        raise_all(draft.problems or self._settled_at_start(draft))
        options, servers = self._gateway.options, self._gateway.servers
        deferred = dict(options.deferred)
        options.deferred.update({n: v for n, v in draft.options.items() if n not in options})
        staged: Staged | None = None
        change: ServersChange | None = None
        try:
            lists, roles = self._layers.lists_now(draft), self._layers.roles(draft)
            modes = check_modes(lists["mode"])
            staged = self._stage(lists)
            raise_all(self._layers.unowned(draft))
            servers.planned = modes
            change = await servers.servers.plan(modes)
            await self._gateway.scripts.start_staged(staged)
            self._commit(draft, lists, staged, change)
            self._gateway.roles.put_beside(roles)
        except BaseException as e:
            if staged is not None:
                self._gateway.scripts.drop(staged)
            if change is not None:
                await servers.servers.undo(change)
            options.deferred.clear()
            options.deferred.update(deferred)
            if isinstance(e, exceptions.OptionsError):
                raise ConfigError(str(e)) from e
            raise
        finally:
            servers.planned = None
        self._draft = draft
        self._gateway.scripts.settle(staged)
        await servers.servers.finish(change)

    def _stage(self, lists: dict[str, list[str]]) -> Staged:
        wanted = [(script, False) for script in lists["scripts"]] + [(script, True) for script in lists["shadow"]]
        return self._gateway.scripts.stage(wanted)

    def _commit(self, draft: Draft, lists: dict[str, list[str]], staged: Staged, change: ServersChange) -> None:
        """All of it in one step, in which nothing else runs. Raises `ConfigError`, `OptionsError`."""
        options = self._gateway.options
        values = self._layers.changed(self._draft, draft)
        self._gateway.scripts.adopt(staged)
        try:
            # Who is new hears of the values too; one that is wrong is taken back from all.
            with placed(draft):
                options.update(**values)
        except BaseException:
            self._gateway.scripts.revert(staged)
            raise
        # Their own checks have been made, and what they would set off has been done.
        known: dict[str, Any] = options._options
        for name, value in lists.items():
            known[name].set(value)
        self._gateway.servers.servers.commit(change)

    def _settled_at_start(self, draft: Draft) -> list[ConfigError]:
        changed = self._layers.changed(self._draft, draft, names=AT_START)
        problems = []
        for name in changed:
            message = f"{name} cannot change while the gateway runs"
            value = draft.options.get(name)
            hint = "leave it as it was, or start the gateway again"
            problems.append(
                value.item.wrong(message, hint) if value else ConfigError(message, file=draft.file, hint=hint)
            )
        return problems
