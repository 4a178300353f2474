"""The sections of the file: a table of their names, with what reads each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hoopaddon.config.addons import Addons
from hoopaddon.config.document import Item, parse_document, read_document
from hoopaddon.config.draft import Draft
from hoopaddon.config.fields import Field, read_fields, schema_of, unknown
from hoopaddon.config.kinds import Flag, Integer, Kind, Schema, Text, TextList
from hoopaddon.config.options import FreeOptions
from hoopaddon.config.roles import RolesSection
from hoopaddon.config.targets import Targets
from hoopaddon.errors import ConfigError
from hoopaddon.identity.oidc.settings import EXPIRY_HELP, OPTIONS
from hoopaddon.login.settings import OPTIONS as LOGIN_OPTIONS
from hoopaddon.store.layout import STORE_HELP


class Section(Protocol):
    """One key at the top of the file. What it says becomes modes, scripts and options of the draft."""

    @property
    def help(self) -> str: ...

    @property
    def may_be_empty(self) -> bool:
        """Whether nothing may stand after the key, and is passed over then."""

    def read(self, item: Item, draft: Draft) -> None:
        """Raises `ConfigError` where nothing of it can be read, and adds what is wrong within to `draft.problems`."""

    def schema(self) -> Schema: ...


@dataclass(frozen=True, slots=True)
class OptionKeys:
    """A section whose keys are options by names of their own: `keys` has each with its option.

    Those of `files` name files.
    """

    help: str
    keys: Mapping[str, tuple[str, Field]]
    files: frozenset[str] = frozenset()
    may_be_empty: bool = True

    def read(self, item: Item, draft: Draft) -> None:
        if not item.is_mapping:
            raise item.is_no("a mapping", f"keys are {', '.join(self.keys)}")
        found = read_fields(item, {name: field for name, (_, field) in self.keys.items()}, draft.problems)
        for name in found.values:
            draft.set_option(self.keys[name][0], found.items[name], is_file=name in self.files)

    def schema(self) -> Schema:
        return schema_of({name: field for name, (_, field) in self.keys.items()})


_KINDS: Mapping[Any, Kind] = {str: Text(may_be_empty=True), int: Integer(least=0), Sequence[str]: TextList()}
_IDENTITY = {
    **{name: (f"oidc_{name}", Field(_KINDS[kind], about)) for name, (kind, _, about) in OPTIONS.items()},
    **{name: (name, Field(_KINDS[kind], about)) for name, (kind, _, about) in LOGIN_OPTIONS.items()},
    "expiry_ends_sessions": ("token_expiry_ends_sessions", Field(Flag(), EXPIRY_HELP)),
}

SECTIONS: Mapping[str, Section] = {
    "targets": Targets(),
    "addons": Addons(),
    "options": FreeOptions(),
    "roles": RolesSection(),
    "identity": OptionKeys(
        "Where people and agents log in, and whose tokens are taken beside the gateway's own.",
        _IDENTITY,
        frozenset({"ca", "saml_metadata"}),
    ),
    "store": OptionKeys(
        "What is kept of sessions, and where.", {"folder": ("store", Field(Text(may_be_empty=True), STORE_HELP))}
    ),
}
"""A new section is a row here, and its keys become options that the command line has too."""


def read_file(path: Path, shown: str = "") -> Draft:
    """What the file says; `problems` is what is wrong with it. Raises `ConfigError` for what is no YAML at all."""
    return _read(read_document(path, shown), path)


def read_text(text: str, path: Path, shown: str = "") -> Draft:
    """The same for a file that is not written yet."""
    return _read(parse_document(text, shown or str(path)), path)


def _read(document: Item, path: Path) -> Draft:
    draft = Draft(document.file, path.absolute().parent)
    for name, item in document.entries(draft.problems):
        section = SECTIONS.get(name)
        if section is None:
            draft.problems.append(unknown(item, name, SECTIONS))
        elif not (item.is_empty and section.may_be_empty):
            try:
                section.read(item, draft)
            except ConfigError as e:
                draft.problems.append(e)
    if draft.roles is not None and "roles" in draft.options:
        message = "names a file of roles, and there are roles: in this file as well"
        draft.problems.append(draft.options["roles"].item.wrong(message, "write all of them in one place"))
    return draft
