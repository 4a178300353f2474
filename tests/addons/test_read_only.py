"""The read_only policy against its collections, for every protocol."""

from collections.abc import Iterator

import pytest

from hoopaddon import Command, ConfigError, Outcome
from hoopaddon.adapters.http.message import message_of
from hoopaddon.adapters.mcp.commands import McpRequest, McpToolCall
from hoopaddon.addons.read_only import ReadOnly
from hoopaddon.testing import Bench, command, file_operation, forward, http_request, judge, session, shell_command
from tests.addons.corpus import reads

QUERY = {"query": "{ orders { id } }"}
MUTATION = {"query": "mutation { dropOrders }"}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(ReadOnly()) as bench:
        yield bench


def test_the_collections_are_large_enough() -> None:
    assert len(set(reads.SQL_WRITES)) == len(reads.SQL_WRITES) >= 60
    assert len(set(reads.SHELL_WRITES)) == len(reads.SHELL_WRITES) >= 60
    assert len(set(reads.SQL_READS)) == len(reads.SQL_READS) >= 30
    assert len(set(reads.SHELL_READS)) == len(reads.SHELL_READS) >= 30


@pytest.mark.parametrize("text", reads.SQL_WRITES)
def test_sql_that_writes_is_refused(text: str, bench: Bench) -> None:
    verdict = bench.judge(command(text))
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.code == "", "refused by the policy, not for its syntax"


@pytest.mark.parametrize("text", reads.SQL_READS)
def test_sql_that_reads_passes(text: str, bench: Bench) -> None:
    assert bench.judge(command(text)).reason == ""


@pytest.mark.parametrize("text", reads.SHELL_WRITES)
@pytest.mark.parametrize("typed", [False, True])
def test_a_line_that_may_write_is_refused(text: str, typed: bool, bench: Bench) -> None:
    assert bench.judge(shell_command(text, typed=typed)).outcome is Outcome.REFUSED


@pytest.mark.parametrize("text", reads.SHELL_READS)
def test_a_line_that_reads_passes(text: str, bench: Bench) -> None:
    assert bench.judge(shell_command(text)).reason == ""


def test_a_typed_line_that_is_known_in_part_is_refused(bench: Bench) -> None:
    assert not bench.judge(shell_command("ls", unsure=True)).passes
    assert bench.judge(shell_command("ls", typed=True)).passes


@pytest.mark.parametrize(
    ("verbs", "passes"),
    [
        ("read", True),
        ("list", True),
        ("stat", True),
        ("readlink", True),
        ("realpath", True),
        (["read", "write"], False),
        (["read", "truncate"], False),
        ("append", False),
        ("remove", False),
        ("rename", False),
        ("chmod", False),
        ("utime", False),
        ("symlink", False),
    ],
)
def test_files(verbs: str | list[str], passes: bool, bench: Bench) -> None:
    assert bench.judge(file_operation(verbs, "/srv/a")).passes is passes


def test_what_is_not_seen_is_refused(bench: Bench) -> None:
    assert not bench.judge(forward("local", "10.0.0.1", 5432)).passes
    assert not bench.judge(Command(session(), "anything")).passes


@pytest.mark.parametrize(
    "request_",
    [
        http_request("GET /orders?x=1"),
        http_request("HEAD /orders"),
        http_request("OPTIONS /orders"),
        http_request("POST /graphql", json=QUERY),
        http_request("POST /graphql/", json=QUERY),
        http_request("GET /graphql?query={orders{id}}"),
        http_request("GET /?query=SELECT+1"),
    ],
    ids=lambda request: str(request.text)[:40],
)
def test_requests_that_read_pass(request_: Command, bench: Bench) -> None:
    assert bench.judge(request_).reason == ""


@pytest.mark.parametrize(
    "request_",
    [
        http_request("POST /orders"),
        http_request("PUT /orders/1"),
        http_request("PATCH /orders/1"),
        http_request("DELETE /orders/1"),
        http_request("PURGE /orders"),
        http_request("TRACE /orders"),
        http_request("GET /orders/1", headers={"x-http-method-override": "DELETE"}),
        http_request("GET /orders/1?_method=delete"),
        http_request("POST /orders", json=QUERY),
        http_request("POST /graphql/../orders", json=QUERY),
        http_request("POST /graphql", json=MUTATION),
        http_request("POST /graphql", json=[QUERY, MUTATION]),
        http_request("POST /graphql", json={"query": "query a { x } mutation b { y }", "operationName": "a"}),
        http_request("POST /graphql", json={"extensions": {"persistedQuery": {"sha256Hash": "ab", "version": 1}}}),
        http_request("POST /graphql", json={"x": 1}),
        http_request("POST /graphql", "query { a }", headers={"x-http-method-override": "DELETE"}),
        http_request("PUT /graphql", json=QUERY),
        http_request("GET /graphql?query=mutation{dropOrders}"),
        http_request("POST /graphql", None),
        http_request("GET /chat", headers={"upgrade": "websocket", "connection": "upgrade"}),
        http_request("POST /shop.Orders/List", headers={"content-type": "application/grpc"}),
    ],
    ids=lambda request: str(request.text)[:40],
)
def test_requests_that_may_write_are_refused(request_: Command, bench: Bench) -> None:
    assert bench.judge(request_).outcome is Outcome.REFUSED


