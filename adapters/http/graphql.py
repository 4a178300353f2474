"""GraphQL's operations, wherever a request carries them (batches, uploads, persisted operations)."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json

if TYPE_CHECKING:
    from graphql import DocumentNode

MOST_TOKENS = 20_000
MOST_CHARACTERS = 256 * 1024
MOST_IN_A_BATCH = 200

_KEYWORD = re.compile(r"(?:[\s,\ufeff]|#[^\n\r]*+)*+(?:query|mutation|subscription|fragment)\b[^{]*+\{")
_MAYBE = re.compile(r"(?:[\s,\ufeff]|#[^\n\r]*+)*+\{")
_TOKEN = re.compile(r"\w+|[^\s\w]")
_PATH = re.compile(r"(?:^|[/._-])(?:graphql|gql)(?:$|[/._-])", re.IGNORECASE)
_IDS = ("id", "queryId", "query_id", "documentId", "document_id", "doc_id", "hash", "sha256Hash")


@dataclass(frozen=True, slots=True)
class Call:
    """A field at the top of an operation."""

    field: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation of a document asks for."""

    type: str
    name: str
    calls: tuple[Call, ...] = ()
    fields: frozenset[str] = frozenset()
    variables: Mapping[str, Any] = field(default_factory=dict)
    opaque: bool = False
    given: tuple[Mapping[str, Any], ...] = ()
    """The arguments of all fields and directives, at any depth."""


def is_graphql_path(path: str) -> bool:
    """Whether a path says by its name that GraphQL is spoken there."""
    return _PATH.search(path) is not None


class Documents:
    """The documents of one request, each parsed once, within one bound for all of them."""

    def __init__(self) -> None:
        self._parsed: dict[str, DocumentNode | None] = {}
        self._characters = self._tokens = 0

    def parse(self, text: str, *, sure: bool) -> "DocumentNode | None":
        """None where the text is no GraphQL, and nothing says that it is. Raises `Unparsable`."""
        sure = sure or _KEYWORD.match(text) is not None
        if not sure and not _MAYBE.match(text):
            return None
        if text not in self._parsed:
            self._parsed[text] = self._parse(text)
        document = self._parsed[text]
        if document is None and sure:
            raise Unparsable("a GraphQL document that cannot be read")
        return document

    def _parse(self, text: str) -> "DocumentNode | None":
        self._characters += len(text)
        self._tokens += len(_TOKEN.findall(text)) if self._characters <= MOST_CHARACTERS else 0
        if self._characters > MOST_CHARACTERS or self._tokens > MOST_TOKENS:
            raise Unparsable("more GraphQL than is read in one request")
        # The parser takes longer to load than most programs that never see any GraphQL run.
        from hoopaddon.adapters.http.graphql_document import parsed

        return parsed(text, MOST_TOKENS)


def in_document(value: Any, path: str, documents: Documents) -> tuple[Operation, ...]:
    """Those that a JSON document carries: one request, or a batch of them. Raises `Unparsable`."""
    requests = value if isinstance(value, list) else [value]
    wanted = [request for request in requests if isinstance(request, dict)]
    found: list[Operation] = []
    for number, request in enumerate(wanted):
        operations = in_request(request, path, documents)
        if operations and number >= MOST_IN_A_BATCH:
            raise Unparsable(f"a batch of more than {MOST_IN_A_BATCH} GraphQL operations")
        found += operations
    return tuple(found)


def in_request(request: Mapping[str, Any], path: str, documents: Documents) -> tuple[Operation, ...]:
    """Those of one request: `query`, `variables`, `operationName`, `extensions`."""
    known = is_graphql_path(path)
    if not known and "query" not in request and "extensions" not in request:
        return ()
    variables = _mapping(request.get("variables"))
    name = request.get("operationName")
    name = name if isinstance(name, str) else ""
    text = request.get("query")
    found: tuple[Operation, ...] = ()
    if isinstance(text, str) and text.strip():
        sure = known or bool(request.keys() & {"operationName", "variables", "extensions"})
        found = in_text(text, variables, documents, sure=sure)
    hashed = _hash(request)
    ids = [request[key] for key in _IDS if known and isinstance(request.get(key), str | int)]
    if hashed and found and isinstance(text, str) and hashlib.sha256(text.encode()).hexdigest() == hashed.lower():
        return found
    if hashed or (ids and not found):
        found += (Operation("", name, variables=variables, opaque=True),)
    return found


def in_text(text: str, variables: Mapping[str, Any], documents: Documents, *, sure: bool) -> tuple[Operation, ...]:
    """Those of a document; none where the text is no GraphQL, and nothing says that it is."""
    document = documents.parse(text, sure=sure)
    if document is None:
        return ()
    from hoopaddon.adapters.http.graphql_document import operations

    return operations(document, variables)


def _hash(request: Mapping[str, Any]) -> str:
    persisted = _mapping(request.get("extensions")).get("persistedQuery")
    if isinstance(persisted, dict):
        return str(persisted.get("sha256Hash", "")) or "?"
    return "?" if persisted else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    """Variables come as an object, or in a query or a form as its text."""
    if isinstance(value, str) and value.strip():
        value = strict_json.loads(value)
    return value if isinstance(value, dict) else {}


def given(operations: Iterable[Operation]) -> Iterator[Mapping[str, Any]]:
    """Arguments and variables of operations."""
    for operation in operations:
        yield operation.variables
        yield from operation.given
