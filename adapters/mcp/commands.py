"""The commands of MCP as policies see them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hoopaddon.adapters.mcp.facts import objects_of, uri_forms
from hoopaddon.adapters.mcp.within import commands_within
from hoopaddon.adapters.mcp.wording import parts_of, text_of
from hoopaddon.command import Command
from hoopaddon.errors import Refused
from hoopaddon.facts import Facts
from hoopaddon.session import Session
from hoopaddon.web.commands import ContextCommand, ToolCommand

_NOTHING: Mapping[str, bool] = MappingProxyType({})

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "completion/complete": "complete",
        "elicitation/create": "elicit",
        "initialize": "initialize",
        "logging/setLevel": "set",
        "prompts/get": "get",
        "prompts/list": "list",
        "resources/list": "list",
        "resources/read": "read",
        "resources/subscribe": "subscribe",
        "resources/templates/list": "list",
        "resources/unsubscribe": "unsubscribe",
        "roots/list": "list",
        "sampling/createMessage": "sample",
        "server/discover": "discover",
        "subscriptions/listen": "listen",
        "tools/list": "list",
    }
)
"""What each method amounts to, in one word."""


class McpToolCall(ToolCommand, hook="mcp_tool_call", protocol="mcp"):
    """A call of a tool that an MCP server offers.

    What else comes with the call and could change what it does (`_meta`, answers that the server has asked for) is in
    `parameters`, as JSON.
    """

    __slots__ = ("_annotations", "_carried", "_facts", "_listed", "_parts", "_parts_text")

    def __init__(
        self,
        session: Session,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        parameters: tuple[str, ...] = (),
        annotations: Mapping[str, bool] = _NOTHING,
        listed: bool = False,
    ) -> None:
        super().__init__(session, text_of(tool, arguments), parameters)
        self._annotations = MappingProxyType(dict(annotations))
        self._listed = listed
        self._parts: tuple[str, Mapping[str, Any]] = (tool, MappingProxyType(dict(arguments)))
        self._parts_text = self.text
        self._facts: Facts | None = None
        self._carried: object = None

    def _read(self) -> tuple[str, Mapping[str, Any]]:
        if self._parts_text is not self.text:
            tool, arguments = parts_of(self.text)
            if tool != self._parts[0]:
                # Another tool was not shown with these annotations, and may be one that is held.
                raise Refused("a call cannot be made one of another tool")
            self._parts, self._parts_text, self._facts = (tool, MappingProxyType(arguments)), self.text, None
        return self._parts

    @property
    def facts(self) -> Facts:
        """Facts about the call. Raises `Unparsable` where a rewritten text is none."""
        tool, arguments = self._read()
        if self._facts is None:
            verbs = {tool.lower(), *({"destructive"} if self._annotations.get("destructive") else ())}
            self._facts = Facts(frozenset(verbs), objects_of(arguments))
        return self._facts

    @property
    def server(self) -> str:
        """The server's name: that of the session's target."""
        return self.session.target.name

    @property
    def tool(self) -> str:
        """The tool's name as the server spells it."""
        return self._read()[0]

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the tool is given, as JSON's own types."""
        return self._read()[1]

    @property
    def annotations(self) -> Mapping[str, bool]:
        """What the server says of the tool."""
        return self._annotations

    @property
    def within(self) -> tuple[Command, ...]:
        """SQL and command lines that the arguments hold, as a `SqlCommand` or `ShellCommand` each."""
        tool, arguments = self._read()
        return commands_within(self.session, tool, arguments)

    @property
    def listed(self) -> bool:
        """Whether the server has shown this tool to the client."""
        return self._listed


class McpRequest(ContextCommand, hook="mcp_request", protocol="mcp"):
    """Any other request of MCP: a resource to read, a prompt, a list; or what the server asks of the client."""

    __slots__ = ("_carried", "_facts", "_parts", "_parts_text", "_to_client")

    def __init__(self, session: Session, method: str, params: Mapping[str, Any], *, to_client: bool = False) -> None:
        super().__init__(session, text_of(method, params))
        self._to_client = to_client
        self._parts: tuple[str, Mapping[str, Any]] = (method, MappingProxyType(dict(params)))
        self._parts_text = self.text
        self._facts: Facts | None = None
        self._carried: object = None

    def _read(self) -> tuple[str, Mapping[str, Any]]:
        if self._parts_text is not self.text:
            method, params = parts_of(self.text)
            if method != self._parts[0]:
                raise Refused("a request cannot be made another one")
            self._parts, self._parts_text, self._facts = (method, MappingProxyType(params)), self.text, None
        return self._parts

    @property
    def facts(self) -> Facts:
        """Facts about the request. Raises `Unparsable` where a rewritten text is none."""
        method, params = self._read()
        if self._facts is None:
            verbs = {method.lower(), WORDS.get(method, method.rpartition("/")[2].lower())}
            self._facts = Facts(frozenset(verbs), _objects(method, params))
        return self._facts

    @property
    def server(self) -> str:
        """The server's name: that of the session's target."""
        return self.session.target.name

    @property
    def method(self) -> str:
        """The protocol's name for it."""
        return self._read()[0]

    @property
    def params(self) -> Mapping[str, Any]:
        """What it is asked with."""
        return self._read()[1]

    @property
    def to_client(self) -> bool:
        """Whether it is the server that asks the client."""
        return self._to_client


def _objects(method: str, params: Mapping[str, Any]) -> frozenset[str]:
    kind = method.partition("/")[0]
    named = {params[name] for name in ("name", "uri") if isinstance(params.get(name), str)}
    if method.endswith("/list"):
        return frozenset({kind})
    if kind in ("initialize", "server", "logging"):
        return frozenset()
    uri = params.get("uri")
    forms = frozenset(uri_forms(uri)) if isinstance(uri, str) else frozenset()
    return frozenset(named) | forms | objects_of({k: v for k, v in params.items() if k != "_meta"})
