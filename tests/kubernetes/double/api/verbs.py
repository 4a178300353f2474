"""The verbs on objects: get, list, create, update, patch, delete, deletecollection."""

import base64
import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.double.api import negotiation
from tests.kubernetes.double.api.identity import Rules, User
from tests.kubernetes.double.api.privileges import guard
from tests.kubernetes.double.api.route import Route
from tests.kubernetes.double.api.scale import from_scale, scale_of
from tests.kubernetes.double.api.status import (
    ApiError,
    bad_request,
    conflict,
    expired,
    not_allowed,
    unsupported_media,
)
from tests.kubernetes.double.objects.cluster import Cluster, Writing
from tests.kubernetes.double.objects.deletion import Deleting, deleted, success
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.patches import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    json_patch,
    merge_patch,
    strategic_patch,
)
from tests.kubernetes.double.objects.selectors import Matches, fields, labels
from tests.kubernetes.double.web.message import Request

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a resource, by somebody who may make it."""

    cluster: Cluster
    request: Request
    route: Route
    kind: Kind
    user: User
    rules: Rules
    warnings: list[str]

    @property
    def namespace(self) -> str:
        """The namespace of the objects; empty for those that have none."""
        return self.route.namespace if self.kind.namespaced else ""

    def matches(self) -> Matches:
        """Whether an object is one of those that are asked for."""
        by_label = labels(self.request.parameter("labelSelector"))
        by_field = fields(self.request.parameter("fieldSelector"), self.kind.plural, self.kind.name)
        return lambda obj: by_label(obj) and by_field(obj)

    def writing(self) -> Writing:
        """How this request wants to write."""
        agent = self.request.header("user-agent", "unknown").split("/")[0]
        manager = self.request.parameter("fieldManager") or agent or "unknown"
        validation = self.request.parameter("fieldValidation", "Warn")
        if validation not in ("Strict", "Warn", "Ignore"):
            raise bad_request(f'fieldValidation: Unsupported value: "{validation}"')
        admit = guard(self.rules, self.user)
        return Writing(manager, self.dry_run, validation, self.request.flag("force"), admit, self.warnings)

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be kept."""
        given = self.request.query.get("dryRun", [])
        if any(value not in ("All", "") for value in given):
            raise ApiError(
                422, "Invalid", f'Invalid value: "{given}": dryRun: Unsupported value: supported values: "All"'
            )
        return "All" in given


def get(call: Call) -> Json:
    """One object, or its scale."""
    obj = call.cluster.get(call.kind, call.namespace, call.route.name)
    return scale_of(call.kind, obj) if call.route.sub == "scale" else obj


def listed(call: Call) -> tuple[list[Json], Json]:
    """The objects that are asked for, and the list's metadata."""
    cluster, request = call.cluster, call.request
    resource = call.kind.group, call.kind.plural
    revision, start = cluster.storage.revision, ""
    if token := request.parameter("continue"):
        revision, start = _continued(call, token)
    elif (wanted := request.parameter("resourceVersion")) not in ("", "0"):
        exact = request.parameter("resourceVersionMatch") == "Exact"
        if int(wanted) > revision:
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            message = f"Too large resource version: {wanted}, current: {revision}"
            raise ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})
        if exact and int(wanted) < cluster.storage.compacted:
            raise expired(f"The resourceVersion for the provided list is too old: {wanted}")
        revision = int(wanted) if exact else revision
    matches = call.matches()
    objects = [
        cluster.shown(call.kind, obj)
        for obj in cluster.storage.at(resource, revision)
        if (not call.namespace or obj["metadata"]["namespace"] == call.namespace)
        and (not call.route.name or obj["metadata"]["name"] == call.route.name)
        and _key(obj) > start
        and matches(obj)
    ]
    return _page(call, objects, revision)


def _page(call: Call, objects: list[Json], revision: int) -> tuple[list[Json], Json]:
    metadata: Json = {"resourceVersion": str(revision)}
    limit = int(call.request.parameter("limit") or 0)
    if limit and len(objects) > limit:
        token = {"v": "meta.k8s.io/v1", "rv": revision, "start": _key(objects[limit - 1])}
        metadata["continue"] = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
        if not call.request.parameter("labelSelector") and not call.request.parameter("fieldSelector"):
            metadata["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    return objects, metadata


def _key(obj: Json) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _continued(call: Call, token: str) -> tuple[int, str]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=="))
        revision, start = int(found["rv"]), str(found["start"])
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request("continue key is not valid: invalid continue token") from error
    if revision < call.cluster.storage.compacted:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new "
            "list without the continue parameter, or use the continue token in this response to retrieve the "
            "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
            "that were created, modified, or deleted between the time the first chunk was returned and now may show "
            "up in the list."
        )
    return revision, start


