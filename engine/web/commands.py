"""What commands of the protocols on HTTP have in common, as policies see it.

As in `hoopaddon.commands`, adapters derive theirs from these, and policies import them from `hoopaddon`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, Self

from hoopaddon.command import Command
from hoopaddon.commands import ShellProgram
from hoopaddon.session import Session
from hoopaddon.web.request import Headers, WebRequest


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


class KubeCommand(Command, ABC):
    """A request to the Kubernetes API: `text` is `METHOD PATH?QUERY`, with the body behind a blank line.

    `verbs` is what it does (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`,
    `exec`, `attach`, `portforward`, `logs`, `proxy`), and what that amounts to beside: `delete` for an eviction or a
    collection, `create` for a server-side apply, `impersonate`. `objects` are `pods`, `deployments.apps`, `pods/web`,
    `shop/pods` and `shop/pods/web`, and who is impersonated: `users/admin`.
    """

    __slots__ = ()

    @classmethod
    @abstractmethod
    def of(cls, session: Session, request: WebRequest) -> Self:
        """The command that a request is. Raises `Unparsable` where it cannot be understood for certain."""

    @property
    @abstractmethod
    def verb(self) -> str:
        """What is done: the API's verb, or `exec`, `attach`, `portforward`, `logs` and `proxy`."""

    @property
    @abstractmethod
    def group(self) -> str:
        """The API group: `apps`; empty for the core group."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The version of the API: `v1`."""

    @property
    @abstractmethod
    def resource(self) -> str:
        """The plural name as in the URL: `pods`; empty for a path that is no object's (`/version`)."""

    @property
    @abstractmethod
    def subresource(self) -> str:
        """`status`, `scale`, `eviction`, `exec`, `log` …; empty for the object itself."""

    @property
    @abstractmethod
    def namespace(self) -> str:
        """Empty for what has none, and for requests about all of them."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the one object: by the URL, by a field selector that has one name, or by the body that creates it."""

    @property
    @abstractmethod
    def path(self) -> str:
        """The path with its escapes taken off."""

    @property
    @abstractmethod
    def dry_run(self) -> bool:
        """Nothing will be stored, by what the server looks at: of a DELETE its body, if it has one."""

    @property
    @abstractmethod
    def label_selector(self) -> str:
        """As given: `app=web,tier!=db`."""

    @property
    @abstractmethod
    def field_selector(self) -> str:
        """As given: `status.phase=Running`."""

    @property
    @abstractmethod
    def options(self) -> Mapping[str, str]:
        """What else the query or the DeleteOptions say: `propagationPolicy`, `force`, `fieldManager`, `limit` …"""

    @property
    @abstractmethod
    def kind(self) -> str:
        """What the body says that it is: `Pod`; often empty for patches."""

    @property
    @abstractmethod
    def patch(self) -> str:
        """`json`, `merge`, `strategic` or `apply`; empty where the body is no patch."""

    @property
    @abstractmethod
    def body(self) -> Any:
        """The body's document for reading, whether it came as JSON, YAML or protobuf; None without one."""

    @property
    @abstractmethod
    def body_seen(self) -> bool:
        """False where a body goes to somebody behind the server, through `proxy`, and is not looked into."""

    @property
    @abstractmethod
    def changes(self) -> tuple[Any, ...]:
        """Objects, or the parts of them that a patch sets; `…` stands for what a patch computes."""

    @property
    @abstractmethod
    def removes(self) -> frozenset[str]:
        """What a patch takes away, as `metadata.finalizers`; `*` is a place in a list."""

    @property
    @abstractmethod
    def refers_to(self) -> frozenset[str]:
        """Objects that the body names: `secrets/db`, `serviceaccounts/admin`, `clusterroles/cluster-admin` …"""

    @property
    @abstractmethod
    def container(self) -> str:
        """Which container of the pod, if the request says so."""

    @property
    @abstractmethod
    def tool(self) -> str:
        """What kubectl says that it was called for: `kubectl delete`. Nobody has checked it."""

    @property
    @abstractmethod
    def argv(self) -> tuple[str, ...]:
        """What `exec` runs, word by word."""

    @property
    @abstractmethod
    def programs(self) -> tuple[ShellProgram, ...]:
        """The programs that `exec` runs, at any depth. Raises `Unparsable` where that cannot be read."""


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
