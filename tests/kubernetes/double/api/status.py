"""Errors as kube-apiserver words them: Status objects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]


def group_resource(group: str, plural: str) -> str:
    """A resource as messages name it: `pods`, `deployments.apps`."""
    return f"{plural}.{group}" if group else plural


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one field."""

    reason: str
    field: str
    message: str

    def json(self) -> Json:
        """As Status carries it."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


@dataclass
class ApiError(Exception):
    """A request that fails; `json` is the Status that its client gets."""

    code: int
    reason: str
    message: str
    details: Json | None = None
    headers: Sequence[tuple[str, str]] = ()

    def json(self) -> Json:
        """The Status object."""
        # Go's encoder writes an object that is there and empty, and none that is not there.
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        return {name: value for name, value in status.items() if value not in ("", None)}


def _details(group: str, kind: str, name: str = "", causes: Sequence[Cause] = ()) -> Json:
    details: Json = {"name": name, "group": group, "kind": kind, "causes": [cause.json() for cause in causes]}
    return {key: value for key, value in details.items() if value}


def not_found(group: str, plural: str, name: str) -> ApiError:
    """There is no such object."""
    message = f'{group_resource(group, plural)} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(group, plural, name))


def no_such_path() -> ApiError:
    """There is no such resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, plural: str, name: str) -> ApiError:
    """There is one of that name."""
    message = f'{group_resource(group, plural)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str = "") -> ApiError:
    """Somebody else changed it in the meantime."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {group_resource(group, plural)} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(group, plural, name))


def apply_conflict(causes: Sequence[Cause]) -> ApiError:
    """Other managers own fields that an apply would change."""
    if len(causes) == 1:
        said = f"1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines = []
        for message in sorted({cause.message for cause in causes}):
            lines.append(message.replace("conflict with", "conflicts with", 1) + ":")
            lines += [f"- {cause.field}" for cause in causes if cause.message == message]
        said = f"{len(causes)} conflicts: " + "\n".join(lines)
    message = f"Apply failed with {said}"
    return ApiError(409, "Conflict", message, {"causes": [cause.json() for cause in causes]})


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """The object breaks its kind's rules."""
    said = [f"{cause.field}: {cause.message}" for cause in causes]
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    message = f'{group_resource(group, kind)} "{name}" is invalid: {text}'
    return ApiError(422, "Invalid", message, _details(group, kind, name, causes))


def required(path: str, why: str = "") -> Cause:
    """A field that has to be there."""
    return Cause("FieldValueRequired", path, f"Required value{f': {why}' if why else ''}")


def bad_value(path: str, value: object, why: str) -> Cause:
    """A field with a value that it cannot have."""
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return Cause("FieldValueInvalid", path, f"Invalid value: {shown}: {why}")


def unsupported(path: str, value: object, allowed: Sequence[str]) -> Cause:
    """A field with a value that is none of those it may have."""
    names = ", ".join(f'"{name}"' for name in sorted(allowed))
    return Cause("FieldValueNotSupported", path, f'Unsupported value: "{value}": supported values: {names}')


def bad_request(message: str) -> ApiError:
    """What cannot be understood."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """Nobody that is known."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(group: str, plural: str, name: str, why: str) -> ApiError:
    """Somebody who may not."""
    named = f' "{name}"' if name else ""
    message = f"{group_resource(group, plural)}{named} is forbidden: {why}"
    return ApiError(403, "Forbidden", message, _details(group, plural, name))


def not_allowed() -> ApiError:
    """A verb that the resource does not have."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def expired(message: str = "", details: Json | None = None) -> ApiError:
    """A resourceVersion that is no longer kept."""
    return ApiError(410, "Expired", message or "too old resource version", details)


def unsupported_media(kinds: Sequence[str]) -> ApiError:
    """A body of a type that is not taken."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(kinds)}"
    return ApiError(415, "UnsupportedMediaType", message)


def not_acceptable(kinds: Sequence[str]) -> ApiError:
    """An answer of a type that is not made."""
    message = f"only the following media types are accepted: {', '.join(kinds)}"
    return ApiError(406, "NotAcceptable", message)
