"""Kubernetes: the API, and what is opened through it."""

from collections.abc import Sequence
from typing import Any

from hoopaddon.adapters.kubernetes.client import KubeClients
from hoopaddon.adapters.kubernetes.command import KubeRequest
from hoopaddon.adapters.kubernetes.mode import ALL_SETTINGS, KubernetesMode
from hoopaddon.adapters.kubernetes.protocol import PROTOCOL, KubeProtocol
from hoopaddon.adapters.kubernetes.server import KubeInstance
from hoopaddon.command import Command
from hoopaddon.errors import Unparsable
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.web.request import Headers, WebRequest

__all__ = ["ADAPTER", "KubeAdapter", "KubeInstance", "KubeProtocol", "KubeRequest", "KubernetesMode"]

_PATCHES = {"[": "application/json-patch+json", "{": "application/strategic-merge-patch+json"}


class KubeAdapter:
    """What the engine knows of this adapter."""

    name = "kubernetes"
    mode = KubernetesMode
    form = ALL_SETTINGS
    clients = KubeClients()
    web = PROTOCOL

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> KubeRequest:
        """A request as its text has it, `METHOD PATH?QUERY`, with header fields in the lines below if there are any.

        Without a Content-Type a body is JSON, and that of a PATCH a JSON patch if it is a list, else a strategic
        merge patch, or in YAML what is applied.
        """
        head, _, body = text.partition("\n\n")
        request_line, *fields = head.split("\n")
        method, _, target = request_line.partition(" ")
        path, _, query = target.partition("?")
        if not method or not path.startswith("/"):
            raise Unparsable("write METHOD /PATH, as GET /api/v1/pods")
        said = [(name.strip(), value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        if body and not any(name.lower() == "content-type" for name, _ in said):
            patch = _PATCHES.get(body.lstrip()[:1], "application/apply-patch+yaml")
            said.append(("content-type", patch if method == "PATCH" else "application/json"))
        request = WebRequest(
            method, "https", session.target.address, 443, path, query, Headers(tuple(said)), body.encode()
        )
        return KubeRequest(session, request)

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """Rows as they are: the API has none."""
        return Rows(command, columns, cells)


ADAPTER = KubeAdapter()
