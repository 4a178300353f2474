"""A request to an HTTP service, and the GraphQL and the parts in it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, Self

from hoopaddon.command import Command
from hoopaddon.session import Session
from hoopaddon.web.request import Headers, WebRequest


class GraphQLCall(Protocol):
    """One field at the top of a GraphQL operation, which is what it asks the server to do."""

    @property
    def field(self) -> str:
        """Its name, whatever alias it goes by."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it is given, the values of variables filled in; an enumeration's value is its name."""


class GraphQLOperation(Protocol):
    """One operation of a GraphQL document that the request carries, whichever of them it says is to run."""

    @property
    def type(self) -> str:
        """`query`, `mutation` or `subscription`; empty where only the server knows."""

    @property
    def name(self) -> str:
        """Empty where it has none."""

    @property
    def calls(self) -> tuple[GraphQLCall, ...]:
        """The fields at its top, those of fragments included, each time that they occur."""

    @property
    def fields(self) -> frozenset[str]:
        """Fields at any depth by name, and as `Type.field` where the document says of which type."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """The values of its variables."""

    @property
    def opaque(self) -> bool:
        """The request names an operation that the server keeps, by a hash or an id, and does not show it."""


class HttpPart(Protocol):
    """One part of a multipart body."""

    @property
    def name(self) -> str:
        """The form field's name; empty where it has none."""

    @property
    def filename(self) -> str:
        """As the client has it, a path included; empty where it is no file."""

    @property
    def media_type(self) -> str:
        """`image/png`; empty where none is said."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    @property
    def value(self) -> Any:
        """What they say: a JSON document, the parts of a nested multipart, text; None for bytes that are no text."""


class HttpCommand(Command, ABC):
    """A request: `text` is `METHOD PATH?QUERY`, with the body behind a blank line where that is text.

    `verbs` are the method in lower case, those that a header or a parameter sets in its place, `graphql:mutation`
    with the mutation's fields, a gRPC method as `package.Service/Method`. `objects` are the route, the path in all
    readings, the host, GraphQL's fields and gRPC's services. A body that is no text is in `parameters`, by its hash.

    All but `method`, `scheme`, `host`, `headers` and `body_seen` raise `Unparsable` where the request can be read in
    more than one way, and so refuse it.
    """

    __slots__ = ()

    @classmethod
    @abstractmethod
    def of(cls, session: Session, request: WebRequest, allow: frozenset[str] = frozenset()) -> Self:
        """The command that a request is. `allow` are the things to be read in one way all the same."""

    @property
    @abstractmethod
    def request(self) -> WebRequest:
        """What would be sent now."""

    @property
    @abstractmethod
    def method(self) -> str:
        """As sent: `POST`."""

    @property
    @abstractmethod
    def scheme(self) -> str:
        """`https` or `http`."""

    @property
    @abstractmethod
    def host(self) -> str:
        """The target's name."""

    @property
    @abstractmethod
    def path(self) -> str:
        """As most servers read it: decoded once, without dot segments and double slashes."""

    @property
    @abstractmethod
    def paths(self) -> frozenset[str]:
        """All that some server might read: as sent, decoded twice, without `;parameters` …"""

    @property
    @abstractmethod
    def route(self) -> str:
        """The path with `{id}` for each segment that tells one thing from others of its kind: `/users/{id}`."""

    @property
    @abstractmethod
    def calls(self) -> frozenset[tuple[str, str]]:
        """Every method, in lower case, with every path that it may be for, the requests within a batch included."""

    @property
    @abstractmethod
    def query(self) -> Mapping[str, tuple[str, ...]]:
        """All values of each name in the query, decoded."""

    @property
    @abstractmethod
    def headers(self) -> Headers:
        """The header fields, without the client's token."""

    @property
    @abstractmethod
    def body_seen(self) -> bool:
        """False where the body streams through: nothing here is known of it then."""

    @property
    @abstractmethod
    def body_kind(self) -> str:
        """`json`, `form`, `multipart`, `graphql`, `grpc`, `xml`, `text`, `binary`, or empty without one.

        What the body is, where that differs from what its Content-Type says.
        """

    @property
    @abstractmethod
    def body(self) -> Any:
        """The document of `json`; all values of each name of a `form`; a tuple of `HttpPart`, or of gRPC's messages.

        Text for `graphql`, `xml` and `text`; None for `binary`, and without a body.
        """

    @property
    @abstractmethod
    def operations(self) -> tuple[GraphQLOperation, ...]:
        """GraphQL's operations, wherever in the request they are."""

    @property
    @abstractmethod
    def within(self) -> tuple[Command, ...]:
        """SQL and command lines for endpoints that are known to run them: each a `SqlCommand` or `ShellCommand`."""

    @property
    @abstractmethod
    def strings(self) -> frozenset[str]:
        """Every text in the query and the body, at any depth and in every reading of them."""

    @abstractmethod
    def values(self, name: str) -> tuple[Any, ...]:
        """What is called so, in upper or lower case: in the query, the body at any depth, GraphQL's arguments.

        In every reading of them, so that a body under a wrong Content-Type hides nothing. gRPC's names are numbers.
        """
