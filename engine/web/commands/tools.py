"""What an agent asks of a server that offers tools, and the server of the agent."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from hoopaddon.command import Command


class ToolCommand(Command, ABC):
    """A call of a tool that a server offers to agents: `text` is `NAME {"argument": …}`.

    `verbs` has the tool's name in lower case, and `destructive` where the server says that the tool is. `objects` are
    the paths, URIs and hosts in the arguments, at any depth.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def server(self) -> str:
        """The server's name: that of the session's target."""

    @property
    @abstractmethod
    def tool(self) -> str:
        """The tool's name as the server spells it."""

    @property
    @abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """What the tool is given, as JSON's own types. Raises `Unparsable` where a rewritten text is no call."""

    @property
    @abstractmethod
    def annotations(self) -> Mapping[str, bool]:
        """What the server says of the tool: `read_only`, `destructive`, `idempotent`, `open_world`.

        Only what it does say is there, and nobody has checked it.
        """

    @property
    @abstractmethod
    def within(self) -> tuple[Command, ...]:
        """SQL and command lines that the arguments hold, as a `SqlCommand` or `ShellCommand` each.

        They are found by the names of tool and argument. The facts of one that cannot be read raise `Unparsable`.
        """

    @property
    @abstractmethod
    def listed(self) -> bool:
        """Whether the server has shown this tool to the client, in this session or one before."""


class ContextCommand(Command, ABC):
    """What else an agent asks of a server, or a server of an agent: `text` is `METHOD {"parameter": …}`.

    `verbs` has the method in lower case and what it amounts to in one word: `read`, `list`, `subscribe`, `sample` …
    """

    __slots__ = ()

    @property
    @abstractmethod
    def server(self) -> str:
        """The server's name: that of the session's target."""

    @property
    @abstractmethod
    def method(self) -> str:
        """The protocol's name for it: `resources/read`."""

    @property
    @abstractmethod
    def params(self) -> Mapping[str, Any]:
        """What it is asked with. Raises `Unparsable` where a rewritten text is no request."""

    @property
    @abstractmethod
    def to_client(self) -> bool:
        """Whether it is the server that asks the client: for a model's answer, for a person's, for its folders."""
