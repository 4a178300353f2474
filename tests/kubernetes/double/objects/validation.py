"""Whether an object may be what it says: its schema, and the rules of its kind."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.kubernetes.double.api.status import Cause, bad_request, bad_value, required, unsupported
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.schema import missing, pruned, unknown_fields, wrong_types
from tests.kubernetes.double.objects.selectors import selects

type Json = dict[str, Any]

_GO = {"integer": "int32", "number": "float64", "boolean": "bool", "string": "string", "array": "[]", "object": "map"}
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def decoded(kind: Kind, obj: Json, schema: Json, field_validation: str, warnings: list[str]) -> Json:
    """The object as the server's types hold it: unknown fields are refused, warned of, or dropped."""
    for path, found, wanted in wrong_types(obj, schema):
        holder = f"{kind.name}.{path}"
        why = f"json: cannot unmarshal {found} into Go struct field {holder} of type {_GO.get(wanted, wanted)}"
        raise bad_request(f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {why}')
    unknown = [f'unknown field "{path}"' for path in unknown_fields(obj, schema)]
    if unknown and field_validation == "Strict":
        why = f"strict decoding error: {', '.join(unknown)}"
        if kind.custom:
            raise bad_request(why)
        raise bad_request(f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: {why}')
    if field_validation != "Ignore":
        warnings += unknown
    made: Json = pruned(obj, schema)
    made.setdefault("metadata", {})
    return made


def problems(kind: Kind, obj: Json, schema: Json) -> Iterator[Cause]:
    """What is wrong with an object."""
    for path in missing(obj, schema):
        # Lists that are empty and lists that are not there are one to Go.
        if not path.endswith(("status", "conditions")):
            yield required(path)
    if rules := _RULES.get(kind.name):
        yield from rules(obj)


def _pod_spec(spec: Json, path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for number, container in enumerate(spec.get("containers") or ()):
        here = f"{path}.containers[{number}]"
        if not container.get("image"):
            yield required(f"{here}.image")
        if container.get("name") in seen:
            yield Cause("FieldValueDuplicate", f"{here}.name", f'Duplicate value: "{container["name"]}"')
        seen.add(container.get("name", ""))
        policies = ("Always", "IfNotPresent", "Never")
        if container.get("imagePullPolicy") not in (None, *policies):
            yield unsupported(f"{here}.imagePullPolicy", container["imagePullPolicy"], policies)
    policies = ("Always", "OnFailure", "Never")
    if spec.get("restartPolicy") not in (None, *policies):
        yield unsupported(f"{path}.restartPolicy", spec["restartPolicy"], policies)


def _pod(obj: Json) -> Iterator[Cause]:
    yield from _pod_spec(obj.get("spec") or {}, "spec")


def _workload(obj: Json) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if (spec.get("replicas") or 0) < 0:
        yield bad_value("spec.replicas", spec["replicas"], "must be greater than or equal to 0")
    if not spec.get("selector"):
        yield required("spec.selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if spec.get("selector") and not selects(spec["selector"], labels):
        shown = "map[string]string{" + ", ".join(f'"{k}":"{v}"' for k, v in sorted(labels.items())) + "}"
        why = "`selector` does not match template `labels`"
        yield Cause("FieldValueInvalid", "spec.template.metadata.labels", f"Invalid value: {shown}: {why}")
    yield from _pod_spec(template.get("spec") or {}, "spec.template.spec")


def _job(obj: Json) -> Iterator[Cause]:
    spec = ((obj.get("spec") or {}).get("template") or {}).get("spec") or {}
    yield from _pod_spec(spec, "spec.template.spec")
    if spec.get("restartPolicy") not in ("Never", "OnFailure"):
        path = "spec.template.spec.restartPolicy"
        yield Cause("FieldValueRequired", path, 'Required value: valid values: "OnFailure", "Never"')


def _config_map(obj: Json) -> Iterator[Cause]:
    for key in obj.get("data") or {}:
        if not _KEY.fullmatch(key):
            yield bad_value(f"data[{key}]", key, _KEY_RULE)


def _secret(obj: Json) -> Iterator[Cause]:
    yield from _config_map(obj)
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise bad_request(
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            ) from error


def _service(obj: Json) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None" and not spec.get("ports"):
        yield required("spec.ports")
    for number, port in enumerate(spec.get("ports") or ()):
        if not 0 < port.get("port", 0) < 65536:
            path = f"spec.ports[{number}].port"
            yield bad_value(path, port.get("port", 0), "must be between 1 and 65535, inclusive")


def _definition(obj: Json) -> Iterator[Cause]:
    spec = obj["spec"]
    wanted = f"{spec['names']['plural']}.{spec['group']}"
    if obj["metadata"].get("name") != wanted:
        name = obj["metadata"].get("name")
        why = f'must be spec.names.plural+"."+spec.group: expected "{wanted}"'
        yield bad_value("metadata.name", name, why)
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        yield bad_value("spec.versions", "", "must have exactly one version marked as storage version")
    for number, version in enumerate(spec["versions"]):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield required(f"spec.versions[{number}].schema.openAPIV3Schema", "schemas are required")


_RULES: Mapping[str, Callable[[Json], Iterator[Cause]]] = {
    "Pod": _pod,
    "Deployment": _workload,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "Job": _job,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Service": _service,
    "CustomResourceDefinition": _definition,
}


def forbidden_changes(kind: Kind, before: Json, after: Json) -> Iterator[Cause]:
    """What an update changes that the kind does not let change."""
    old, new = before.get("spec") or {}, after.get("spec") or {}
    if before.get("immutable"):
        for name in ("data", "binaryData", "stringData", "immutable"):
            if before.get(name) != after.get(name):
                yield Cause("FieldValueForbidden", name, "Forbidden: field is immutable when `immutable` is set")
    if kind.name in ("Deployment", "ReplicaSet", "DaemonSet", "Job") and old.get("selector") != new.get("selector"):
        yield bad_value("spec.selector", str(new.get("selector")), "field is immutable")
    if kind.name == "Job" and old.get("template") != new.get("template"):
        yield bad_value("spec.template", "core.PodTemplateSpec{}", "field is immutable")
    if kind.name.endswith("RoleBinding") and before.get("roleRef") != after.get("roleRef"):
        yield bad_value("roleRef", str(after.get("roleRef")), "cannot change roleRef")
    if kind.name == "Secret" and before.get("type") != after.get("type"):
        yield bad_value("type", after.get("type"), "field is immutable")
    if kind.name == "Service" and old.get("clusterIP") != new.get("clusterIP") and old.get("type") == new.get("type"):
        yield bad_value("spec.clusterIPs[0]", str(new.get("clusterIP")), "may not change once set")
    if kind.name == "Pod" and _fixed(old) != _fixed(new):
        free = ("containers[*].image", "initContainers[*].image", "activeDeadlineSeconds", "tolerations")
        named = ",".join(f"`spec.{name}`" for name in free)
        why = f"Forbidden: pod updates may not change fields other than {named}"
        yield Cause("FieldValueForbidden", "spec", why)


def _fixed(spec: Json) -> Json:
    free = ("activeDeadlineSeconds", "tolerations", "nodeName", "ephemeralContainers")
    kept = {name: value for name, value in spec.items() if name not in free}
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [{k: v for k, v in one.items() if k not in ("image", "resources")} for one in kept[name]]
    return kept
