"""The options and commands that a script announces while it is loaded aside, and how to take them back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mitmproxy import addonmanager, exceptions
from mitmproxy.optmanager import _Option, _UnconvertedStrings
from mitmproxy.utils import typecheck

from hoopaddon.errors import ConfigError

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway


@runtime_checkable
class Untyped(Protocol):
    """A value that was configured before its option's type was known."""

    def of(self, option: Any) -> Any:
        """The value for this option. Raises `ConfigError`."""


class Announcements(addonmanager.Loader):
    """What `load(loader)` receives.

    Nobody is told of an option before the script is in force; a failed load is undone by `undo`, and only what
    it did is. `owners` says which script each option belongs to: a script may change its own.
    """

    def __init__(self, gateway: "Gateway", script: str, owners: dict[str, str]) -> None:
        super().__init__(gateway)  # type: ignore[no-untyped-call]
        self._gateway = gateway
        self._options: dict[str, Any] = gateway.options._options
        self._script = script
        self._owners = owners
        self._options_before: dict[str, Any] = {}
        self._owners_before: dict[str, str | None] = {}
        self._commands_before: dict[str, Any] = {}
        self._deferred_before: dict[str, Any] = {}

    def add_option(
        self, name: str, typespec: Any, default: Any, help: str, choices: Sequence[str] | None = None
    ) -> None:
        try:
            typecheck.typespec_to_str(typespec)
            option = _Option(name, typespec, default, help, choices)
        except (NotImplementedError, TypeError) as e:
            hint = "an option is a bool, int, str, an optional of one, or Sequence[str], and its default is one too"
            raise ConfigError(f"option {name}: {e or 'unknown type'}", hint=hint) from None
        current = self._options.get(name)
        if current is not None:
            if _same(current, option):
                return
            if self._owners.get(name) != self._script:
                raise ConfigError(f"there is an option {name} already", hint="call this one something else")
            _carry_over(current, option, self._gateway)
        self._options_before.setdefault(name, current)
        self._owners_before.setdefault(name, self._owners.get(name))
        self._options[name] = option
        self._owners[name] = self._script
        self._apply_deferred(name, option)

    def _apply_deferred(self, name: str, option: Any) -> None:
        """Give the option the value that the command line or the configuration has for it."""
        deferred = self._gateway.options.deferred
        if name not in deferred:
            return
        value = deferred[name]
        if isinstance(value, _UnconvertedStrings):
            value = self._gateway.options._parse_setval(option, value.val)
        elif isinstance(value, Untyped):
            value = value.of(option)
        try:
            option.set(value)
        except TypeError:
            expected = typecheck.typespec_to_str(option.typespec)
            raise ConfigError(f"option {name}: the configured value is no {expected}") from None
        self._deferred_before[name] = deferred.pop(name)

    def add_command(self, path: str, func: Callable[..., Any]) -> None:
        commands = self._gateway.commands
        self._commands_before.setdefault(path, commands.commands.get(path))
        commands.add(path, func)

    def collect_commands(self, addon: object) -> None:
        """Announce the methods that `@command.command` marks."""
        for attribute in dir(addon):
            if attribute.startswith("__"):
                continue
            function = getattr(addon, attribute, None)
            name = getattr(function, "command_name", None)
            if isinstance(name, str) and callable(function):
                try:
                    self.add_command(name, function)
                except exceptions.CommandError as e:
                    raise ConfigError(f"command {name}: {e}") from None

    @property
    def commands(self) -> list[str]:
        """The commands of this script."""
        return sorted(self._commands_before)

    def undo(self) -> None:
        """As if the script had never been loaded."""
        _restore(self._options, self._options_before)
        _restore(self._owners, self._owners_before)
        _restore(self._gateway.commands.commands, self._commands_before)
        self._gateway.options.deferred.update(self._deferred_before)


def _restore(table: dict[str, Any], before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value


def _same(one: Any, other: Any) -> bool:
    return all(getattr(one, part) == getattr(other, part) for part in ("typespec", "default", "help", "choices"))


def _carry_over(current: Any, option: Any, gateway: "Gateway") -> None:
    """A value that somebody has set survives a change of the option, if it still fits."""
    if not current.has_changed():
        return
    value = current.current()
    try:
        option.set(value)
    except TypeError:
        try:
            option.set(gateway.options._parse_setval(option, value if isinstance(value, list) else [str(value)]))
        except (exceptions.OptionsError, NotImplementedError, TypeError):
            expected = typecheck.typespec_to_str(option.typespec)
            hint = "set it to something that does, then save the script again"
            message = f"option {option.name} is now a {expected}, and the value that was set does not fit"
            raise ConfigError(message, hint=hint) from None
