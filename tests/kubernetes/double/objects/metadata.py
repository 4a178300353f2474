"""What the server itself writes into an object's metadata, and what it checks there."""

import datetime as dt
import random
import re
import uuid
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.double.api.status import Cause, bad_value, required
from tests.kubernetes.double.objects.kinds import Kind

type Json = dict[str, Any]

# Without vowels and what looks alike, as apimachinery's own alphabet.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_LABEL = re.compile(rf"{_LABEL}")
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATH_SEGMENT = re.compile(r"(?!\.\.?$)[^/%]+")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    "is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_BY_LABEL = ("namespaces", "services")


def now() -> str:
    """The time, as objects carry it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def random_suffix(length: int = 5) -> str:
    """What is put behind a generateName."""
    return "".join(random.choices(_ALPHABET, k=length))


def born(obj: Json) -> None:
    """Give a new object what every object has."""
    metadata = obj["metadata"]
    for name in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(name, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now()


def problems(kind: Kind, obj: Json) -> Iterator[Cause]:
    """What is wrong with an object's metadata."""
    metadata = obj["metadata"]
    name = metadata.get("name", "")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.group == "rbac.authorization.k8s.io":
        if not _PATH_SEGMENT.fullmatch(name):
            yield bad_value("metadata.name", name, "may not contain '/'")
    elif kind.plural in _BY_LABEL and not kind.custom:
        if not _DNS_LABEL.fullmatch(name) or len(name) > 63:
            yield bad_value("metadata.name", name, _LABEL_RULE)
    elif not _SUBDOMAIN.fullmatch(name) or len(name) > 253:
        yield bad_value("metadata.name", name, _SUBDOMAIN_RULE)
    for value in (metadata.get("labels") or {}).values():
        if not _LABEL_VALUE.fullmatch(value) or len(value) > 63:
            yield bad_value("metadata.labels", value, _LABEL_VALUE_RULE)


def unchangeable(before: Json, after: Json) -> Iterator[Cause]:
    """What an update changes that it may not."""
    for name in ("uid", "creationTimestamp", "deletionTimestamp"):
        old, new = before["metadata"].get(name), after["metadata"].get(name)
        if old != new:
            yield bad_value(f"metadata.{name}", new, "field is immutable")
