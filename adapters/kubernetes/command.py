"""Requests to the Kubernetes API as policies see them."""

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlsplit

from hoopaddon.adapters.kubernetes.body.media import JSON, PROTOBUF
from hoopaddon.adapters.kubernetes.facts import KubeFacts, facts_of
from hoopaddon.adapters.kubernetes.masked import refuse_masks
from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session
from hoopaddon.shell.facts import facts_of as shell_facts
from hoopaddon.web.commands import KubeCommand
from hoopaddon.web.request import Headers, WebRequest

_BLANK_LINE = "\n\n"


class KubeRequest(KubeCommand, hook="kube_request", protocol="kubernetes"):
    """A request to the Kubernetes API: what is done, to which objects, with which body."""

    __slots__ = ("_facts", "_facts_text", "_may_impersonate", "_request")

    def __init__(self, session: Session, request: WebRequest, *, may_impersonate: bool = True) -> None:
        body = _text_of(request)
        hidden = request.body is None or (body == "" and request.body != b"")
        digest = "sha256:" + hashlib.sha256(request.body or b"").hexdigest()
        text = f"{request.method} {request.target}" + (f"{_BLANK_LINE}{body}" if body else "")
        super().__init__(session, text, (digest,) if hidden else ())
        self._request = request
        self._may_impersonate = may_impersonate
        self._facts: KubeFacts | None = None
        self._facts_text = text

    @classmethod
    def of(cls, session: Session, request: WebRequest) -> Self:
        """The command that a request is. Raises `Unparsable` where it cannot be understood for certain."""
        command = cls(session, request)
        _ = command.facts
        return command

    @property
    def facts(self) -> KubeFacts:
        """Facts about the request. Raises `Unparsable` where it cannot be understood, or would store a mask."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            facts = facts_of(request_of(self), _base(self.session))
            refuse_masks(self.session, facts)
            if "impersonate" in facts.verbs and not self._may_impersonate:
                raise Unparsable("impersonation is not allowed here: the mode would need allow=impersonate")
            self._facts, self._facts_text = facts, self.text
        return facts

    @property
    def verb(self) -> str:
        return self.facts.info.verb

    @property
    def group(self) -> str:
        return self.facts.info.group

    @property
    def version(self) -> str:
        return self.facts.info.version

    @property
    def resource(self) -> str:
        return self.facts.info.resource

    @property
    def subresource(self) -> str:
        return self.facts.info.subresource

    @property
    def namespace(self) -> str:
        return self.facts.info.namespace

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def path(self) -> str:
        return self.facts.info.path

    @property
    def dry_run(self) -> bool:
        return self.facts.dry_run

    @property
    def label_selector(self) -> str:
        return next(iter(self.facts.query.get("labelSelector", ())), "")

    @property
    def field_selector(self) -> str:
        return next(iter(self.facts.query.get("fieldSelector", ())), "")

    @property
    def options(self) -> Mapping[str, str]:
        return self.facts.options

    @property
    def kind(self) -> str:
        return self.facts.kind

    @property
    def patch(self) -> str:
        return self.facts.patch

    @property
    def body(self) -> Any:
        return self.facts.body

    @property
    def body_seen(self) -> bool:
        return self.facts.body_seen

    @property
    def changes(self) -> tuple[Any, ...]:
        return self.facts.changes.sets

    @property
    def removes(self) -> frozenset[str]:
        return self.facts.changes.removes

    @property
    def refers_to(self) -> frozenset[str]:
        return self.facts.refers_to

    @property
    def container(self) -> str:
        return next(iter(self.facts.query.get("container", ())), "")

    @property
    def tool(self) -> str:
        return self._request.headers.get("kubectl-command")

    @property
    def argv(self) -> tuple[str, ...]:
        return self.facts.argv

    @property
    def programs(self) -> tuple[ShellProgram, ...]:
        argv = self.facts.argv
        return shell_facts(shlex.join(argv)).programs if argv else ()


def request_of(command: KubeRequest) -> WebRequest:
    """The request that the command's text is now: the client's own, or what a policy has made of it."""
    request = command._request
    if command.text is command.original_text or command.text == command.original_text:
        return request
    head, _, body = command.text.partition(_BLANK_LINE)
    method, _, target = head.partition(" ")
    path, _, query = target.partition("?")
    if not method or not path.startswith("/") or "\n" in head:
        raise Unparsable("rewritten to what is no request")
    was_text = _text_of(request) != "" or request.body == b""
    if not body and not was_text:
        return replace(request, method=method, path=path, query=query)
    headers = request.headers
    if not was_text and request.media_type == PROTOBUF:
        headers = Headers((*((n, v) for n, v in headers if n.lower() != "content-type"), ("content-type", JSON)))
    return replace(request, method=method, path=path, query=query, headers=headers, body=body.encode())


def _base(session: Session) -> str:
    address = session.target.address
    return urlsplit(address).path.rstrip("/") if "://" in address else ""


def _text_of(request: WebRequest) -> str:
    """The body as text; empty where it is none."""
    if not request.body or request.media_type == PROTOBUF:
        return ""
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return ""
