"""The addon behind `-s`: which scripts are in force, and their reload.

A saved script is loaded aside. Only when it, its options and its hooks are as they should be does it take the
place of the version before, in one assignment; otherwise that version goes on, and the log says what is wrong.
What a policy keeps in attributes of its own starts anew with each version; what has to survive belongs into
`session.vars`, or out of the process. A new version's `running` comes before the old one's `done`.
"""

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import addonmanager, exceptions

from hoopaddon.errors import ConfigError
from hoopaddon.policy import deadline
from hoopaddon.policy.chain import place
from hoopaddon.policy.policies import Policy
from hoopaddon.policy.watchdog import DeadlineExceeded
from hoopaddon.scripts.announce import Announcements
from hoopaddon.scripts.check import decides
from hoopaddon.scripts.imports import ScriptImports
from hoopaddon.scripts.load import LOAD_LIMIT_S, LoadedScript, load, start
from hoopaddon.scripts.locate import locate
from hoopaddon.scripts.versions import Version, look_again

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
"""A file is loaded when it has changed, and then stayed the same for this long: editors write in several steps."""

type Versions = dict[Path, Version | None]


@dataclass(slots=True, eq=False)
class Script:
    """One script that somebody asked for, and its version in force."""

    spec: str
    shadow: bool
    path: Path
    name: str
    imports: ScriptImports
    loaded: LoadedScript
    seen: Versions = field(default_factory=dict)
    """The files as they were when they were last loaded, or failed to load."""
    changing: Versions | None = None


@dataclass(slots=True)
class Staged:
    """Scripts that are to be in force together, of which some are loaded aside."""

    now: tuple[Script, ...]
    before: tuple[Script, ...]
    fresh: list[tuple[Script, Announcements]]