def test_routes_and_paths_of_graphql_can_be_named() -> None:
    options = {"read_only_routes": ["/logs/_search"], "read_only_graphql": ["/api/gql"]}
    assert judge(ReadOnly(), http_request("POST /logs/_search", json={"size": 1}), options=options).passes
    assert judge(ReadOnly(), http_request("POST /api/gql", json=QUERY), options=options).passes
    assert not judge(ReadOnly(), http_request("DELETE /logs/_search"), options=options).passes
    assert not judge(ReadOnly(), http_request("POST /logs/_search%2f..%2fx"), options=options).passes
    assert not judge(ReadOnly(), http_request("POST /graphql", json=QUERY), options=options).passes


def test_messages_of_graphql_subscriptions(bench: Bench) -> None:
    who = session(protocol="http")
    for text in ('{"type":"connection_init"}', '{"type":"subscribe","payload":{"query":"subscription { a }"}}'):
        assert bench.judge(message_of(who, text)).reason == ""
    for data in ('{"type":"start","payload":{"query":"mutation { a }"}}', "delete it", '{"type":"x"}', "[]", b"\x01"):
        assert not bench.judge(message_of(who, data)).passes


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("GET /api/v1/pods", True),
        ("GET /api/v1/pods?watch=true", True),
        ("GET /api/v1/namespaces/shop/pods/web", True),
        ("GET /api/v1/namespaces/shop/pods/web/log", True),
        ("GET /version", True),
        ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", True),
        ("POST /apis/example.org/v1/selfsubjectaccessreviews", False),
        ("GET /api/v1/namespaces/shop/pods/web/exec?command=ls", False),
        ("POST /api/v1/namespaces/shop/pods/web/exec?command=ls", False),
        ("GET /api/v1/namespaces/shop/pods/web/attach", False),
        ("GET /api/v1/namespaces/shop/pods/web/portforward", False),
        ("GET /api/v1/namespaces/shop/pods/web/proxy/x", False),
        ("GET /api/v1/namespaces/shop/services/web/proxy/x", False),
        ("GET /api/v1/nodes/n/proxy/run/x", False),
        ("DELETE /api/v1/namespaces/shop/pods/web", False),
        ("DELETE /api/v1/namespaces/shop/pods/web?dryRun=All", False),
        ("PATCH /api/v1/namespaces/shop/pods/web", False),
        ("POST /api/v1/namespaces/shop/pods/web/eviction", False),
    ],
)
def test_kubernetes(line: str, passes: bool, bench: Bench) -> None:
    assert bench.judge(command(line, protocol="kubernetes")).passes is passes


@pytest.mark.parametrize(
    ("annotations", "arguments", "passes"),
    [
        ({"read_only": True}, {}, True),
        ({"read_only": True}, {"sql": "SELECT 1"}, True),
        ({"read_only": True}, {"sql": "DELETE FROM t"}, False),
        ({"read_only": True, "destructive": True}, {}, False),
        ({"read_only": False}, {}, False),
        ({}, {"sql": "SELECT 1"}, False),
    ],
)
def test_tools(annotations: dict[str, bool], arguments: dict[str, str], passes: bool, bench: Bench) -> None:
    call = McpToolCall(session(protocol="mcp"), "execute_sql", arguments, annotations=annotations)
    assert bench.judge(call).passes is passes
    assert not judge(ReadOnly(), call, options={"read_only_mcp_servers": ["other"]}).passes


def test_other_requests_of_mcp(bench: Bench) -> None:
    who = session(protocol="mcp")
    assert bench.judge(McpRequest(who, "resources/read", {"uri": "file:///a"})).passes
    assert not bench.judge(McpRequest(who, "tasks/cancel", {})).passes


def test_whom_it_binds() -> None:
    write = command("DELETE FROM t", groups=["dba", "ops"])
    assert judge(ReadOnly(), write, options={"read_only_groups": ["agents,analysts"]}).passes
    assert judge(ReadOnly(), write, options={"read_only_except": ["dba"]}).passes
    assert not judge(ReadOnly(), write, options={"read_only_groups": ["ops"]}).passes
    assert judge(ReadOnly(), write, options={"read_only_groups": ["ops"], "read_only_except": ["dba"]}).passes


@pytest.mark.parametrize(("variable", "passes"), [("TZ=UTC", True), ("LD_PRELOAD=/x.so", False), ("PATH=/x", False)])
def test_variables_that_a_client_sends_along(variable: str, passes: bool, bench: Bench) -> None:
    line = shell_command("ls")
    line.parameters = (variable,)
    assert bench.judge(line).passes is passes


def test_further_functions_and_programs() -> None:
    assert not judge(ReadOnly(), command("SELECT purge()"), options={"read_only_functions": ["purge"]}).passes
    assert judge(ReadOnly(), shell_command("kubectl get pods"), options={"read_only_programs": ["kubectl"]}).passes
    assert not judge(ReadOnly(), shell_command("/tmp/cat x"), options={"read_only_programs": ["cat"]}).passes


def test_the_session_is_told_unless_it_is_turned_off_or_in_shadow() -> None:
    for options, shadow, expected in (
        ({}, False, True),
        ({"read_only_transactions": False}, False, False),
        ({}, True, False),
    ):
        who = session()
        with Bench(ReadOnly(), options=options, shadow=shadow) as bench:
            bench.start(who)
        assert who.read_only is expected


def test_a_path_without_its_slash_is_an_error() -> None:
    with pytest.raises(ConfigError, match="write it with its slash"):
        Bench(ReadOnly(), options={"read_only_graphql": ["graphql"]})
