"""Custom resources: each definition becomes endpoints of its own."""

from typing import Any

from tests.kubernetes.double.objects.kinds import ALL, Kind, Kinds, Subresource
from tests.kubernetes.double.objects.schema import META, definition_of, resolve

type Json = dict[str, Any]
type Key = tuple[str, str, str]

_STRING = {"type": "string"}


class Schemas:
    """The schema of every kind that is served, and what custom kinds show in tables."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._custom: dict[Key, Json] = {}
        self._columns: dict[Key, list[Json]] = {}

    def of(self, kind: Kind) -> Json:
        """The schema of a kind's objects."""
        if kind.custom:
            return self._custom[kind.group, kind.version, kind.plural]
        return resolve({"$ref": definition_of(kind)})

    def columns(self, kind: Kind) -> list[Json]:
        """A custom kind's additionalPrinterColumns."""
        return self._columns.get((kind.group, kind.version, kind.plural), [])

    def establish(self, definition: Json) -> None:
        """Serve what a CustomResourceDefinition defines."""
        spec = definition["spec"]
        kinds = []
        for version in spec["versions"]:
            if version.get("served"):
                kind = _kind(spec, version)
                key = kind.group, kind.version, kind.plural
                self._custom[key] = _schema(version)
                self._columns[key] = version.get("additionalPrinterColumns") or []
                kinds.append(kind)
        # The storage version is the one that discovery prefers here; real ones go by how mature each name is.
        kinds.sort(key=lambda kind: not _stored(spec, kind.version))
        self._kinds.replace_custom(spec["group"], spec["names"]["plural"], kinds)

    def withdraw(self, definition: Json) -> None:
        """Serve it no longer."""
        self._kinds.replace_custom(definition["spec"]["group"], definition["spec"]["names"]["plural"], [])


def _stored(spec: Json, version: str) -> bool:
    return any(one["name"] == version and one.get("storage") for one in spec["versions"])


def _kind(spec: Json, version: Json) -> Kind:
    names = spec["names"]
    subresources = []
    for name in version.get("subresources") or {}:
        scale = name == "scale"
        subresources.append(Subresource(name, "Scale" if scale else names["kind"], "autoscaling/v1" if scale else ""))
    return Kind(
        spec["group"],
        version["name"],
        names["plural"],
        names["kind"],
        spec["scope"] == "Namespaced",
        tuple(names.get("shortNames") or ()),
        tuple(names.get("categories") or ()),
        ALL,
        tuple(subresources),
        custom=True,
        singular_name=names.get("singular") or names["kind"].lower(),
    )


def _schema(version: Json) -> Json:
    schema: Json = dict((version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"})
    own = {"apiVersion": _STRING, "kind": _STRING, "metadata": {"$ref": META}}
    schema["properties"] = {**schema.get("properties", {}), **own}
    return schema
