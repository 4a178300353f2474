"""GraphQL's operations in a request."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.adapters.http import graphql
from hoopaddon.adapters.http.graphql import Documents, Operation

DELETE = "mutation Gone($id: ID! = 7) { a: deleteUser(id: $id, hard: true) { id ...F } ...M } "
FRAGMENTS = "fragment F on User { email posts { title } } fragment M on Mutation { purge(kind: LOGS) }"


def in_document(value: object, path: str) -> tuple[Operation, ...]:
    return graphql.in_document(value, path, Documents())


def one(document: str, **more: object) -> Operation:
    (found,) = in_document({"query": document, **more}, "/graphql")
    return found


def test_an_operation() -> None:
    found = one(DELETE + FRAGMENTS, variables={"id": "42"})
    assert (found.type, found.name, found.opaque) == ("mutation", "Gone", False)
    assert [call.field for call in found.calls] == ["deleteUser", "purge"]
    assert found.calls[0].arguments == {"id": "42", "hard": True}
    assert found.calls[1].arguments == {"kind": "LOGS"}
    assert found.variables == {"id": "42"}
    assert {"deleteUser", "Mutation.deleteUser", "User.email", "title", "Mutation.purge"} <= found.fields


def test_a_default_stands_in_for_a_variable() -> None:
    assert one(DELETE + FRAGMENTS).calls[0].arguments["id"] == 7


def test_aliases_do_not_hide_a_second_call() -> None:
    found = one("mutation { a: refund(amount: 1) b: refund(amount: 900) }")
    assert [call.arguments["amount"] for call in found.calls] == [1, 900]


def test_inline_fragments_and_directives() -> None:
    found = one("{ ... on Query @include(if: true) { users { ... on Admin { secret } ... { name } } } }")
    assert {"Query.users", "Admin.secret", "name"} <= found.fields
    assert found.calls[0].field == "users"


def test_fragments_in_a_cycle() -> None:
    found = one("{ ...A } fragment A on Query { a ...B } fragment B on Query { b ...A }")
    assert {call.field for call in found.calls} == {"a", "b"}


def test_values_of_all_kinds() -> None:
    (call,) = one('{ f(a: [1, 2.5], b: {c: "x", d: null}, e: $v, g: """b""", h: 99999999999999999999999) }').calls
    assert call.arguments == {
        "a": [1, 2.5],
        "b": {"c": "x", "d": None},
        "e": None,
        "g": "b",
        "h": "99999999999999999999999",
    }


def test_every_operation_of_a_document_counts_whichever_is_named() -> None:
    document = {"query": "query A { a } mutation B { deleteAll }", "operationName": "A"}
    assert [o.type for o in in_document(document, "/graphql")] == ["query", "mutation"]


def test_a_batch() -> None:
    batch = [{"query": "{ a }"}, {"query": "mutation { deleteUser }"}]
    assert [o.type for o in in_document(batch, "/x")] == ["query", "mutation"]
    with pytest.raises(Unparsable, match="batch of more"):
        in_document([{"query": "{ a }"}] * 201, "/graphql")
    with pytest.raises(Unparsable, match="more GraphQL"):
        in_document([{"query": f"{{ a{n}" + " a" * 1_000 + " }"} for n in range(30)], "/graphql")


def test_a_persisted_operation_is_opaque() -> None:
    asked = {"operationName": "Gone", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}
    (found,) = in_document(asked, "/api")
    assert (found.type, found.name, found.opaque) == ("", "Gone", True)
    assert [o.opaque for o in in_document({"id": "abc", "variables": {}}, "/graphql")] == [True]
    assert [o.opaque for o in in_document({"doc_id": 12}, "/graphql")] == [True]
    assert in_document({"id": "abc"}, "/users") == ()


def test_a_hash_of_the_document_itself_adds_nothing_and_another_does() -> None:
    document = "{ a }"
    own = hashlib.sha256(document.encode()).hexdigest()

    def asked(hashed: str) -> dict[str, object]:
        return {"query": document, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed}}}

    assert [o.opaque for o in in_document(asked(own), "/graphql")] == [False]
    assert [o.opaque for o in in_document(asked("0" * 64), "/graphql")] == [False, True]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"query": "shoes"}, "/search"),
        ({"query": "SELECT 1"}, "/_sql"),
        ({"query": "{1 TO 5}"}, "/search"),
        ({"query": {"match_all": {}}}, "/_search"),
        ({"query": "mutation of genes"}, "/search"),
        ({"query": ""}, "/graphql"),
        ({"query": "type User { id: ID }"}, "/graphql"),
        ("query", "/graphql"),
        (["{ a }"], "/graphql"),
        (None, "/graphql"),
    ],
)
def test_what_is_no_graphql(value: object, path: str) -> None:
    assert in_document(value, path) == ()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"query": "{ a"}, "/graphql"),
        ({"query": "{ a", "variables": {}}, "/x"),
        ({"query": "mutation { delete("}, "/x"),
        ({"query": "{ a }", "variables": '{"a": 1, "a": 2}'}, "/graphql"),
        ({"query": "{ f(a: 1, a: 2) }"}, "/graphql"),
        ({"query": "{ f(a: {b: 1, b: 2}) }"}, "/graphql"),
        ({"query": "{ ...F } fragment F on Query { a } fragment F on Query { b }"}, "/graphql"),
        ({"query": "{" + "a{" * 5_000 + "b" + "}" * 5_001}, "/graphql"),
        ({"query": "{ " + "a " * 30_000 + "}"}, "/graphql"),
        ({"query": "{ a } #" + " " * 300_000}, "/graphql"),
        ({"query": "mutation { a } #" + " " * 300_000}, "/x"),
    ],
)
def test_what_cannot_be_read_is_refused(value: object, path: str) -> None:
    with pytest.raises(Unparsable):
        in_document(value, path)


@settings(deadline=None)
@given(st.text(st.sampled_from('{}()$:!.a1"# \n,[]@|mutation query fragment on'), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for sure in (True, False):
        try:
            found = graphql.in_text(text, {}, Documents(), sure=sure)
        except Unparsable:
            continue
        assert all(o.type in ("query", "mutation", "subscription") for o in found)
