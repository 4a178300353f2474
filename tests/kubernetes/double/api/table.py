"""Objects as they are printed: `as=Table`, and metadata alone: `as=PartialObjectMetadata`."""

import re
from collections.abc import Sequence
from typing import Any

from tests.kubernetes.double.api.age import age
from tests.kubernetes.double.api.columns import Column, built_in
from tests.kubernetes.double.objects.kinds import Kind

type Json = dict[str, Any]

_STEP = re.compile(r"""\.?(?:\[\?\(@\.(?P<key>\w+)==['"](?P<is>[^'"]*)['"]\)\]|\[(?P<at>\d+|\*)\]|"""
                   r"""\['(?P<quoted>[^']*)'\]|(?P<name>(?:[^.\[\\]|\\.)+))""")  # fmt: skip


class TableMaker:
    """Makes Tables of a kind's objects."""

    def __init__(self, kind: Kind, custom_columns: Sequence[Json], include: str = "Metadata") -> None:
        self._custom = custom_columns if kind.custom else None
        self._columns, self._cells = built_in(kind.group, kind.name)
        self._include = include or "Metadata"

    def table(self, objects: Sequence[Json], metadata: Json, version: str, *, headed: bool = True) -> Json:
        """A Table; after the first of a watch, without the columns' definitions."""
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": metadata,
            "columnDefinitions": self._definitions() if headed else None,
            "rows": [self._row(obj) for obj in objects],
        }

    def _definitions(self) -> list[Json]:
        if self._custom is None:
            return [column.json() for column in self._columns]
        named = Column("Name").json()
        own = [
            {
                "name": one["name"],
                "type": one["type"],
                "format": one.get("format", ""),
                "description": one.get("description", f"Custom resource definition column: {one['jsonPath']}"),
                "priority": one.get("priority", 0),
            }
            for one in self._custom
        ]
        return [named, *own] if own else [named, Column("Age", "date").json()]

    def _row(self, obj: Json) -> Json:
        row: Json = {"cells": self._cells(obj) if self._custom is None else self._custom_cells(obj)}
        if self._include == "Object":
            row["object"] = obj
        elif self._include == "Metadata":
            row["object"] = partial(obj)
        return row

    def _custom_cells(self, obj: Json) -> list[Any]:
        name = obj["metadata"]["name"]
        if not self._custom:
            return [name, age(obj["metadata"].get("creationTimestamp"))]
        return [name, *(_cell(obj, column) for column in self._custom)]


def _cell(obj: Json, column: Json) -> Any:
    found = _found(obj, column["jsonPath"])
    if not found:
        return None
    value = found[0]
    if column["type"] == "date":
        return age(value)
    if column["type"] == "string" and not isinstance(value, str):
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return value


def _found(obj: Json, path: str) -> list[Any]:
    values: list[Any] = [obj]
    for step in _STEP.finditer(path):
        values = [inner for value in values for inner in _step(value, step)]
    return values


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    if step["key"]:
        return [one for one in value if str(one.get(step["key"])) == step["is"]] if isinstance(value, list) else []
    if step["at"]:
        items = value if isinstance(value, list) else []
        return items if step["at"] == "*" else items[int(step["at"]) :][:1]
    name = step["quoted"] or step["name"].replace("\\", "")
    return [value[name]] if isinstance(value, dict) and name in value else []


def partial(obj: Json) -> Json:
    """An object's metadata, as an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def partial_list(objects: Sequence[Json], metadata: Json) -> Json:
    """Many objects' metadata."""
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "items": [partial(obj) for obj in objects],
    }