def create(call: Call) -> Json:
    """Make the object of the body."""
    return call.cluster.create(call.kind, call.namespace, negotiation.read(call.request), call.writing())


def update(call: Call) -> Json:
    """Replace an object by the body."""
    body = negotiation.read(call.request)
    old = call.cluster.get(call.kind, call.namespace, call.route.name)
    return _written(call, old, body)


def _written(call: Call, old: Json, body: Json) -> Json:
    sub = call.route.sub
    if sub == "scale":
        made = call.cluster.update(call.kind, old, from_scale(call.kind, old, body), call.writing(), "scale")
        return scale_of(call.kind, made)
    if sub == "finalize":
        # Only this subresource changes the finalizers that a namespace has in its spec.
        body = {**old, "spec": body.get("spec") or {}}
    body.setdefault("metadata", {}).setdefault("name", call.route.name)
    return call.cluster.update(call.kind, old, body, call.writing(), sub)


def patch(call: Call) -> tuple[Json, int]:
    """Change an object by a patch; it, and 201 if an apply made it."""
    media = negotiation.media_types(call.request.header("content-type"))
    kind = media[0].name if media else ""
    if call.kind.custom and kind == STRATEGIC_PATCH:
        raise unsupported_media((JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
    if kind == APPLY_PATCH:
        return _apply(call)
    if call.request.flag("force"):
        why = "force: Forbidden: may not be specified for non-apply patch"
        raise ApiError(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {why}')
    if kind not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH):
        raise unsupported_media((JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH))
    body = negotiation.from_json(call.request.body)
    old = call.cluster.get(call.kind, call.namespace, call.route.name)
    target = scale_of(call.kind, old) if call.route.sub == "scale" else old
    made = _patched(call, kind, target, body)
    version = (made.get("metadata") or {}).get("resourceVersion")
    if version is not None and version != old["metadata"]["resourceVersion"]:
        raise conflict(call.kind.group, call.kind.plural, call.route.name)
    return _written(call, old, made), 200


def _patched(call: Call, kind: str, target: Json, body: Any) -> Json:
    if kind == JSON_PATCH:
        return json_patch(target, body)
    if not isinstance(body, dict):
        raise bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
    if kind == MERGE_PATCH:
        return dict(merge_patch(copy.deepcopy(target), body))
    return strategic_patch(target, body, call.cluster.schemas.of(call.kind))


def _apply(call: Call) -> tuple[Json, int]:
    if not call.request.parameter("fieldManager"):
        message = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        raise ApiError(422, "Invalid", message)
    body = negotiation.from_yaml(call.request.body)
    if not isinstance(body, dict) or "kind" not in body or "apiVersion" not in body:
        raise bad_request("error decoding YAML: apiVersion and kind must be set")
    meta = body.setdefault("metadata", {})
    if "managedFields" in meta:
        raise bad_request("metadata.managedFields must be nil")
    if meta.setdefault("name", call.route.name) != call.route.name:
        raise bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({call.route.name})"
        )
    made, new = call.cluster.apply(call.kind, call.namespace, body, call.writing(), call.route.sub)
    return made, 201 if new else 200


def _options(call: Call) -> Deleting:
    body = negotiation.read(call.request) if call.request.body else {}
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds", call.request.parameter("gracePeriodSeconds") or None)
    policy = body.get("propagationPolicy") or call.request.parameter("propagationPolicy")
    if policy not in ("", "Orphan", "Background", "Foreground"):
        raise ApiError(
            422,
            "Invalid",
            f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "{policy}"',
        )
    orphan = body.get("orphanDependents")
    return Deleting(
        policy or ("Orphan" if orphan else ""),
        None if grace is None else int(grace),
        preconditions.get("uid", ""),
        preconditions.get("resourceVersion", ""),
        call.dry_run or "All" in (body.get("dryRun") or ()),
    )


def delete(call: Call) -> Json:
    """Delete an object; it, if it still has to end, or a Status."""
    obj = call.cluster.get(call.kind, call.namespace, call.route.name)
    gone, is_answer = deleted(call.cluster, call.kind, obj, _options(call))
    return gone if is_answer else success(call.kind, gone)


def delete_collection(call: Call) -> Sequence[Json]:
    """Delete everything that is selected; what it was."""
    options = _options(call)
    if "deletecollection" not in call.kind.verbs:
        raise not_allowed()
    objects, _ = listed(call)
    return [deleted(call.cluster, call.kind, obj, options)[0] for obj in objects]
