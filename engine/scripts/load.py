"""Loads a script aside: nothing is in force until its caller puts it in force."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mitmproxy import exceptions

from hoopaddon.errors import ConfigError
from hoopaddon.policy import deadline
from hoopaddon.policy.policies import Policy, flatten
from hoopaddon.policy.watchdog import DeadlineExceeded
from hoopaddon.scripts.announce import Announcements
from hoopaddon.scripts.check import check, suspicious
from hoopaddon.scripts.imports import ScriptImports
from hoopaddon.scripts.unheard import unheard, unshown

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

LOAD_LIMIT_S = deadline.LIFECYCLE_LIMIT_S


@dataclass(frozen=True, slots=True)
class LoadedScript:
    """One version of a script, complete and configured."""

    module: ModuleType
    policies: tuple[Policy, ...]
    warnings: tuple[str, ...]
    commands: tuple[str, ...]
    """What other scripts may call."""


def load(
    gateway: "Gateway", name: str, imports: ScriptImports, announced: Announcements, *, shadow: bool
) -> LoadedScript:
    """Import, check, announce and configure. Raises `ConfigError` that says where the script is wrong."""
    try:
        with deadline.limited(gateway.watchdog, LOAD_LIMIT_S):
            module = imports.run()
            if not getattr(module, "name", None):
                vars(module)["name"] = str(imports.script)
            policies = _policies(module, name, shadow)
            check(policies)
            for policy in policies:
                _call(policy, "load", announced)
                announced.collect_commands(policy.addon)
            for policy in policies:
                _call(policy, "configure", gateway.options.keys())
            odd = (*suspicious(policies, imports), *unheard(policies, gateway.options), *unshown(imports))
            return LoadedScript(module, policies, odd, tuple(announced.commands))
    except (Exception, DeadlineExceeded, SystemExit) as e:
        raise explain(e, imports) from e


def _policies(module: ModuleType, name: str, shadow: bool) -> tuple[Policy, ...]:
    addons = getattr(module, "addons", [])
    if not isinstance(addons, list | tuple):
        raise ConfigError("addons has to be a list", hint="addons = [MyPolicy()]")
    return tuple(flatten(module, name, shadow=shadow))


def _call(policy: Policy, hook: str, *arguments: Any) -> None:
    function: Callable[..., Any] | None = policy.hook(hook)
    if function is None:
        return
    result = function(*arguments)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise ConfigError(f"{policy.name}: {hook} cannot be async")


async def start(gateway: "Gateway", script: LoadedScript, imports: ScriptImports) -> None:
    """Tell the policies that they are running. Raises `ConfigError`."""
    for policy in script.policies:
        running = policy.hook("running")
        if running is None:
            continue
        try:
            result = deadline.call(gateway.watchdog, running)
            if inspect.isawaitable(result):
                await deadline.finish(gateway.watchdog, result, LOAD_LIMIT_S)
        except (Exception, DeadlineExceeded, SystemExit) as e:
            raise explain(e, imports) from e


def explain(error: BaseException, imports: ScriptImports) -> ConfigError:
    """What is wrong with a script, in terms of its own lines."""
    file, line = _where(error, imports)
    if isinstance(error, ConfigError):
        return ConfigError(
            error.message,
            file=shown(Path(error.file)) if error.file else file,
            line=error.line if error.file else line,
            key=error.key,
            hint=error.hint,
        )
    if isinstance(error, SyntaxError):
        return ConfigError(
            f"{type(error).__name__}: {error.msg}", file=file, line=line, hint=(error.text or "").strip()
        )
    if isinstance(error, exceptions.OptionsError):
        return ConfigError(str(error), file=file, line=line)
    if isinstance(error, DeadlineExceeded | TimeoutError):
        return ConfigError(f"took longer than {LOAD_LIMIT_S:g} s to load", file=file, line=line)
    return ConfigError(f"{type(error).__name__}: {imports.plain(str(error))}", file=file, line=line)


def _where(error: BaseException, imports: ScriptImports) -> tuple[str, int | None]:
    """The innermost line of the script, or of a module beside it, that took part."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return shown(Path(error.filename)), error.lineno
    file, line, trace = imports.script, None, error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path in imports.versions:
            file, line = path, trace.tb_lineno
        trace = trace.tb_next
    return shown(file), line


def shown(path: Path) -> str:
    """A path as people write it: relative when it is below the working directory."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
