"""Masks in objects of the Kubernetes API that leave them objects of it, and their bookkeeping as it is.

What identifies an object, versions it or says where it runs is never changed, nor are addresses: clients and
controllers go by it. Secrets are in base64, and so is what stands in their place; the annotation that `kubectl apply`
compares with is JSON, and is masked as the object itself, so that the comparison still holds.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from hoopaddon.detect.catalog import ENTITIES, GROUPS
from hoopaddon.detect.fields import Fields
from hoopaddon.detect.finder import UNSEARCHED, Finder, Match, finder
from hoopaddon.detect.masks import Mask, replace
from hoopaddon.detect.prefilter import Prefilter

DEFAULT_FIELDS = (
    "secrets:$.data.*",
    "secrets:$.stringData.*",
    "serviceaccounts:$.status.token",
    "tokenreviews:$.spec.token",
    "*:env[secret]",
)
"""What is masked whole: `RESOURCE:PATTERN`, `*` for any resource; `env[secret]` are variables whose names say so."""

HELM = "releases[helm]"
"""Helm's own records, which have to be asked for: helm works with nothing but what it has stored."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_ENV = "env[secret]"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?|secret|token|credential|private|api_?key|access_?key|auth|dsn|_key$|^key$|connection_?string",
    re.IGNORECASE,
)
_BASE64 = {"secrets": ("data",), "configmaps": ("binaryData",)}
_KINDS = {
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "TokenRequest": "serviceaccounts",
    "TokenReview": "tokenreviews",
}
_KEPT_METADATA = frozenset(
    {
        *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "labels"),
        *("deletionTimestamp", "selfLink", "ownerReferences", "finalizers", "managedFields", "continue"),
    }
)
_KEPT = frozenset(
    {
        *("apiVersion", "kind", "uid", "resourceVersion", "image", "imageID", "containerID", "caBundle", "nodeName"),
        *("reason", "type", "phase", "format", "imagePullPolicy", "restartPolicy", "fieldPath", "systemUUID"),
        *("machineID", "bootID", "hostname", "matchLabels", "selector", "digest", "columnDefinitions", "details"),
    }
)
_NAMES = "|".join((*sorted(ENTITIES, key=len, reverse=True), "masked", UNSEARCHED))
_MASK = re.compile(rf"\[(?:{_NAMES})\]|\*\*\*|(?:{_NAMES})_[a-z2-7]{{16}}")
_WHOLE_MASK = re.compile(rf"\[(?:{_NAMES})\]|.?\*\*\*[\w@.-]*|(?:{_NAMES})_[a-z2-7]{{16}}")


# An object in JSON or as Go shows it, a difference of two, and what Go's reader shows around a mistake.
_QUOTED = re.compile(r"\{.*\}|\{.*\Z", re.DOTALL)
_AROUND = re.compile(r"\.\.\.\|.*\|\.\.\.", re.DOTALL)


def without_quotes(message: str) -> str:
    """The message of an error without what it quotes of objects."""
    shown = _QUOTED.sub("{…}", _AROUND.sub("...|…|...", message))
    head, newline, rest = shown.partition("\n")
    return f"{head}\n…" if newline and "Forbidden: " in head and rest.strip() not in ("", "…") else shown


def holds_mask(text: str) -> bool:
    """Whether a mask may stand somewhere in a text."""
    return _MASK.search(text) is not None


def is_mask(text: str) -> bool:
    """Whether a text is a mask, and nothing else."""
    return _WHOLE_MASK.fullmatch(text) is not None


