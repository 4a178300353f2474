"""Whether a script's hooks are what the gateway can call, and names that look like hooks but are none."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from mitmproxy import hooks as mitmproxy_hooks

from hoopaddon.addon import misspelt_hooks
from hoopaddon.errors import ConfigError
from hoopaddon.hooks import LIFECYCLE, specs
from hoopaddon.policy.policies import Policy
from hoopaddon.scripts.imports import ScriptImports

_WITHOUT_ARGUMENT = frozenset({"running", "done"})
_RESEMBLANCE = 0.8


def traffic_hooks() -> set[str]:
    """The names of all hooks by which a script sees traffic: ours and mitmproxy's."""
    return (set(specs()) | set(mitmproxy_hooks.all_hooks)) - LIFECYCLE - {"add_log", "update"}


def decides(policy: Policy) -> bool:
    """Whether the policy sees any traffic at all."""
    return any(policy.hook(name) for name in traffic_hooks())


def check(policies: Iterable[Policy]) -> None:
    """Raises `ConfigError` for a hook that cannot be called as the gateway would."""
    for policy in policies:
        if isinstance(policy.addon, type):
            name = policy.addon.__name__
            raise ConfigError(f"addons lists the class {name}; a policy is an instance of it", hint=f"write {name}()")
        for hook in sorted(traffic_hooks() | LIFECYCLE):
            try:
                function = policy.hook(hook)
            except TypeError as e:
                raise ConfigError(str(e)) from None
            if function is not None:
                _check_arity(policy, hook, function)


def _check_arity(policy: Policy, hook: str, function: Callable[..., Any]) -> None:
    arguments = () if hook in _WITHOUT_ARGUMENT else (None,)
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as e:
        spec = specs().get(hook)
        takes = f"{hook}({spec.receives})" if spec else f"{hook}({'one argument' if arguments else ''})"
        code = getattr(inspect.unwrap(function), "__code__", None)
        raise ConfigError(
            f"{hook} cannot be called as the gateway calls it: {e}",
            file=code.co_filename if code else policy.name,
            line=code.co_firstlineno if code else None,
            hint=f"the hook is {takes}",
        ) from None
    except ValueError:
        # Something written in C that does not tell; the call will.
        return


def suspicious(policies: Iterable[Policy], imports: ScriptImports) -> Iterator[str]:
    """A sentence for each public function of the script's own that is one letter off a hook."""
    for policy in policies:
        names = [name for name in _own_functions(policy.addon, imports) if name not in mitmproxy_hooks.all_hooks]
        found = misspelt_hooks(names)
        for name in names:
            if name not in found and name not in specs() and name not in LIFECYCLE:
                found |= _like_mitmproxy(name)
        for name, hook in found.items():
            yield f"{policy.name}: {name} is not a hook and will never be called; did you mean {hook}?"


def _like_mitmproxy(name: str) -> dict[str, str]:
    close = difflib.get_close_matches(name, mitmproxy_hooks.all_hooks, n=1, cutoff=_RESEMBLANCE)
    return {name: close[0]} if close else {}


def _own_functions(addon: object, imports: ScriptImports) -> list[str]:
    if isinstance(addon, ModuleType):
        found = [n for n, v in vars(addon).items() if inspect.isfunction(v) and v.__module__ == addon.__name__]
    else:
        classes = [c for c in type(addon).__mro__ if imports.owns(c.__module__)]
        found = [n for c in classes for n, v in vars(c).items() if inspect.isfunction(v)]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]
