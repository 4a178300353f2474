"""Policies as the chain sees them: an addon, its name, and the hooks it really has."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType

from hoopaddon.command import Command
from hoopaddon.hooks import specs
from hoopaddon.policy.in_shadow import shadowed
from hoopaddon.policy.step import HookFunction as HookFunction
from hoopaddon.policy.step import Step as Step


@dataclass(frozen=True, slots=True)
class Policy:
    """One addon in the chain. In `shadow` it decides and is traced, and nothing it decides takes effect."""

    name: str
    addon: object
    shadow: bool = False

    @property
    def observer(self) -> bool:
        return bool(getattr(self.addon, "observer", False))

    def hook(self, name: str) -> HookFunction | None:
        """The addon's hook of this name. A module that merely imports something of that name has none."""
        function = getattr(self.addon, name, None)
        if function is None or isinstance(function, ModuleType):
            return None
        if isinstance(self.addon, ModuleType) and inspect.isclass(function):
            return None
        if not callable(function):
            raise TypeError(f"{self.name}: {name} is a hook's name, and what stands there cannot be called")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{self.name}: {name} has a yield in it, so calling it would run nothing of it")
        return shadowed(function) if self.shadow else function

    def command_hook(self, kind: type[Command]) -> HookFunction | None:
        """The most specific hook for this kind of command: `postgres_query` before `command`."""
        for base in kind.__mro__:
            name = vars(base).get("hook")
            if name and (function := self.hook(name)):
                return function
        return None

    @property
    def hooks(self) -> list[str]:
        return [name for name in specs() if self.hook(name)]


def steps(policies: Iterable[Policy], hook: str, find: Callable[[Policy], HookFunction | None]) -> tuple[Step, ...]:
    """The calls of one event in their order: deciding policies as listed, then observers."""
    found = [Step(policy, hook, function) for policy in policies if (function := find(policy))]
    return tuple(sorted(found, key=lambda step: step.observer))


def flatten(addon: object, name: str, *, shadow: bool = False) -> Iterator[Policy]:
    """An addon and the addons it lists, as mitmproxy's loader walks them.

    Where a script lists a single addon, that goes by the script's name; of several, each has its class added.
    """
    yield Policy(name, addon, shadow)
    children = getattr(addon, "addons", ())
    for child in children:
        child_name = name if len(children) == 1 else f"{name}:{type(child).__name__}"
        yield from flatten(child, child_name, shadow=shadow)
