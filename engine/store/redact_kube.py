"""Takes secrets out of requests to the Kubernetes API: what a Secret holds, and variables with telling names."""

import json
import re
import shlex
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hoopaddon.detect.kubeobjects import KubeMask, kube_fields
from hoopaddon.store.redact import REDACTED, Redacted
from hoopaddon.store.redact_shell import redact_line
from hoopaddon.store.redact_web import redact_request

_OF_SECRETS = re.compile(r"\S+ \S*/secrets(?:[/?]|$)")
_RUNS = re.compile(r"\S+ \S*/exec\?")
_YAML_SECRET = re.compile(r"^\s*(?:-\s+)?[\"']?kind[\"']?\s*:\s*[\"']?Secret\b", re.MULTILINE)
_DATA = re.compile(r"/?(?:$|(?:data|stringData)(?:/|$))")
_MASK = KubeMask(
    ("private_key",),
    lambda entity, text: REDACTED,
    kube_fields(["default", "releases[helm]"]),
    lambda text: REDACTED,
)


def redact_kubernetes(text: str) -> Redacted:
    """A request as it may be kept."""
    head, separator, body = text.partition("\n\n")
    shown, secret = _redacted(body, bool(_OF_SECRETS.match(head))) if body else (body, False)
    if _RUNS.match(head):
        head, secret = _without_arguments(head)
    # What is secret by its name wherever it is asked: tokens in a query, passwords in a custom resource.
    rest = redact_request(head + separator + shown)
    return Redacted(rest.text, secret or rest.secret, rest.parameters)


def redact_object(text: str, request: str) -> str:
    """An object that the API has answered this request with, as it may be kept."""
    try:
        return _MASK.edit(text, "secrets" if _OF_SECRETS.match(request) else "")
    except (ValueError, RecursionError):
        return REDACTED


def _redacted(body: str, of_secrets: bool) -> tuple[str, bool]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        # In YAML nobody looks for the places: of a Secret nothing is kept.
        return (REDACTED, True) if of_secrets or _YAML_SECRET.search(body) else (body, False)
    if isinstance(document, list):
        return _patch(document, body) if of_secrets else (body, False)
    shown = _MASK.edit(body, "secrets" if of_secrets else "")
    return shown, shown is not body


def _without_arguments(head: str) -> tuple[str, bool]:
    """The request of an exec, whose parameters are the words of a command line."""
    target, _, query = head.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    line = redact_line(shlex.join(value for name, value in pairs if name == "command"))
    if not line.secret:
        return head, False
    try:
        words = shlex.split(line.text)
    except ValueError:
        words = [REDACTED]
    shown = [("command", word) for word in words] + [pair for pair in pairs if pair[0] != "command"]
    return f"{target}?{urlencode(shown, safe='/[]')}", True


def _patch(operations: list[Any], body: str) -> tuple[str, bool]:
    """A JSON patch of a Secret."""
    found = False
    for operation in operations:
        if isinstance(operation, dict) and "value" in operation and _DATA.match(str(operation.get("path", ""))):
            operation["value"] = REDACTED
            found = True
    return (json.dumps(operations, ensure_ascii=False), True) if found else (body, False)
