"""What a request says about itself in its header fields, as it is sent on."""

import re

from hoopaddon.adapters.kubernetes.remote.channels import PROTOCOLS
from hoopaddon.web.request import Headers

JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"

_FORMS = frozenset(
    {
        *("application/json", "application/yaml", PROTOBUF, "application/cbor"),
        *("application/cbor-seq", "*/*", "application/*"),
    }
)
"""What the API server can answer in. Clients that read one of these read JSON too, and go by Content-Type."""
_REMOTE = re.compile(r"x-remote-.*")
_WEAK = re.compile(r'(?<![^\s,])W/(?=")')


def as_sent(headers: Headers, *, negotiates: bool = False, runs: bool = False, streams: bool = False) -> Headers:
    """The fields as the server gets them.

    `X-Remote-*` is for the proxy in front of an aggregated server. Where objects are asked for, they are asked for in
    JSON, as Tables and in streams too, or in protobuf if nothing else is taken: what comes in another form could not
    be masked. What `streams` is asked for uncompressed, and where something `runs` in a pod, its channels in a form
    that is read here.
    """
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        lowered = name.lower()
        if _REMOTE.fullmatch(lowered) or (negotiates and lowered == "accept"):
            continue
        if (runs or streams) and lowered == "sec-websocket-extensions":
            continue
        if runs and lowered == "sec-websocket-protocol":
            value = ", ".join(part for part in (p.strip() for p in value.split(",")) if part in PROTOCOLS)
        if lowered == "if-none-match":
            # Here tags are weak, and the server, which asks for equal ones, knows none of that (RFC 9110, 13.1.2).
            value = _WEAK.sub("", value)
        kept.append((name, value))
    if negotiates:
        kept.append(("accept", accepted(headers.get("accept"))))
    return Headers(tuple(kept))


def accepted(value: str) -> str:
    """An Accept with every form of an object as JSON, and its parameters as they were: `as=Table;v=v1`.

    Where protobuf is all that is taken, it stays.
    """
    entries = [[part.strip() for part in entry.split(";")] for entry in value.split(",")]
    forms = [(form.lower(), parameters) for form, *parameters in entries if form.lower() in _FORMS]
    name = PROTOBUF if forms and all(form == PROTOBUF for form, _ in forms) else JSON
    said = [";".join((name, *filter(None, parameters))) for _, parameters in forms]
    return ",".join(dict.fromkeys(said)) or JSON