def decoded(text: str) -> str | None:
    """The text behind base64; None where there is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return None


class KubeMask:
    """Hides what is found in objects, and whole what the fields say. `whole` makes the mask of such a value."""

    def __init__(
        self, entities: Iterable[str], mask: Mask, fields: Iterable[str], whole: Callable[[str], str]
    ) -> None:
        # Where things run is what people ask for; a mask in its place would break whoever connects there.
        self._entities = frozenset(entities)
        self._prefilter = Prefilter(self._entities - GROUPS["ip"])
        self._mask, self._whole = mask, whole
        patterns: dict[str, list[str]] = {}
        for field in fields:
            resource, _, pattern = field.rpartition(":")
            patterns.setdefault(resource or "*", []).append(pattern)
        self._env = _ENV in patterns.get("*", ())
        everywhere = [pattern for pattern in patterns.pop("*", ()) if pattern != _ENV]
        self._helm = HELM in everywhere
        self._everywhere = Fields(pattern for pattern in everywhere if pattern != HELM)
        self._fields = {resource: Fields([*own, *everywhere]) for resource, own in patterns.items()}

    @cached_property
    def _finder(self) -> Finder:
        # To compile one takes half a second: this is the one that rows are searched by.
        return finder(self._entities)

    def found(self, text: str) -> list[Match]:
        """What is to be hidden in a text."""
        return self._finder.find(text, GROUPS["ip"])

    def edit(self, text: str, resource: str) -> str:
        """One document: an object of this resource, an event of a watch, a Table or a List."""
        if not self._may_change(text, resource):
            return text
        document = json.loads(text)
        edit = _Edit(self, text)
        changed = edit.object(document, resource)
        return json.dumps(changed, ensure_ascii=False, separators=(",", ":")) if edit.changed else text

    def _may_change(self, text: str, resource: str) -> bool:
        if resource in self._fields or "Secret" in text or "Token" in text or (self._env and '"env' in text):
            return True
        data = text.encode("utf-8", "surrogatepass")
        if LAST_APPLIED in text or "\\" in text or '"Status"' in text:
            return True
        return self._prefilter.hit(data) or bool(self._everywhere and self._everywhere.may_occur(data))


class _Edit:
    """One document on its way."""

    def __init__(self, rules: KubeMask, text: str) -> None:
        self._rules = rules
        self._searches = "\\" in text or rules._prefilter.hit(text.encode("utf-8", "surrogatepass"))
        self.changed = False

    def object(self, value: Any, resource: str) -> Any:
        if not isinstance(value, dict):
            return self._leaf(value) if isinstance(value, str) else value
        kind = value.get("kind")
        if isinstance(kind, str):
            resource = _KINDS.get(kind.removesuffix("List"), resource)
        if isinstance(value.get("type"), str) and isinstance(value.get("object"), dict) and "metadata" not in value:
            return value | {"object": self.object(value["object"], resource)}
        if isinstance(value.get("items"), list) and isinstance(kind, str) and kind.endswith("List"):
            return value | {"items": [self.object(item, resource) for item in value["items"]]}
        if isinstance(value.get("rows"), list) and kind == "Table":
            return value | {"rows": [self.object(row, resource) for row in value["rows"]]}
        if isinstance(value.get("cells"), list) and "object" in value:
            cells = [self._leaf(cell) if isinstance(cell, str) else cell for cell in value["cells"][1:]]
            return value | {"cells": value["cells"][:1] + cells, "object": self.object(value["object"], resource)}
        if not self._rules._helm and _is_release(value, resource):
            return value
        if kind == "Status":
            return self._told(value)
        fields = self._rules._fields.get(resource, self._rules._everywhere)
        return {key: self._member(key, item, "", fields, resource) for key, item in value.items()}

    def _told(self, value: Any, key: str = "") -> Any:
        """A `Status`, which may quote of an object what is hidden in it."""
        if isinstance(value, dict):
            return {name: self._told(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._told(item) for item in value]
        if not isinstance(value, str) or key != "message":
            return value
        shown = without_quotes(value)
        self.changed = self.changed or shown != value
        return self._leaf(shown)

    def _member(self, key: str, item: Any, above: str, fields: Fields, resource: str) -> Any:
        path = f"{above}.{key}" if above else key
        if above == "metadata" and key in _KEPT_METADATA:
            return item
        if fields and fields.match(f"$.{path}"):
            return self._hidden(item, above in _BASE64.get(resource, ()))
        if above == "metadata.annotations" and key == LAST_APPLIED and isinstance(item, str):
            return self._applied(item, resource)
        if key in _KEPT or key.endswith(("IP", "IPs", "Time", "Timestamp")):
            return item
        return self._value(item, path, fields, resource)

    def _value(self, value: Any, path: str, fields: Fields, resource: str) -> Any:
        if isinstance(value, dict):
            found = {key: self._member(key, item, path, fields, resource) for key, item in value.items()}
            variable = value.get("name") if self._rules._env and path.endswith(".env") else None
            if isinstance(variable, str) and "value" in value and _SECRET_NAME.search(variable):
                found["value"] = self._hidden(value["value"], False)
            return found
        if isinstance(value, list):
            return [self._value(item, path, fields, resource) for item in value]
        if isinstance(value, str):
            if path.partition(".")[0] in _BASE64.get(resource, ()):
                return self._leaf_in_base64(value)
            return self._leaf(value)
        return value

    def _hidden(self, value: Any, in_base64: bool) -> Any:
        """A value that is masked whole, and with it all that it holds."""
        if isinstance(value, dict):
            return {key: self._hidden(item, in_base64) for key, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item, in_base64) for item in value]
        if not isinstance(value, str) or not value:
            return value
        self.changed = True
        if in_base64:
            plain = decoded(value)
            return base64.b64encode(self._rules._whole(value if plain is None else plain).encode()).decode()
        return self._rules._whole(value)

    def _applied(self, text: str, resource: str) -> str:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return self._leaf(text)
        inner = _Edit(self._rules, text)
        changed = inner.object(document, resource)
        if not inner.changed:
            return text
        self.changed = True
        return json.dumps(changed, ensure_ascii=False, separators=(",", ":")) + "\n" * text.endswith("\n")

    def _leaf_in_base64(self, text: str) -> str:
        plain = decoded(text)
        masked = None if plain is None else replace(plain, self._rules.found(plain), self._rules._mask)
        if masked is None or masked == plain:
            return text
        self.changed = True
        return base64.b64encode(masked.encode()).decode()

    def _leaf(self, text: str) -> str:
        if not self._searches or len(text) < 5:
            return text
        found = self._rules.found(text)
        if not found:
            return text
        self.changed = True
        return replace(text, found, self._rules._mask)


def _is_release(value: dict[str, Any], resource: str) -> bool:
    """Whether an object is what helm keeps of a release, in a Secret or a ConfigMap.

    Its name and its type say so, which nobody can give to a Secret that is there already.
    """
    data, metadata = value.get("data"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (
        isinstance(data, dict)
        and data.keys() == {"release"}
        and isinstance(name, str)
        and name.startswith("sh.helm.release.v1.")
        and (resource != "secrets" or value.get("type") == "helm.sh/release.v1")
    )


def kube_fields(fields: Iterable[str]) -> tuple[str, ...]:
    """The fields to mask: those given, where `default` stands for `DEFAULT_FIELDS`."""
    return tuple(one for field in fields for one in (DEFAULT_FIELDS if field == "default" else (field,)))
