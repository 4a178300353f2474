"""Every example for HTTP does what its docstring says, tried with the kit that users get."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hoopaddon.testing import held, http_request, judge, load

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    return load(EXAMPLES / f"{name}.py")


# -- hold_refunds

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("line", "request_of", "reason"),
    [
        ("POST /v1/refunds", {"json": {"amount": 900}}, "a refund of 900"),
        ("POST /v1/refunds/", {"json": {"lines": [{"Amount": "900.5"}]}}, "a refund of 900.5"),
        ("POST /V1/x/../%72efunds", {"json": {"amount": 900}}, "a refund of 900"),
        ("POST /v1/refunds?amount=900", {"json": {"amount": 1}}, "a refund of 900"),
        (
            "POST /v1/refunds",
            {"body": '{"amount": 900}', "headers": {"content-type": "text/plain"}},
            "a refund of 900",
        ),
        ("POST /v1/refunds", {"body": "amount=900&amount=1", "headers": FORM}, "a refund of 900"),
        ("GET /v1/refunds?_method=post&amount=900", {}, "a refund of 900"),
        ("POST /v1/refunds", {"json": {"amount": 100}}, None),
        ("GET /v1/refunds", {}, None),
        ("POST /v1/charges", {"json": {"amount": 900}}, None),
    ],
)
def test_hold_refunds(line: str, request_of: dict[str, Any], reason: str | None) -> None:
    asked = held(example("hold_refunds"), http_request(line, **request_of))
    assert (asked.reason if asked else None) == reason
    if asked:
        assert (set(asked.by), asked.within_s) == ({"finance"}, 900.0)


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        ({"body": None}, "can be read"),
        ({"json": {}}, "names its amount"),
        ({"json": {"amount": "lots"}}, "is a number"),
        ({"json": {"amount": "NaN"}}, "is a number"),
        ({"body": '{"amount": 1, "amount": 900}'}, "same name twice"),
    ],
)
def test_refunds_that_nobody_can_judge(request_of: dict[str, Any], reason: str) -> None:
    assert reason in judge(example("hold_refunds"), http_request("POST /v1/refunds", **request_of)).reason


def test_the_limit_on_refunds_is_an_option() -> None:
    small = http_request("POST /v1/refunds", json={"amount": 51})
    assert held(example("hold_refunds"), small) is None
    assert held(example("hold_refunds"), small, options={"refund_limit": 50}) is not None


# -- graphql_queries_only


@pytest.mark.parametrize(
    ("line", "document", "groups", "passes"),
    [
        ("POST /graphql", {"query": "{ users { id } }"}, ["agents"], True),
        ("POST /graphql/", {"query": "query A { a } query B { b }"}, ["agents"], True),
        ("POST /graphql", {"query": "mutation { createUser }"}, ["agents"], False),
        ("POST /graphql", {"query": "subscription { users }"}, ["agents"], False),
        ("POST /graphql", {"query": "query A { a } mutation B { b }", "operationName": "A"}, ["agents"], False),
        ("POST /graphql", [{"query": "{ a }"}, {"query": "mutation { b }"}], ["agents"], False),
        ("POST /graphql", {"extensions": {"persistedQuery": {"sha256Hash": "ab"}}}, ["agents"], False),
        ("POST /graphql", {}, ["agents"], False),
        ("POST /graphql/../users", {"query": "{ a }"}, ["agents"], False),
        ("POST /users", {"name": "a"}, ["agents"], False),
        ("POST /graphql", {"query": "mutation { createUser }"}, ["dev"], True),
    ],
)
def test_graphql_queries_only(line: str, document: object, groups: list[str], passes: bool) -> None:
    asked = http_request(line, json=document, groups=groups)
    assert judge(example("graphql_queries_only"), asked, options={"reading_groups": ["agents"]}).passes is passes
