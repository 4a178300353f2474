"""What a request says about itself in its header fields, as it is sent on."""

import re

from hoopaddon.adapters.kubernetes.remote.channels import PROTOCOLS
from hoopaddon.web.request import Headers

JSON = "application/json"

_FORMS = frozenset(
    {
        *("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/cbor"),
        *("application/cbor-seq", "*/*", "application/*"),
    }
)
"""What the API server can answer in. Every client that reads one of these reads JSON, and goes by Content-Type."""
_REMOTE = re.compile(r"x-remote-.*")


def as_sent(headers: Headers, *, negotiates: bool = False, runs: bool = False, streams: bool = False) -> Headers:
    """The fields as the server gets them.

    `X-Remote-*` is for the proxy in front of an aggregated server. Where objects are asked for, they are asked for in
    JSON, as Tables and in streams too: what comes in another form could not be masked. What `streams` is asked for
    uncompressed, and where something `runs` in a pod, its channels in a form that is read here.
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
        kept.append((name, value))
    if negotiates:
        kept.append(("accept", accepted(headers.get("accept"))))
    return Headers(tuple(kept))


def accepted(value: str) -> str:
    """An Accept with every form of an object as JSON, and its parameters as they were: `as=Table;v=v1`."""
    said: list[str] = []
    for entry in value.split(","):
        form, *parameters = (part.strip() for part in entry.split(";"))
        if form.lower() in _FORMS:
            said.append(";".join((JSON, *filter(None, parameters))))
    return ",".join(dict.fromkeys(said)) or JSON
