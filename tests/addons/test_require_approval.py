"""The require_approval policy: what is held, on which terms, and what is not."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from hoopaddon import Command, ConfigError, Facts, Session, Target, Unparsable, User
from hoopaddon.addons.require_approval import RequireApproval
from hoopaddon.approval import ApprovalRequest
from hoopaddon.testing import Bench, held, judge


class Known(Command):
    """A command with the facts that the test gives it."""

    __slots__ = ("known",)

    def __init__(
        self, verbs: str, objects: str = "", *, env: str = "prod", groups: tuple[str, ...] = ("dev",)
    ) -> None:
        target = Target("shop", "postgres", "db:5432", MappingProxyType({"env": env, "region": "eu"}))
        super().__init__(Session(User("agent-7", frozenset(groups)), target), f"{verbs} {objects}")
        self.known = Facts(frozenset(verbs.split()), frozenset(objects.split()))

    @property
    def facts(self) -> Facts:
        return self.known


class Unreadable(Known):
    """A command that cannot be parsed."""

    @property
    def facts(self) -> Facts:
        raise Unparsable("syntax error", code="42601", position=7)


def terms(command: Command, options: Mapping[str, Any] | None = None) -> ApprovalRequest | None:
    return held(RequireApproval(), command, options=options)


@pytest.mark.parametrize("verbs", ["delete", "update", "merge", "select delete"])
def test_changes_of_rows_are_held_when_nothing_is_configured(verbs: str) -> None:
    found = terms(Known(verbs, "orders"))
    assert found is not None
    assert (found.by, found.count, found.within_s) == (frozenset(), 1, 300)


@pytest.mark.parametrize("verbs", ["select", "insert", "create", "begin", ""])
def test_the_rest_is_not(verbs: str) -> None:
    assert terms(Known(verbs, "orders")) is None


def test_verbs_can_be_chosen() -> None:
    for given in (["drop", "TRUNCATE"], ["drop,truncate"], [" drop , truncate "]):
        options = {"approval_verbs": given}
        assert terms(Known("drop"), options)
        assert terms(Known("truncate"), options)
        assert terms(Known("delete"), options) is None


def test_any_verb_can_be_held() -> None:
    assert terms(Known("select", "orders"), {"approval_verbs": ["*"]})
    assert terms(Known(""), {"approval_verbs": ["*"]})


@pytest.mark.parametrize(
    ("pattern", "table", "is_held"),
    [
        ("orders", "orders", True),
        ("orders", "public.orders", True),
        ("ORDERS", "orders", True),
        ("orders", 'public."Orders"', True),
        ("public.orders", "public.orders", True),
        ("public.orders", "audit.orders", False),
        ("pay_*", "public.pay_cards", True),
        ("public.pay_*", "public.pay_cards", True),
        ("orders", "orders_old", False),
        ("users,orders", "orders", True),
    ],
)
def test_tables_can_be_chosen(pattern: str, table: str, is_held: bool) -> None:
    assert bool(terms(Known("delete", table), {"approval_tables": [pattern]})) is is_held


def test_one_listed_table_among_others_is_enough() -> None:
    found = terms(Known("delete", "a b orders"), {"approval_tables": ["orders"]})
    assert found is not None
    assert found.reason == "delete on orders needs an approval"


def test_labels_have_to_fit_all() -> None:
    assert terms(Known("delete"), {"approval_labels": ["env=prod"]})
    assert terms(Known("delete"), {"approval_labels": ["env=prod,region=eu"]})
    assert terms(Known("delete"), {"approval_labels": ["env=prod", "region=us"]}) is None
    assert terms(Known("delete", env="test"), {"approval_labels": ["env=prod"]}) is None


def test_one_group_is_enough() -> None:
    assert terms(Known("delete", groups=("dev", "agents")), {"approval_groups": ["agents,interns"]})
    assert terms(Known("delete", groups=("dev",)), {"approval_groups": ["agents,interns"]}) is None


def test_where_it_is_of_no_concern_nothing_is_parsed() -> None:
    assert judge(RequireApproval(), Unreadable("?"), options={"approval_labels": ["env=test"]}).passes
    assert judge(RequireApproval(), Unreadable("?"), options={"approval_groups": ["agents"]}).passes


def test_what_cannot_be_parsed_is_refused() -> None:
    verdict = judge(RequireApproval(), Unreadable("?"), approve=True)
    assert (verdict.passes, verdict.code, verdict.position) == (False, "42601", 7)


def test_the_terms_can_be_chosen() -> None:
    options = {"approvers": ["dba,security"], "approval_count": 2, "approval_within": "90s"}
    found = terms(Known("delete", "orders"), options)
    assert found is not None
    assert (found.by, found.count, found.within_s) == (frozenset({"dba", "security"}), 2, 90)


def test_the_reason_says_the_effect() -> None:
    found = terms(Known("delete update", "a b c d e"))
    assert found is not None
    assert found.reason == "delete, update on a, b, c and 2 more needs an approval"


def test_the_answer_decides() -> None:
    assert judge(RequireApproval(), Known("delete"), approve=True).passes
    assert not judge(RequireApproval(), Known("delete"), approve=False).passes
    assert not judge(RequireApproval(), Known("delete"), approve="timeout").passes


def test_what_is_not_held_is_judged_without_a_task() -> None:
    policy = RequireApproval()
    with Bench(policy):
        assert policy.command(Known("select")) is None
        assert not inspect.iscoroutinefunction(policy.command)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("approval_within", "5", "no length of time"),
        ("approval_within", "0s", "no length of time"),
        ("approval_within", "5 minutes", "no length of time"),
        ("approval_count", 0, "at least one person"),
        ("approval_labels", ["prod"], "write name=value"),
        ("approval_labels", ["=prod"], "write name=value"),
        ("approval_verbs", [], "name verbs"),
        ("approval_verbs", [" , "], "name verbs"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(option: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        terms(Known("delete"), {option: value})
    assert option in str(error.value)
