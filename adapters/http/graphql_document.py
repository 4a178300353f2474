"""What the operations of one GraphQL document ask for (the specification of October 2021, sections 2 and 6)."""

from collections.abc import Iterator, Mapping, Sequence
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

from hoopaddon.adapters.http.graphql import Call, Operation
from hoopaddon.errors import Unparsable
from hoopaddon.web import strict_json

_ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}


def parsed(text: str, most_tokens: int) -> DocumentNode | None:
    """None where the text is no document. Raises `Unparsable` for one that nests too deep."""
    try:
        return parse(text, no_location=True, max_tokens=most_tokens)
    except RecursionError:
        raise Unparsable("a GraphQL document that nests too deep") from None
    except GraphQLError:
        return None


def operations(document: DocumentNode, variables: Mapping[str, Any]) -> tuple[Operation, ...]:
    """All of its operations. Raises `Unparsable` for what servers may read differently."""
    try:
        return tuple(_Reader(document, variables).operations())
    except RecursionError:
        raise Unparsable("a GraphQL document that nests too deep") from None


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
