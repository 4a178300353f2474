"""Requests as policies see them."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from hoopaddon.adapters.http.body import Content, readable
from hoopaddon.adapters.http.facts import HttpFacts, facts_of
from hoopaddon.adapters.http.media import media_type
from hoopaddon.adapters.http.within import commands_within
from hoopaddon.command import Command
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session
from hoopaddon.web.charset import encoded
from hoopaddon.web.commands import GraphQLOperation, HttpCommand
from hoopaddon.web.encoding import decoded
from hoopaddon.web.request import Headers, WebRequest

_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:/[!-~]*|\*)")
_BOUND_TO_BODY = frozenset(
    {
        *("content-encoding", "content-md5", "digest", "content-digest", "repr-digest", "x-amz-content-sha256"),
        *("x-amz-decoded-content-length", "x-amz-trailer", "x-amz-sdk-checksum-algorithm"),
    }
)


class HttpRequest(HttpCommand, hook="http_request", protocol="http"):
    """A request to an HTTP service: its method, its path, and its body where that is read."""

    __slots__ = ("_allow", "_changed", "_changed_text", "_data", "_facts", "_facts_text", "_problem", "_sent")

    def __init__(
        self, session: Session, text: str, parameters: Sequence[Any] = (), request: WebRequest | None = None
    ) -> None:
        """`text` is as `HttpCommand` says; without a `request` one is made of it."""
        super().__init__(session, text, parameters)
        self._sent = request or _of_text(text)
        self._data = self._sent.body or b""
        self._problem: Unparsable | None = None
        self._allow: frozenset[str] = frozenset()
        self._facts: HttpFacts | Unparsable | None = None
        self._facts_text = self._changed_text = text
        self._changed = self._sent

    @classmethod
    def of(cls, session: Session, request: WebRequest, allow: frozenset[str] = frozenset()) -> Self:
        """The command that a request is; its facts raise `Unparsable` where the body cannot be read."""
        data, text, problem = _opened(request)
        line = f"{request.method} {request.target}"
        unseen = bool(request.body) and text is None
        parameters = (f"sha256:{hashlib.sha256(request.body or b'').hexdigest()}",) if unseen else ()
        made = cls(session, f"{line}\n\n{text}" if text else line, parameters, request)
        made._data, made._problem, made._allow = data, problem, allow
        return made

    @property
    def request(self) -> WebRequest:
        """What would be sent now. Raises `Unparsable` where the body cannot be read."""
        if self._problem is not None:
            raise self._problem
        if self._changed_text is not self.text:
            self._changed, self._changed_text = self._rewritten_request(self.text), self.text
        return self._changed

    def rewrite(self, text: str) -> None:
        """Send `text` instead: another line, another body, or both. Raises `ValueError` for what is no request."""
        self._rewritten_request(text)
        super().rewrite(text)

    def _rewritten_request(self, text: str) -> WebRequest:
        sent = self._sent
        line, separator, body = text.partition("\n\n")
        old_line, _, old_body = self.original_text.partition("\n\n")
        if line != old_line and not _LINE.fullmatch(line):
            raise ValueError("a rewritten request is METHOD /PATH?QUERY, and behind a blank line its body")
        method, _, target = line.partition(" ")
        path, _, query = target.partition("?")
        changed = replace(sent, method=method, path=path, query=query)
        if body == old_body:
            return changed
        if self.parameters or sent.body is None or self._problem is not None:
            raise ValueError("this request's body is no text, or is not seen: it cannot be rewritten")
        content = Content(self._data, media_type(sent.headers), sent.headers, path)
        data = encoded(body, content.charset) if separator else b""
        fields = [(n, v) for n, v in sent.headers if n.lower() not in _BOUND_TO_BODY | {"content-length"}]
        if "content-length" in sent.headers or (data and "transfer-encoding" not in sent.headers):
            fields.append(("content-length", str(len(data))))
        return replace(changed, headers=Headers(tuple(fields)), body=data)

    @property
    def facts(self) -> HttpFacts:
        """Facts about the request, computed when first read. Raises `Unparsable` where it cannot be read."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            request = self.request
            data = self._data if request.body is self._sent.body else request.body or b""
            try:
                facts = facts_of(request, data, self._allow)
            except Unparsable as e:
                facts = e
            self._facts, self._facts_text = facts, self.text
        if isinstance(facts, Unparsable):
            raise facts
        return facts

    @property
    def method(self) -> str:
        """As sent: `POST`."""
        return self.text.partition(" ")[0]

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return self._sent.scheme

    @property
    def host(self) -> str:
        """The target's name."""
        return self._sent.host

    @property
    def path(self) -> str:
        """As most servers read it: decoded once, without dot segments and double slashes."""
        return self.facts.path.path

    @property
    def paths(self) -> frozenset[str]:
        """All that some server might read: as sent, decoded twice, without `;parameters` …"""
        return self.facts.path.readings

    @property
    def route(self) -> str:
        """The path with `{id}` for each segment that tells one thing from others of its kind."""
        return self.facts.route

    @property
    def calls(self) -> frozenset[tuple[str, str]]:
        """Every method, in lower case, with every path that it may be for, the requests within a batch included."""
        return self.facts.calls

    @property
    def query(self) -> Mapping[str, tuple[str, ...]]:
        """All values of each name in the query, decoded."""
        return self.facts.query

    @property
    def headers(self) -> Headers:
        """The header fields, without the client's token."""
        return self._sent.headers

    @property
    def body_seen(self) -> bool:
        """False where the body streams through: nothing here is known of it then."""
        return self._sent.body is not None

    @property
    def body_kind(self) -> str:
        """What the body is, whatever its Content-Type says."""
        return self.facts.readings[0].kind

    @property
    def body(self) -> Any:
        """The body in the form that its kind has."""
        return self.facts.readings[0].value

    @property
    def operations(self) -> tuple[GraphQLOperation, ...]:
        """GraphQL's operations, wherever in the request they are."""
        return self.facts.operations

    @property
    def within(self) -> tuple[Command, ...]:
        """SQL and command lines for endpoints that are known to run them: each a `SqlCommand` or `ShellCommand`."""
        return commands_within(self.session, self.facts)

    @property
    def strings(self) -> frozenset[str]:
        """Every text in the query and the body, at any depth and in every reading of them."""
        return self.facts.strings()

    def values(self, name: str) -> tuple[Any, ...]:
        """What is called so, in upper or lower case: in the query, the body at any depth, GraphQL's arguments."""
        return self.facts.values(name)


def unreadable(command: HttpRequest) -> str:
    """Why a body cannot be read at all, so that not even the text shows what is sent; empty where it can."""
    return "" if command._problem is None else command._problem.reason


def _opened(request: WebRequest) -> tuple[bytes, str | None, Unparsable | None]:
    """A body without its content codings, its text if it is one, and why it cannot be read."""
    if not request.body:
        return b"", None, None
    try:
        data = decoded(request.body, request.headers.get("content-encoding"))
        return data, readable(Content(data, media_type(request.headers), request.headers, request.path)), None
    except Unparsable as e:
        return b"", None, e


def _of_text(text: str) -> WebRequest:
    line, _, body = text.partition("\n\n")
    if not _LINE.fullmatch(line):
        raise Unparsable("no request: write METHOD /PATH?QUERY, and behind a blank line its body")
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    return WebRequest(method, "http", "localhost", 80, path, query, body=body.encode())
