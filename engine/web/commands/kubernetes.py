"""A request to the Kubernetes API."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from hoopaddon.command import Command
from hoopaddon.commands import ShellProgram
from hoopaddon.session import Session
from hoopaddon.web.request import WebRequest


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
