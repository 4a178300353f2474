"""Mappings with known keys: the tables by which the file is read, documented and described to editors."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hoopaddon.config.document import Item
from hoopaddon.config.kinds import Kind, Schema
from hoopaddon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Field:
    """One key: how its value is written, and what it is for."""

    kind: Kind
    help: str
    required: bool = False


type Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Found:
    """What a mapping holds: the value of each key that could be read, and the places of all that are there."""

    values: dict[str, Any]
    items: dict[str, Item]


def read_fields(item: Item, fields: Fields, problems: list[ConfigError]) -> Found:
    """Read a mapping by its table. Whatever is wrong with it becomes a problem."""
    values: dict[str, Any] = {}
    items: dict[str, Item] = {}
    for name, value in item.entries(problems):
        field = fields.get(name)
        if field is None:
            problems.append(unknown(value, name, fields))
            continue
        items[name] = value
        try:
            values[name] = field.kind.read(value)
        except ConfigError as e:
            problems.append(e)
    for name, field in fields.items():
        if field.required and name not in items:
            problems.append(item.wrong(f"{name} is missing: {field.help[0].lower()}{field.help[1:]}"))
    return Found(values, items)


def unknown(item: Item, name: str, known: Iterable[str]) -> ConfigError:
    """There is no such key."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return item.wrong(
        "there is no such key", f"did you mean {close[0]}?" if close else f"keys are {', '.join(names)}"
    )


def schema_of(fields: Fields) -> Schema:
    """The mapping in JSON Schema's words."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, field in fields.items() if field.required],
        "properties": {name: {**field.kind.schema(), "description": field.help} for name, field in fields.items()},
    }
