"""Which of several sources an option has its value from: the command line, then the file, then what was before."""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import exceptions

from hoopaddon.access.roles import Roles
from hoopaddon.config.draft import Draft
from hoopaddon.config.fields import unknown
from hoopaddon.config.sections import read_file
from hoopaddon.errors import ConfigError, raise_all

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

FILE = "hoopaddon.yaml"
_LISTS = ("mode", "scripts", "shadow")
"""What the command line adds to, by its arguments, and does not replace."""


def read_config(named: str | None, *, looks_here: bool = True) -> Draft | None:
    """The file that is named, or else `hoopaddon.yaml` of the working directory. Raises `ConfigError`.

    None where there is no such file and none was named.
    """
    if named is None and not (looks_here and Path(FILE).exists()):
        return None
    draft = read_file(Path(named or FILE), named or FILE)
    raise_all(draft.problems)
    return draft


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What stands on the command line, and goes on to count whatever becomes of the file."""

    settings: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, ...]] | None = None
    values: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "CommandLine":
        """The arguments of the gateway."""
        lists = {name: tuple(getattr(arguments, name) or ()) for name in _LISTS}
        values = {name: getattr(arguments, name) for name in ("listen_host", "listen_port")}
        return cls(tuple(arguments.settings), lists, {k: v for k, v in values.items() if v is not None})

    @property
    def pinned(self) -> frozenset[str]:
        """The options that the file cannot change."""
        return frozenset({setting.partition("=")[0] for setting in self.settings} | set(self.values or {}))


class Layers:
    """The options of one gateway, and where they come from."""

    def __init__(self, gateway: "Gateway", command_line: CommandLine) -> None:
        self._gateway = gateway
        self._command_line = command_line
        options = gateway.options
        # As the defaults and confdir's own file have them.
        self._before = {name: getattr(options, name) for name in options.keys()}  # noqa: SIM118 an OptManager

    def start(self, draft: Draft | None) -> None:
        """Settle every option for the first time. Raises `ConfigError`, `OptionsError`."""
        options = self._gateway.options
        known: dict[str, Any] = options._options
        if draft is not None:
            values, deferred = draft.values(known)
            with placed(draft):
                options.update(**self._of_file(values))
            options.deferred.update(deferred)
        options.set(*self._command_line.settings, defer=True)
        lists = {name: value for name, value in self.lists(draft).items() if value is not None}
        with placed(draft):
            options.update(**{**(self._command_line.values or {}), **lists})
        if draft is not None:
            raise_all(self.unowned(draft))
            self._gateway.roles.put_beside(self.roles(draft))

    def lists(self, draft: Draft | None) -> dict[str, list[str] | None]:
        """Modes and scripts: the file's, then the command line's; None for what neither has."""
        found: dict[str, list[str] | None] = {}
        for name in _LISTS:
            if name in self._command_line.pinned:
                continue
            given = [*(getattr(draft, "modes" if name == "mode" else name) if draft is not None else ())]
            if name == "mode" and draft is not None and "mode" in draft.options:
                given += draft.options["mode"].of(self._gateway.options._options["mode"])
            given += (self._command_line.lists or {}).get(name, ())
            found[name] = given or None
        return found

    def lists_now(self, draft: Draft) -> dict[str, list[str]]:
        """Modes and scripts as they are to be with this version of the file."""
        found = {name: list(getattr(self._gateway.options, name)) for name in _LISTS}
        for name, value in self.lists(draft).items():
            found[name] = list(self._before[name]) if value is None else value
        return found

    def changed(self, before: Draft, draft: Draft, names: Iterable[str] | None = None) -> dict[str, Any]:
        """The options that a version of the file changes, with their values; of `names`, where there are any.

        What the file does not say any more is as it was before the file. Raises `ConfigError`.
        """
        known: Mapping[str, Any] = self._gateway.options._options
        values, _ = draft.values(known)
        gone = [name for name in before.options if name not in draft.options and name in known]
        values |= {name: self._before.get(name, known[name].default) for name in gone}
        found = {name: value for name, value in self._of_file(values).items() if names is None or name in names}
        return {name: value for name, value in found.items() if getattr(self._gateway.options, name) != value}

    def roles(self, draft: Draft) -> Roles | None:
        """Those that stand in the file. Raises `ConfigError` where the command line names others."""
        if draft.roles is not None and "roles" in self._command_line.pinned:
            message = "has roles:, and --set roles names a file of them as well"
            raise ConfigError(message, file=draft.file, hint="write all of them in one place")
        return draft.roles

    def _of_file(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: v for name, v in values.items() if name not in self._command_line.pinned and name not in _LISTS}

    def unowned(self, draft: Draft) -> list[ConfigError]:
        """What is wrong with the options of the file, now that all scripts have said theirs."""
        options, scripts = self._gateway.options, self._gateway.scripts
        problems = []
        for addon in draft.addons:
            own = [name for name in options.keys() if scripts.owner(name) == addon.script]  # noqa: SIM118
            for name in sorted(addon.options):
                item = draft.options[name].item
                if name not in options:
                    problems.append(unknown(item, name, [*own, "shadow"]))
                elif not scripts.owner(name):
                    problems.append(item.wrong("is an option of the gateway", "write it under options:"))
                options.deferred.pop(name, None)
        for name in [name for name in draft.options if name not in options and name in options.deferred]:
            options.deferred.pop(name)
            problems.append(draft.no_option(name, options.keys()))
        return problems


@contextmanager
def placed(draft: Draft | None) -> Iterator[None]:
    """What an option's own check says about a value of the file gets the value's place."""
    try:
        yield
    except exceptions.OptionsError as e:
        said = str(e)
        if draft is not None and said.startswith(f"{draft.file}:"):
            raise ConfigError(said) from None
        about = next((w for w in re.findall(r"[a-z_]+", said) if draft is not None and w in draft.options), None)
        if draft is None or about is None:
            raise
        raise draft.options[about].item.wrong(said.removeprefix(f"{about}: ")) from None
