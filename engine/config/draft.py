"""What a file says, section by section, as modes, scripts and options: all that the command line could say too."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hoopaddon.access.roles import Roles
from hoopaddon.config.document import Item
from hoopaddon.config.fields import unknown
from hoopaddon.config.kinds import Flag, Integer, Kind, Number, Text, TextList
from hoopaddon.errors import ConfigError

_KINDS: Mapping[object, Kind] = {
    bool: Flag(),
    int: Integer(),
    float: Number(),
    str: Text(may_be_empty=True),
    Sequence[str]: TextList(),
}


def kind_of(option: Any) -> tuple[Kind, bool]:
    """How an option's value is written, and whether it may be left empty."""
    if option.choices and option.typespec is str:
        return Text(tuple(option.choices), may_be_empty=True), False
    kind = _KINDS.get(option.typespec)
    if kind is not None:
        return kind, False
    return next(_KINDS[known] for known in _KINDS if option.typespec == known | None), True  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class OptionValue:
    """An option's value as it stands in the file; its type is the option's, which a script may bring."""

    item: Item
    found: Callable[[str], str] | None = None
    """Where it names a file: how this process finds that."""

    def of(self, option: Any) -> Any:
        """The value for this option. Raises `ConfigError`."""
        kind, may_be_empty = kind_of(option)
        if self.item.is_empty and may_be_empty:
            return None
        value = kind.read(self.item)
        return self.found(value) if self.found is not None and value else value


@dataclass(frozen=True, slots=True)
class FileTarget:
    """One target: the mode that stands for it alone is `protocol:part@listen`."""

    name: str
    protocol: str
    part: str
    listen: str
    item: Item
    items: Mapping[str, Item]
    references: Mapping[str, str] = field(default_factory=dict)
    """Those of its secrets, by key."""

    @property
    def mode(self) -> str:
        return f"{self.protocol}:{self.part}@{self.listen}"

    def wrong(self, error: ConfigError) -> ConfigError:
        """An error about this target, with the place of the key that it is about."""
        named = (item for item in self.items.values() if error.file and error.file.endswith(item.text or "\0"))
        return (self.items.get(error.key) or next(named, self.item)).wrong(error.message, error.hint)


@dataclass(frozen=True, slots=True)
class FileAddon:
    """One script, its options and whether it is in shadow."""

    script: str
    shadow: bool
    item: Item
    options: frozenset[str] = frozenset()


@dataclass(slots=True)
class Draft:
    """See the module. `folder` is where the file is: names of other files are seen from there."""

    file: str
    folder: Path
    targets: list[FileTarget] = field(default_factory=list)
    addons: list[FileAddon] = field(default_factory=list)
    options: dict[str, OptionValue] = field(default_factory=dict)
    roles: Roles | None = None
    problems: list[ConfigError] = field(default_factory=list)

    def set_option(self, name: str, item: Item, *, is_file: bool = False) -> None:
        """An option has this value, which may be a file's name."""
        if name in self.options:
            self.problems.append(item.wrong(f"is set in line {self.options[name].item.line} already"))
        else:
            self.options[name] = OptionValue(item, self.beside if is_file else None)

    def beside(self, path: str) -> str:
        """A file's name as this process finds it."""
        there = Path(path)
        if there.is_absolute() or path.startswith("~") or self.folder == Path.cwd():
            return path
        return str(self.folder / there)

    @property
    def modes(self) -> list[str]:
        """The modes; targets of one protocol that listen at one place share one."""
        shared: dict[tuple[str, str], list[str]] = {}
        for target in self.targets:
            shared.setdefault((target.protocol, target.listen), []).append(target.part)
        return [f"{protocol}:{'|'.join(parts)}@{listen}" for (protocol, listen), parts in shared.items()]

    @property
    def scripts(self) -> list[str]:
        return [addon.script for addon in self.addons if not addon.shadow]

    @property
    def shadow(self) -> list[str]:
        return [addon.script for addon in self.addons if addon.shadow]

    def values(self, known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, OptionValue]]:
        """The values of the options that are known, and those that a script is to bring. Raises `ConfigError`."""
        there = {name: value.of(known[name]) for name, value in self.options.items() if name in known}
        return there, {name: value for name, value in self.options.items() if name not in known}

    def no_option(self, name: str, known: Iterable[str]) -> ConfigError:
        """Nobody knows this option."""
        error = unknown(self.options[name].item, name, known)
        close = f"{error.hint} " if error.hint.startswith("did you mean") else ""
        error.message = "there is no such option"
        error.hint = f"{close}An option of a policy needs its script in addons:; --options shows all."
        return error
