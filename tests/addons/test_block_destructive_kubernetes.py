"""block_destructive against its two collections of requests to the Kubernetes API."""

from collections.abc import Iterator

import pytest

from hoopaddon import Outcome, Unparsable, Verdict
from hoopaddon.adapters.kubernetes import ADAPTER
from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.hazards import KUBE_RULES, RULES
from hoopaddon.testing import Bench, session
from tests.addons.corpus.kube_destructive import DESTRUCTIVE, INSIDE_PODS, UNPARSABLE
from tests.addons.corpus.kube_innocent import INNOCENT

OPTIONS = [f"block_{name}" for name in (*RULES, *KUBE_RULES)]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(BlockDestructive()) as bench:
        yield bench


@pytest.fixture(scope="module")
def one_rule_each() -> Iterator[dict[str, Bench]]:
    """For each rule a bench on which that alone is on."""
    benches = {
        name: Bench(BlockDestructive(), options={option: option == f"block_{name}" for option in OPTIONS})
        for name in (*KUBE_RULES, *{rule for rule, _ in INSIDE_PODS})
    }
    yield benches
    for bench in benches.values():
        bench.close()


def judged(bench: Bench, request: str) -> Verdict:
    return bench.judge(ADAPTER.command(session(protocol="kubernetes"), request))


@pytest.mark.parametrize(("rule", "request_text"), DESTRUCTIVE)
def test_refuses(bench: Bench, rule: str, request_text: str) -> None:
    verdict = judged(bench, request_text)
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.reason


@pytest.mark.parametrize(("rule", "request_text"), DESTRUCTIVE)
def test_the_rule_that_is_named_refuses_it(one_rule_each: dict[str, Bench], rule: str, request_text: str) -> None:
    assert judged(one_rule_each[rule], request_text).outcome is Outcome.REFUSED


@pytest.mark.parametrize("request_text", UNPARSABLE)
def test_what_can_be_read_in_two_ways_is_not_read(bench: Bench, request_text: str) -> None:
    command = ADAPTER.command(session(protocol="kubernetes"), request_text)
    with pytest.raises(Unparsable):
        _ = command.facts
    assert not bench.judge(command).passes


@pytest.mark.parametrize("request_text", INNOCENT)
def test_lets_pass(bench: Bench, request_text: str) -> None:
    verdict = judged(bench, request_text)
    assert verdict.passes, verdict.reason


def test_the_collections_are_as_large_as_they_should_be() -> None:
    assert len(DESTRUCTIVE) + len(UNPARSABLE) >= 60
    assert len(INNOCENT) >= 40
    assert {rule for rule, _ in DESTRUCTIVE} >= set(KUBE_RULES)


@pytest.mark.parametrize("rule", KUBE_RULES)
def test_every_rule_can_be_turned_off(rule: str) -> None:
    request = next(text for name, text in DESTRUCTIVE if name == rule)
    others = {name for name, text in DESTRUCTIVE if text == request}
    with Bench(BlockDestructive(), options=dict.fromkeys(OPTIONS, False)) as bench:
        assert others == {rule}
        assert judged(bench, request).passes
