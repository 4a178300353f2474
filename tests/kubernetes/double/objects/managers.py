"""Who owns which field of an object: server-side apply, and what other writes do to ownership."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.double.api.status import Cause, apply_conflict
from tests.kubernetes.double.objects.metadata import now
from tests.kubernetes.double.objects.ownership import Layout, Path, layout, merged, paths, shown, tree, without

type Json = dict[str, Any]

APPLY, UPDATE = "Apply", "Update"
# kubectl's server-side apply follows its client-side one without conflicts (fieldmanager's lastAppliedManager).
_KUBECTL, _LAST_APPLIED = "kubectl", "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: the manager, and by which version and subresource."""

    manager: str
    api_version: str
    subresource: str = ""


@dataclass(slots=True)
class _Entry:
    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    owned: set[Path] = field(default_factory=set)

    def is_of(self, writer: Writer, operation: str) -> bool:
        return (self.manager, self.operation, self.subresource) == (
            writer.manager,
            operation,
            writer.subresource,
        ) and (operation == APPLY or self.api_version == writer.api_version)

    def json(self) -> Json:
        made = {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": tree(self.owned),
        }
        return {**made, "subresource": self.subresource} if self.subresource else made

    def named(self) -> str:
        name = f'"{self.manager}"'
        if self.subresource:
            name += f' with subresource "{self.subresource}"'
        return name if self.operation == APPLY else f"{name} using {self.api_version}"


def _entries(obj: Json) -> list[_Entry]:
    return [
        _Entry(
            one.get("manager", ""),
            one.get("operation", UPDATE),
            one.get("apiVersion", ""),
            one.get("subresource", ""),
            one.get("time", ""),
            paths(one.get("fieldsV1") or {}),
        )
        for one in obj["metadata"].get("managedFields") or ()
    ]


def _store(obj: Json, entries: list[_Entry]) -> None:
    kept = [entry.json() for entry in entries if entry.owned]
    if kept:
        obj["metadata"]["managedFields"] = kept
    else:
        obj["metadata"].pop("managedFields", None)


def _own(entries: list[_Entry], writer: Writer, operation: str) -> _Entry:
    for entry in entries:
        if entry.is_of(writer, operation):
            return entry
    entry = _Entry(writer.manager, operation, writer.api_version, writer.subresource, now())
    entries.append(entry)
    return entry


def updated(before: Json | None, after: Json, schema: Json, writer: Writer) -> None:
    """Note in `after` who owns what, once `writer` has changed it from `before`."""
    entries = _entries(after)
    old: Layout = layout(before, schema, whole=True) if before else {}
    new = layout(after, schema, whole=True)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    removed = old.keys() - new.keys()
    for entry in entries:
        entry.owned -= removed
        if not entry.is_of(writer, UPDATE):
            entry.owned -= changed
    if changed:
        own = _own(entries, writer, UPDATE)
        own.owned |= changed
        own.time = now()
    _store(after, entries)


def applied(live: Json | None, wanted: Json, schema: Json, writer: Writer, *, force: bool) -> Json:
    """The object once `writer` has applied `wanted`; raises a conflict over fields that are others'."""
    base: Json = copy.deepcopy(live) if live else {"metadata": {}}
    entries = _entries(base)
    ours = layout(wanted, schema, whole=False)
    theirs = layout(base, schema, whole=True) if live else {}
    own = _own(entries, writer, APPLY)
    changed = {path for path, value in ours.items() if path in theirs and theirs[path] != value}
    tolerated = _said_before(base, theirs, schema) if writer.manager == _KUBECTL else set()
    causes = list(_conflicts(entries, own, changed - tolerated))
    if causes and not force:
        raise apply_conflict(causes)
    for entry in entries:
        if entry is not own:
            entry.owned -= changed
    given_up = own.owned - ours.keys()
    wanted = {**wanted, "metadata": {**wanted["metadata"]}}
    wanted["metadata"].pop("managedFields", None)
    made: Json = merged(base, wanted, schema)
    if writer.manager == _KUBECTL and _LAST_APPLIED in (made["metadata"].get("annotations") or {}):
        made["metadata"]["annotations"][_LAST_APPLIED] = json.dumps(wanted, separators=(",", ":")) + "\n"
    # What is above something that is still owned stays, even where it was owned by itself.
    kept = ours.keys() | {path for entry in entries if entry is not own for path in entry.owned}
    needed = {path[:length] for path in kept for length in range(1, len(path) + 1)}
    for path in sorted(given_up - needed, key=len, reverse=True):
        without(made, path, schema)
    if own.owned != ours.keys():
        own.owned, own.time = set(ours), now()
    _store(made, entries)
    return made


def _said_before(live: Json, theirs: Layout, schema: Json) -> set[Path]:
    """What client-side apply has set, and nobody else since: kubectl may take it over without a conflict."""
    said = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if not said:
        return set()
    return {
        path for path, value in layout(json.loads(said), schema, whole=False).items() if theirs.get(path) == value
    }


def _conflicts(entries: list[_Entry], own: _Entry, changed: set[Path]) -> Iterator[Cause]:
    for entry in entries:
        if entry is not own:
            for path in sorted(changed & entry.owned):
                yield Cause("FieldManagerConflict", shown(path), f"conflict with {entry.named()}")
