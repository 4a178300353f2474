"""block_destructive against its two collections of requests."""

from collections.abc import Iterator

import pytest

from hoopaddon import Verdict
from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.hazards import HTTP_RULES
from hoopaddon.testing import Bench
from tests.adapters.http.requests import sent, unparsable
from tests.addons.corpus.http_destructive import DESTRUCTIVE, WITHIN
from tests.addons.corpus.http_innocent import INNOCENT

OPTIONS = [f"block_{name}" for name in HTTP_RULES]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(BlockDestructive()) as bench:
        yield bench


@pytest.fixture(scope="module")
def one_rule_each() -> Iterator[dict[str, Bench]]:
    """For each rule a bench on which that alone is on."""
    benches = {
        name: Bench(BlockDestructive(), options={option: option == f"block_{name}" for option in OPTIONS})
        for name in HTTP_RULES
    }
    yield benches
    for bench in benches.values():
        bench.close()


def judged(bench: Bench, line: str, body: str | None = "", media: str = "", **fields: str) -> Verdict:
    return bench.judge(sent(line, body, media, {name.replace("_", "-"): value for name, value in fields.items()}))


def test_the_collections_are_large_enough() -> None:
    assert len(set(DESTRUCTIVE)) == len(DESTRUCTIVE) >= 100
    assert len(set(WITHIN)) == len(WITHIN) >= 20
    assert len(set(INNOCENT)) == len(INNOCENT) >= 60
    on = {name for name, rule in HTTP_RULES.items() if rule.on}
    assert {rule for rule, _, _ in DESTRUCTIVE} == on - {"http_unread_bodies"}


@pytest.mark.parametrize(("rule", "line", "body"), DESTRUCTIVE)
def test_destructive(rule: str, line: str, body: str, bench: Bench, one_rule_each: dict[str, Bench]) -> None:
    assert unparsable(sent(line, body)) == ""
    assert not judged(bench, line, body).passes
    reason = judged(one_rule_each[rule], line, body).reason
    assert "refused" in reason
    assert "\n" not in reason
    assert len(reason) < 200


@pytest.mark.parametrize(("line", "body"), WITHIN)
def test_sql_and_command_lines_within_are_judged(line: str, body: str, bench: Bench) -> None:
    assert "refused" in judged(bench, line, body).reason


@pytest.mark.parametrize(("line", "body", "media"), INNOCENT)
def test_innocent(line: str, body: str, media: str, bench: Bench) -> None:
    assert judged(bench, line, body, media).reason == ""


def test_sql_in_what_curl_calls_a_form(bench: Bench) -> None:
    assert not judged(bench, "POST /", "DROP TABLE events", "application/x-www-form-urlencoded").passes
    assert not judged(bench, "POST /", "/**/" * 10_000 + "DROP TABLE events").passes
    assert judged(bench, "POST /", "/**/" * 10_000 + "events").passes


def test_long_paths_are_judged_or_refused(bench: Bench) -> None:
    assert judged(bench, "DELETE " + "/v2" * 199).passes
    assert not judged(bench, "DELETE " + "/v2" * 5_000).passes


def test_with_all_rules_off_everything_passes() -> None:
    with Bench(BlockDestructive(), options=dict.fromkeys(OPTIONS, False)) as bench:
        assert [line for _, line, body in DESTRUCTIVE if not judged(bench, line, body).passes] == []


def test_what_cannot_be_read_is_not_judged() -> None:
    with Bench(BlockDestructive(), options=dict.fromkeys(OPTIONS, True)) as bench:
        assert "twice" in judged(bench, "POST /", '{"a": 1, "a": 2}').reason


def test_actions_of_aws_in_a_header(bench: Bench) -> None:
    assert not judged(bench, "POST /", "{}", X_Amz_Target="DynamoDB_20120810.DeleteTable").passes
    assert judged(bench, "POST /", "{}", X_Amz_Target="DynamoDB_20120810.DeleteItem").passes


def test_reasons_hold_nothing_that_a_terminal_obeys(bench: Bench) -> None:
    for reason in (
        judged(bench, "POST /", "{}", X_Amz_Target="a.DeleteTable\x1b[31m" + "x" * 500).reason,
        judged(bench, "POST /", "a: 1", "application/\x1byaml").reason,
        judged(bench, "DELETE /users%1B", "").reason,
        judged(bench, "DELETE /úsers", "").reason,
    ):
        assert reason.isprintable()
        assert len(reason) < 200


def test_allowed_routes() -> None:
    with Bench(BlockDestructive(), options={"block_allow_routes": ["/v1/sessions, /v1/projects/{id}"]}) as bench:
        assert judged(bench, "DELETE /v1/sessions").passes
        assert judged(bench, "DELETE /v1/projects/42").passes
        assert not judged(bench, "DELETE /v1/users").passes
        assert not judged(bench, "DELETE /v1/users/..;/sessions").passes
        assert not judged(bench, "DELETE /v1/sessions?all=true").passes
        assert not judged(bench, "DELETE /v1/sessions", X_Original_URL="/v1/users").passes


@pytest.mark.parametrize(
    ("media", "body", "passes"),
    [
        ("application/yaml", "a: 1", False),
        ("text/x-yaml; charset=utf-8", "a: 1", False),
        ("application/x-msgpack", "\x01\x02", False),
        ("application/vnd.shop+cbor", "\x01\x02", False),
        ("application/smile", "x", False),
        ("application/yaml", '{"a": 1}', True),
        ("application/json", '{"a": 1}', True),
        ("application/octet-stream", "\x01\x02", True),
        ("image/png", "\x01\x02", True),
        ("application/yaml", "", True),
    ],
)
def test_bodies_in_forms_that_are_not_read(media: str, body: str, passes: bool, bench: Bench) -> None:
    assert judged(bench, "POST /a", body, media).passes is passes


def test_unseen_bodies_pass_unless_asked_about(bench: Bench) -> None:
    assert judged(bench, "PUT /a/b", None).passes
    with Bench(BlockDestructive(), options={"block_http_unseen_bodies": True}) as strict:
        assert "not looked into" in judged(strict, "PUT /a/b", None).reason
        assert judged(strict, "GET /a/b").passes
