"""Messages on WebSockets as policies see them."""

import json

import pytest

from hoopaddon.adapters.http.message import message_of
from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.testing import judge, session

MUTATION = "mutation { deleteUser(id: 1) { id } }"


def subscribe(**payload: object) -> str:
    return json.dumps({"id": "1", "type": "subscribe", "payload": payload})


@pytest.mark.parametrize(
    "data",
    [
        subscribe(query=MUTATION),
        subscribe(query=f"query A {{ a }} {MUTATION}", operationName="A"),
        json.dumps({"query": MUTATION}),
        json.dumps([{"type": "start", "payload": {"query": MUTATION}}]),
        subscribe(query=MUTATION).encode(),
        subscribe(extensions={"persistedQuery": {"version": 1, "sha256Hash": "ab"}}),
        '{"type": "subscribe", "payload": {"query": "{ a }", "query": "mutation { deleteUser }"}}',
        subscribe(query="mutation { deleteUser("),
    ],
)
def test_mutations_over_a_socket_are_refused(data: str | bytes) -> None:
    assert not judge(BlockDestructive(), message_of(session(protocol="http"), data)).passes


@pytest.mark.parametrize(
    "data",
    [
        "hello",
        "",
        '{"type": "connection_init"}',
        '{"type": "ping", "payload": [1]}',
        subscribe(query="subscription { users { id deletedAt } }"),
        subscribe(query="mutation { createUser { id } }"),
        "{not json",
        "[1, {}, null]",
        b"\x00\x01\xff",
    ],
)
def test_other_messages_pass(data: str | bytes) -> None:
    assert judge(BlockDestructive(), message_of(session(protocol="http"), data)).passes


def test_verbs_and_objects_are_those_of_the_operations() -> None:
    command = message_of(session(protocol="http"), subscribe(query=MUTATION))
    assert command.verbs == {"graphql:mutation", "deleteUser"}
    assert command.objects == {"deleteUser", "Mutation.deleteUser", "id"}
    command.rewrite(subscribe(query="{ a }"))
    assert command.verbs == {"graphql:query"}


def test_one_in_binary_is_bound_by_its_hash() -> None:
    command = message_of(session(protocol="http"), b"\x00\x01")
    assert command.text == "(2 bytes)"
    assert command.parameters[0].startswith("sha256:")
    assert command.verbs == frozenset()
