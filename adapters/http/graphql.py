"""GraphQL's operations, wherever a request carries them (batches, uploads, persisted operations)."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    parse,
)

from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json

MOST_TOKENS = 20_000
MOST_CHARACTERS = 256 * 1024
MOST_IN_A_BATCH = 200

_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
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

    def parse(self, text: str, *, sure: bool) -> DocumentNode | None:
        """None where the text is no GraphQL, and nothing says that it is. Raises `Unparsable`."""
        if text in self._parsed:
            return self._parsed[text]
        sure = sure or _KEYWORD.match(text) is not None
        if not sure and not _MAYBE.match(text):
            return None
        self._characters += len(text)
        self._tokens += len(_TOKEN.findall(text)) if self._characters <= MOST_CHARACTERS else 0
        if self._characters > MOST_CHARACTERS or self._tokens > MOST_TOKENS:
            raise Unparsable("more GraphQL than is read in one request")
        try:
            self._parsed[text] = parse(text, no_location=True, max_tokens=MOST_TOKENS)
        except RecursionError:
            raise Unparsable("a GraphQL document that nests too deep") from None
        except GraphQLError:
            if sure:
                raise Unparsable("a GraphQL document that cannot be read") from None
            self._parsed[text] = None
        return self._parsed[text]


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
    try:
        return () if document is None else tuple(_Reader(document, variables).operations())
    except RecursionError:
        raise Unparsable("a GraphQL document that nests too deep") from None


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


class _Reader:
    """One document's operations. Fragments are followed once each, so cycles end."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._given = variables
        definitions = document.definitions
        fragments = [d for d in definitions if isinstance(d, FragmentDefinitionNode)]
        self._fragments = {fragment.name.value: fragment for fragment in fragments}
        if len(self._fragments) != len(fragments):
            raise Unparsable("a GraphQL document with two fragments of one name")
        self._operations = [d for d in definitions if isinstance(d, OperationDefinitionNode)]

    def operations(self) -> Iterator[Operation]:
        for definition in self._operations:
            kind = definition.operation.value
            variables = {
                v.variable.name.value: self._value(v.default_value, {}) if v.default_value else None
                for v in definition.variable_definitions or ()
            } | dict(self._given)
            top = self._selections(definition.selection_set, "", set())
            calls = tuple(Call(f.name.value, self._arguments(f, variables)) for f, _ in top)
            nodes = list(self._fields(definition.selection_set, _ROOTS[kind]))
            fields = {f.name.value for f, _ in nodes} | {f"{of}.{f.name.value}" for f, of in nodes if of}
            given = [self._arguments(f, variables) for f, _ in nodes]
            given += [self._arguments(d, variables) for f, _ in nodes for d in f.directives or ()]
            name = definition.name.value if definition.name else ""
            yield Operation(kind, name, calls, frozenset(fields), variables, given=tuple(filter(None, given)))

    def _arguments(self, of: FieldNode | DirectiveNode, variables: Mapping[str, Any]) -> dict[str, Any]:
        return self._named(of.arguments or (), variables)

    def _named(self, of: Sequence[ArgumentNode | ObjectFieldNode], variables: Mapping[str, Any]) -> dict[str, Any]:
        found = {one.name.value: self._value(one.value, variables) for one in of}
        if len(found) != len(of):
            raise Unparsable("a GraphQL document with the same argument twice")
        return found

    def _fields(self, selected: SelectionSetNode, root: str) -> Iterator[tuple[FieldNode, str]]:
        """Those of all levels."""
        waiting: list[tuple[SelectionSetNode, str]] = [(selected, root)]
        seen: set[str] = set()
        while waiting:
            for found, kind in self._selections(*waiting.pop(), seen):
                yield found, kind
                if found.selection_set:
                    waiting.append((found.selection_set, ""))

    def _selections(self, selected: SelectionSetNode, kind: str, seen: set[str]) -> Iterator[tuple[FieldNode, str]]:
        """The fields of one level, each with the type that it is of where that is known."""
        waiting = [(selected, kind)]
        while waiting:
            selections, of = waiting.pop()
            for selection in selections.selections:
                if isinstance(selection, FieldNode):
                    yield selection, of
                elif isinstance(selection, InlineFragmentNode):
                    condition = selection.type_condition
                    waiting.append((selection.selection_set, condition.name.value if condition else of))
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                    seen.add(selection.name.value)
                    if fragment := self._fragments.get(selection.name.value):
                        waiting.append((fragment.selection_set, fragment.type_condition.name.value))

    def _value(self, node: ValueNode | None, variables: Mapping[str, Any]) -> Any:
        match node:
            case VariableNode():
                return variables.get(node.name.value)
            case IntValueNode():
                return _int(node.value)
            case FloatValueNode():
                return float(node.value)
            case StringValueNode() | BooleanValueNode() | EnumValueNode():
                return node.value
            case ListValueNode():
                return [self._value(item, variables) for item in node.values]
            case ObjectValueNode():
                return self._named(node.fields, variables)
        return None


def _int(text: str) -> int | str:
    return int(text) if len(text) <= strict_json.MOST_DIGITS else text


def given(operations: Iterable[Operation]) -> Iterator[Mapping[str, Any]]:
    """Arguments and variables of operations."""
    for operation in operations:
        yield operation.variables
        yield from operation.given
