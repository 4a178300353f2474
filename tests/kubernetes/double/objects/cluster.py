"""The cluster's objects: how they come to be, change and go."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.double.api.status import (
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from tests.kubernetes.double.objects import defaults, managers, metadata, validation
from tests.kubernetes.double.objects.custom import Schemas
from tests.kubernetes.double.objects.kinds import Kind, Kinds
from tests.kubernetes.double.objects.storage import Event, Storage, name_of

type Json = dict[str, Any]
type Change = Callable[[Json], Json]

DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
# Kinds whose status subresource does not keep the status from being written with the rest.
_NO_GENERATION = ("Namespace", "Node", "PersistentVolume", "PersistentVolumeClaim", "Service", "ResourceQuota")


@dataclass(slots=True)
class Writing:
    """How a write is to be done."""

    manager: str = "unknown"
    dry_run: bool = False
    field_validation: str = "Warn"
    force: bool = False
    admit: Callable[[Kind, Json], None] = lambda _kind, _obj: None
    """Raises where the writer may not write this."""
    warnings: list[str] = field(default_factory=list)


class Cluster:
    """Every object, and the rules by which they change."""

    def __init__(self) -> None:
        self.kinds = Kinds()
        self.schemas = Schemas(self.kinds)
        self.storage = Storage()
        self.storage.hooks.append(self._serve_definitions)

    def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """An object, as the version that is asked for."""
        found = self.storage.get((kind.group, kind.plural), (namespace, name))
        if found is None:
            raise not_found(kind.group, kind.plural, name)
        return self.shown(kind, found)

    def shown(self, kind: Kind, obj: Json) -> Json:
        """A stored object in a version's clothes."""
        return {"kind": kind.name, "apiVersion": kind.api_version, **_rest(obj)}

    def create(self, kind: Kind, namespace: str, obj: Json, writing: Writing) -> Json:
        """Make an object."""
        schema = self.schemas.of(kind)
        obj = self._typed(kind, obj, writing)
        meta = obj["metadata"]
        if kind.namespaced:
            _same_namespace(meta, namespace)
        else:
            meta.pop("namespace", None)
        if meta.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + metadata.random_suffix()
        self._namespace_lives(kind, namespace, meta.get("name", ""))
        metadata.born(obj)
        if kind.sub("status"):
            obj.pop("status", None)
        self._check(kind, obj)
        defaults.fill_in(kind.name, obj)
        if _has_generation(kind):
            meta["generation"] = 1
        if self.storage.get((kind.group, kind.plural), name_of(obj)) is not None:
            raise already_exists(kind.group, kind.plural, meta["name"])
        if "managedFields" not in meta:
            writer = managers.Writer(writing.manager, kind.api_version)
            managers.updated(None, obj, schema, writer)
        return self._put(kind, obj, writing)

    def update(self, kind: Kind, old: Json, new: Json, writing: Writing, sub: str = "") -> Json:
        """Replace an object by what a client sent in its place."""
        new = self._typed(kind, new, writing)
        _same_namespace(new["metadata"], old["metadata"].get("namespace", ""))
        self._same_object(kind, old, new)
        new = self._kept(kind, old, new, sub)
        writer = managers.Writer(writing.manager, kind.api_version, sub)
        self._finish(kind, old, new)
        managers.updated(old, new, self.schemas.of(kind), writer)
        return self._put(kind, new, writing)

    def apply(self, kind: Kind, namespace: str, wanted: Json, writing: Writing, sub: str = "") -> tuple[Json, bool]:
        """Server-side apply; the object, and whether it is new."""
        wanted = self._typed(kind, wanted, writing)
        name = wanted["metadata"]["name"]
        _same_namespace(wanted["metadata"], namespace) if kind.namespaced else None
        found = self.storage.get((kind.group, kind.plural), (namespace, name))
        if found is None and sub:
            raise not_found(kind.group, kind.plural, name)
        old = self.shown(kind, found) if found else None
        if sub == "" and kind.sub("status"):
            wanted.pop("status", None)
        writer = managers.Writer(writing.manager, kind.api_version, sub)
        made = managers.applied(old, wanted, self.schemas.of(kind), writer, force=writing.force)
        if old is None:
            return self.create(kind, namespace, made, writing), True
        self._same_object(kind, old, wanted)
        made = self._kept(kind, old, made, sub)
        self._finish(kind, old, made)
        return self._put(kind, made, writing), False

    def _typed(self, kind: Kind, obj: Json, writing: Writing) -> Json:
        schema = self.schemas.of(kind)
        version, name = obj.get("apiVersion", kind.api_version), obj.get("kind", kind.name)
        if version != kind.api_version:
            why = f"the API version in the data ({version}) does not match the expected API version"
            raise bad_request(f"{why} ({kind.api_version})")
        if name != kind.name:
            what = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}'
            raise bad_request(f"{what}: converting ({version} {name}) to ({kind.api_version} {kind.name})")
        made = validation.decoded(kind, obj, schema, writing.field_validation, writing.warnings)
        return {"kind": kind.name, "apiVersion": kind.api_version, **_rest(made)}

    def _kept(self, kind: Kind, old: Json, new: Json, sub: str) -> Json:
        """What a write leaves as it was."""
        given = new["metadata"].get("managedFields")
        if sub == "status":
            new = {**old, "status": new.get("status") or {}, "metadata": {**old["metadata"]}}
        elif sub in ("ephemeralcontainers", "resize"):
            new = {**old, "spec": new["spec"], "metadata": {**old["metadata"]}}
        elif kind.sub("status"):
            new = {name: value for name, value in new.items() if name != "status"}
            if "status" in old:
                new["status"] = old["status"]
        new["metadata"]["managedFields"] = given if given is not None else old["metadata"].get("managedFields")
        for name in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
            if name in old["metadata"]:
                new["metadata"][name] = old["metadata"][name]
        return copy.deepcopy(new)

    def _same_object(self, kind: Kind, old: Json, new: Json) -> None:
        ours, theirs = old["metadata"], new["metadata"]
        if theirs.get("name", ours["name"]) != ours["name"]:
            raise bad_request(
                f"the name of the object ({theirs['name']}) does not match the name on the URL ({ours['name']})"
            )
        if theirs.get("uid", ours["uid"]) != ours["uid"]:
            why = f"Precondition failed: UID in precondition: {theirs['uid']}, UID in object meta: {ours['uid']}"
            raise conflict(kind.group, kind.plural, ours["name"], why)
        if theirs.get("resourceVersion", ours["resourceVersion"]) != ours["resourceVersion"]:
            raise conflict(kind.group, kind.plural, ours["name"])

    def _finish(self, kind: Kind, old: Json, new: Json) -> None:
        defaults.fill_in_again(kind.name, new)
        causes = list(validation.forbidden_changes(kind, old, new))
        if causes:
            raise invalid(kind.group, kind.name, new["metadata"]["name"], causes)
        self._check(kind, new)
        if _has_generation(kind) and _content(old) != _content(new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def _check(self, kind: Kind, obj: Json) -> None:
        causes = [
            *metadata.problems(kind, obj),
            *validation.problems(kind, obj, self.schemas.of(kind)),
        ]
        if causes:
            raise invalid(kind.group, kind.name, obj["metadata"].get("name", ""), causes)

    def _namespace_lives(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.storage.get(("", "namespaces"), ("", namespace))
        if found is None:
            raise not_found("", "namespaces", namespace)
        if "deletionTimestamp" in found["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            error = forbidden(kind.group, kind.plural, name, why)
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated"}
            error.details = {**(error.details or {})}
            error.details["causes"] = [{**cause, "field": "metadata.namespace"}]
            raise error

    def _put(self, kind: Kind, obj: Json, writing: Writing) -> Json:
        writing.admit(kind, obj)
        if writing.dry_run:
            return obj
        meta = obj["metadata"]
        if "deletionTimestamp" in meta and not meta.get("finalizers") and not _graceful(kind, obj):
            self.storage.put((kind.group, kind.plural), obj)
            gone = self.storage.remove((kind.group, kind.plural), name_of(obj))
            return self.shown(kind, gone or obj)
        return self.shown(kind, self.storage.put((kind.group, kind.plural), obj))

    def _serve_definitions(self, event: Event) -> None:
        if event.resource != DEFINITIONS:
            return
        if event.after is None:
            if event.before:
                self.schemas.withdraw(event.before)
            return
        self.schemas.establish(event.after)
        if not (event.after.get("status") or {}).get("conditions"):
            self.storage.put(DEFINITIONS, {**event.after, "status": _established(event.after)})

    def write(self, kind: Kind, obj: Json, change: Change) -> Json | None:
        """Let a controller change an object, if it is still there."""
        found = self.storage.get((kind.group, kind.plural), name_of(obj))
        if found is None:
            return None
        return self._put(kind, change(copy.deepcopy(self.shown(kind, found))), Writing())


def _rest(obj: Json) -> Json:
    return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}


def _has_generation(kind: Kind) -> bool:
    return kind.custom or (kind.sub("status") is not None and kind.name not in _NO_GENERATION)


def _content(obj: Json) -> Json:
    return {name: value for name, value in obj.items() if name not in ("metadata", "status", "kind", "apiVersion")}


def _graceful(kind: Kind, obj: Json) -> bool:
    """Whether something else (a kubelet, the namespaces' own end) has still to let go of it."""
    if kind.name == "Pod":
        return bool(obj["metadata"].get("deletionGracePeriodSeconds"))
    return kind.name == "Namespace" and bool((obj.get("spec") or {}).get("finalizers"))


def _same_namespace(meta: Json, namespace: str) -> None:
    if not namespace:
        return
    if meta.get("namespace", namespace) != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    meta["namespace"] = namespace


def _established(definition: Json) -> Json:
    when = metadata.now()
    conditions = [
        {"type": "NamesAccepted", "reason": "NoConflicts", "message": "no conflicts found"},
        {"type": "Established", "reason": "InitialNamesAccepted", "message": "the initial names have been accepted"},
    ]
    return {
        "conditions": [{**one, "status": "True", "lastTransitionTime": when} for one in conditions],
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": [one["name"] for one in definition["spec"]["versions"] if one.get("storage")],
    }
