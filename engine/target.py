"""What a mode says of its target: `HOST:PORT?key=value&…`, as all modes of ours are written."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl

from hoopaddon.credential import check_reference
from hoopaddon.errors import ConfigError

type Settings = MappingProxyType[str, str]
type SettingKind = Literal["text", "reference", "named reference", "file", "number", "list"]

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]/?#@\s]+)(?::(?P<port>[0-9]{1,5}))?")


class NoAddress(ValueError):
    """What stands where a target's address belongs is none."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a target: what it is for, in a sentence, and how its value is written.

    A `named reference` is NAME:REFERENCE; a `list` has commas between its members in a mode.
    """

    help: str
    kind: SettingKind = "text"
    choices: tuple[str, ...] = ()


NAME = Setting("What policies and people call the target.")


@dataclass(frozen=True, slots=True)
class TargetForm:
    """How a protocol's targets are written. `keys` may occur once; `label` and `allow` may several times.

    `form` is a whole mode and `address` what an address is, each with an example; `allowable` is what an `allow` may
    name: a word, or where one ends with `:NAME` any name after its colon.
    """

    form: str
    address: str
    default_port: int
    keys: Mapping[str, Setting]
    allowable: Collection[str] = ()

    def read(self, data: str) -> "TargetSpec":
        """Raises `ValueError`, with what to write instead."""
        address, _, query = data.partition("?")
        found = _ADDRESS.fullmatch(address)
        port = int(found["port"] or self.default_port) if found else 0
        if not found or not 1 <= port <= 65535:
            raise NoAddress(f"write {self.form}")
        settings, labels, allowed = self.read_settings(query)
        if query and not (settings or labels or allowed):
            raise ValueError(f"write {self.form}")
        host = found["host"].strip("[]")
        return TargetSpec(host, port, settings, labels, allowed)

    def read_all(self, data: str) -> "tuple[TargetSpec, ...]":
        """The targets of one mode, joined by `|`. Raises `ValueError`, with what to write instead."""
        targets = tuple(self.read(part) for part in parts(data))
        check_names([target.name for target in targets])
        return targets

    def read_settings(self, query: str) -> tuple[Settings, Settings, frozenset[str]]:
        """The settings, the labels and what is allowed. Raises `ValueError`, with what to write instead."""
        settings: dict[str, str] = {}
        labels: dict[str, str] = {}
        allowed: set[str] = set()
        for key, value in parse_qsl(query, keep_blank_values=True):
            self._check(key, value, settings)
            if key == "allow":
                allowed.add(value)
            elif key == "label":
                name, _, text = value.partition(":")
                labels[name] = text
            else:
                settings[key] = value
        return MappingProxyType(settings), MappingProxyType(labels), frozenset(allowed)

    def _check(self, key: str, value: str, settings: dict[str, str]) -> None:
        known = sorted({*self.keys, "label"} | ({"allow"} if self.allowable else set()))
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"keys are {', '.join(known)}"
            raise ValueError(f"unknown key {key!r}: {hint}")
        if key in settings:
            raise ValueError(f"{key} is given twice")
        if key == "label" and ":" not in value:
            raise ValueError("a label is key:value, label=env:prod for example")
        if key == "allow" and not self.may_allow(value):
            raise ValueError(f"allow is one of {', '.join(self.allowable)}")
        if key in self.keys and self.keys[key].kind == "reference":
            try:
                check_reference(value, key=key)
            except ConfigError as e:
                raise ValueError(f"{e.key} {e.message}: {e.hint}") from None

    def may_allow(self, value: str) -> bool:
        """Whether an `allow` may name this."""
        return any(_fits(value, known) for known in self.allowable)


def parts(data: str) -> list[str]:
    """What a mode says of each of its targets."""
    return [part.strip() for part in data.split("|")]


def check_names(names: Sequence[str]) -> None:
    """Raises `ValueError` for two targets of one name."""
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ValueError(f"two targets are called {twice}: give each a name=…")


def _fits(value: str, known: str) -> bool:
    prefix = known.removesuffix("NAME") if known.endswith(":NAME") else None
    return value == known if prefix is None else value.startswith(prefix) and value != prefix


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as its mode names it."""

    host: str
    port: int
    settings: MappingProxyType[str, str]
    labels: MappingProxyType[str, str]
    allowed: frozenset[str]

    @property
    def address(self) -> str:
        """`host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def name(self) -> str:
        """What policies and people call it."""
        return self.settings.get("name", self.address)