class ScriptLoader:
    """The scripts in force, in order: those that decide, then those in shadow."""

    name = "scriptloader"

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._owners: dict[str, str] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._running = False
        self._options_changes = 0
        self._changing: asyncio.Task[None] | None = None
        self.scripts: tuple[Script, ...] = ()

    @property
    def policies(self) -> tuple[Policy, ...]:
        return tuple(policy for script in self.scripts for policy in script.loaded.policies)

    @property
    def deciding(self) -> tuple[Policy, ...]:
        """The policies that see traffic, without the modules that only list them."""
        return tuple(policy for policy in self.policies if decides(policy))

    def owner(self, option: str) -> str:
        """The path of the script that an option is of; empty for the gateway's own."""
        return self._owners.get(option, "")

    # -- mitmproxy's events

    def load(self, loader: addonmanager.Loader) -> None:
        loader.add_option("scripts", Sequence[str], [], "Load the policies of a script.")
        loader.add_option(
            "shadow", Sequence[str], [], "Load a script so that it decides and is traced, and nothing it does counts."
        )

    def configure(self, updated: set[str]) -> None:
        self._options_changes += 1
        if {"scripts", "shadow"} & updated:
            options = self._gateway.options
            self._want([(s, False) for s in options.scripts] + [(s, True) for s in options.shadow])

    def running(self) -> None:
        self._running = True

    def done(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    # -- which scripts

    def _want(self, wanted: list[tuple[str, bool]]) -> None:
        """Bring exactly these scripts into force, or leave everything as it is and raise `OptionsError`."""
        try:
            staged = self.stage(wanted)
            self.adopt(staged)
        except ConfigError as e:
            raise exceptions.OptionsError(str(e)) from e
        self.settle(staged, started=False)

    def stage(self, wanted: list[tuple[str, bool]]) -> Staged:
        """Load aside what of these is not in force. Raises `ConfigError`, and then has changed nothing."""
        fresh: list[tuple[Script, Announcements]] = []
        before = self.scripts
        try:
            places = [(spec, shadow, locate(spec)) for spec, shadow in wanted]
            names = _names([path for _, _, path in places])
            now = []
            for (spec, shadow, path), name in zip(places, names, strict=True):
                script = next((s for s in before if (s.path, s.shadow) == (path, shadow)), None)
                if script is None:
                    script, announced = self._first_load(spec, shadow, path, name)
                    fresh.append((script, announced))
                now.append(script)
        except ConfigError:
            self.drop(Staged((), before, fresh))
            raise
        return Staged(tuple(now), before, fresh)

    async def start_staged(self, staged: Staged) -> None:
        """Tell the policies that are new that they are running. Raises `ConfigError`."""
        for script, _ in staged.fresh:
            await start(self._gateway, script.loaded, script.imports)

    def adopt(self, staged: Staged) -> None:
        """Put these scripts in force. Raises `ConfigError`, and then those before are."""
        if self.scripts is not staged.before:
            raise ConfigError("the list of scripts was changed by something else", hint="save it again")
        self.scripts = staged.now
        try:
            self._gateway.addons.compile()
        except Exception as e:
            self.scripts = staged.before
            self.drop(staged)
            raise ConfigError(f"{type(e).__name__}: {e}" if not isinstance(e, TypeError) else str(e)) from e

    def revert(self, staged: Staged) -> None:
        """Put the scripts from before in force again."""
        self.scripts = staged.before
        self._gateway.addons.compile()

    def drop(self, staged: Staged) -> None:
        """Let go of what was loaded aside, as if it never had been."""
        for script, announced in staged.fresh:
            announced.undo()
            script.imports.unload()
        staged.fresh.clear()

    def settle(self, staged: Staged, *, started: bool = True) -> None:
        """The new scripts are in force: watch their files, and end those that are gone."""
        gone = [script for script in staged.before if script not in staged.now]
        for script, _ in staged.fresh:
            _warn(script)
        loop = asyncio.get_running_loop()
        begin = [] if started else [script for script, _ in staged.fresh]
        if self._running and (begin or gone):
            self._changing = loop.create_task(self._start_and_end(begin, gone))
        if self.scripts and self._watcher is None:
            self._watcher = loop.create_task(self._watch())

    def _first_load(self, spec: str, shadow: bool, path: Path, name: str) -> tuple[Script, Announcements]:
        self._gateway.watchdog.install()
        imports = ScriptImports(path)
        announced = Announcements(self._gateway, str(path), self._owners)
        try:
            loaded = load(self._gateway, name, imports, announced, shadow=shadow)
        except ConfigError:
            announced.undo()
            imports.unload()
            raise
        return Script(spec, shadow, path, name, imports, loaded, dict(imports.versions)), announced

    async def _start_and_end(self, fresh: list[Script], gone: list[Script]) -> None:
        for script in fresh:
            try:
                await start(self._gateway, script.loaded, script.imports)
            except ConfigError as e:
                logger.error("%s: its running hook failed: %s", script.name, e)
        for script in gone:
            await self._end(script.loaded)
            script.imports.unload()

    async def _end(self, version: LoadedScript) -> None:
        for policy in version.policies:
            done = policy.hook("done")
            if done is None:
                continue
            try:
                result = deadline.call(self._gateway.watchdog, done)
                if inspect.isawaitable(result):
                    await deadline.finish(self._gateway.watchdog, result, LOAD_LIMIT_S)
            except (Exception, DeadlineExceeded, SystemExit) as e:
                logger.error("%s: done raised %s at %s", policy.name, type(e).__name__, place(e))

    # -- reload

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for script in self.scripts:
                try:
                    await self._look(script)
                except Exception as e:  # the watcher outlives whatever one script makes of it
                    logger.error("%s: cannot be watched: %s at %s", script.name, type(e).__name__, place(e))

    async def _look(self, script: Script) -> None:
        # Functions may have imported more since.
        script.seen = {**script.imports.versions, **script.seen}
        now = {path: look_again(path, version) for path, version in script.seen.items()}
        if now == script.seen:
            script.seen, script.changing = now, None
        elif script.changing is None or now != script.changing:
            script.changing = now
        else:
            script.changing = None
            if now[script.path] is None:
                logger.warning("%s is gone; its last version stays in force.", script.name)
                script.seen = now
            else:
                await self._reload(script, now)

    async def _reload(self, script: Script, now: Versions) -> None:
        imports = ScriptImports(script.path)
        announced = Announcements(self._gateway, str(script.path), self._owners)
        before, before_imports = script.loaded, script.imports
        try:
            loaded = load(self._gateway, script.name, imports, announced, shadow=script.shadow)
            _check_not_emptied(script, loaded)
            await self._start_aside(loaded, imports)
            self._put_in_force(script, loaded, imports)
        except ConfigError as e:
            announced.undo()
            imports.unload()
            # Files of the failed attempt too: mending any of them is reason to try again.
            script.seen = {**now, **imports.versions}
            logger.error("%s cannot be loaded, its last good version stays in force.\n%s", script.name, e)
            return
        script.seen = dict(imports.versions)
        logger.info("%s reloaded.", script.name)
        _warn(script)
        await self._end(before)
        before_imports.unload()

    async def _start_aside(self, loaded: LoadedScript, imports: ScriptImports) -> None:
        if not self._running:
            return
        changes = self._options_changes
        await start(self._gateway, loaded, imports)
        if changes != self._options_changes:
            raise ConfigError("options changed while it was starting; save it again")

    def _put_in_force(self, script: Script, loaded: LoadedScript, imports: ScriptImports) -> None:
        if script not in self.scripts:
            raise ConfigError("it was taken out of the list of scripts")
        before = script.loaded, script.imports
        script.loaded, script.imports = loaded, imports
        try:
            self._gateway.addons.compile()
        except Exception as e:
            script.loaded, script.imports = before
            raise ConfigError(f"{type(e).__name__}: {e}") from e


def _check_not_emptied(script: Script, loaded: LoadedScript) -> None:
    # An editor that empties a file before it writes it would otherwise switch the policy off.
    if any(map(decides, script.loaded.policies)) and not any(map(decides, loaded.policies)):
        raise ConfigError("it has no hooks any more", hint="to do without it, start without it")


def _warn(script: Script) -> None:
    for warning in script.loaded.warnings:
        logger.warning("%s", warning)
    if not any(map(decides, script.loaded.policies)):
        alone = ", and only scripts can call " + ", ".join(script.loaded.commands) if script.loaded.commands else ""
        logger.warning("%s has no hooks: it sees no traffic%s.", script.name, alone)


def _names(paths: list[Path]) -> list[str]:
    """The scripts' file names; the whole path where two have the same. Raises `ConfigError` for one named twice."""
    for path, times in Counter(paths).items():
        if times > 1:
            raise ConfigError(f"{path.name} is listed twice")
    counted = Counter(path.name for path in paths)
    return [path.name if counted[path.name] == 1 else str(path) for path in paths]
