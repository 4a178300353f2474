"""The rate_limit policy: who is counted, how it comes back, and what it remembers."""

from typing import Any

import psycopg
import pytest

from hoopaddon import ConfigError, Refused, Verdict
from hoopaddon.addons import rate_limit
from hoopaddon.addons.rate_limit import RateLimit
from hoopaddon.testing import Bench, command, rows, session
from tests.conftest import StartGateway
from tests.servers.postgres import Database


class Clock:
    """Stands still unless it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Limited(Bench):
    """A bench with a clock of its own."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        super().__init__(RateLimit(self.clock), options={f"rate_{name}": value for name, value in options.items()})

    def sends(self, user: str = "agent-7", **of_session: Any) -> Verdict:
        return self.judge(command("SELECT 1", user=user, **of_session))

    def reads(self, count: int, user: str = "agent-7") -> None:
        self.rows(rows(command("SELECT 1", user=user), ["a"], [[1]] * count))


def test_so_many_at_once_and_then_one_by_one() -> None:
    with Limited(commands="4/1m") as bench:
        assert [bench.sends().passes for _ in range(6)] == [True] * 4 + [False] * 2
        bench.clock.now_s += 14.9
        assert not bench.sends().passes
        bench.clock.now_s += 0.2
        assert [bench.sends().passes for _ in range(2)] == [True, False]
        # A refusal costs nothing, or an agent that tries again and again would never be let in.
        bench.clock.now_s += 15
        assert bench.sends().passes
        bench.clock.now_s += 1_000_000
        assert [bench.sends().passes for _ in range(6)] == [True] * 4 + [False] * 2


def test_a_refusal_says_when_to_try_again() -> None:
    with Limited(commands="2/1m") as bench:
        bench.sends(), bench.sends()
        assert bench.sends().reason == "more than 2 in 1m commands: try again in 30 s"
    with Limited(commands="1/2h") as bench:
        bench.sends()
        assert bench.sends().reason == "more than 1 in 2h commands: try again in 120 min"


def test_each_user_at_each_target() -> None:
    with Limited(commands="1/1h") as bench:
        assert bench.sends().passes
        assert not bench.sends().passes
        assert not bench.sends("AGENT-7").passes, "capitals make no other person"
        assert bench.sends("bob").passes
        assert bench.sends(target="other").passes
    with Limited(commands="1/1h", by_target=False) as bench:
        assert bench.sends().passes
        assert not bench.sends(target="other").passes


def test_further_sessions_of_a_user_share_the_rate() -> None:
    with Limited(commands="2/1h") as bench:
        assert [bench.judge(command("SELECT 1", session=session("ann"))).passes for _ in range(3)] == [
            True,
            True,
            False,
        ]


def test_groups_that_are_not_counted() -> None:
    with Limited(commands="1/1h", rows="1/1h", **{"except": ["batch,etl"]}) as bench:
        assert all(bench.sends(groups=["etl"]).passes for _ in range(5))
        bench.rows(rows(command("SELECT 1", groups=["etl"]), ["a"], [[1]] * 5))


def test_a_command_that_is_rewritten_counts_once() -> None:
    class Tag:
        def command(self, command: Any) -> None:
            if not command.text.startswith("/* x */"):
                command.rewrite("/* x */ " + command.text)

    with Bench(RateLimit(), Tag(), options={"rate_commands": "2/1h"}) as bench:
        who = session()
        assert [bench.judge(command("SELECT 1", session=who)).passes for _ in range(3)] == [True, True, False]


def test_rows_are_counted_over_commands_and_come_back() -> None:
    with Limited(commands="", rows="100/1m") as bench:
        bench.reads(60)
        bench.reads(40)
        assert bench.sends().reason == "more than 100 in 1m rows: try again in 1 s"
        bench.clock.now_s += 30
        assert bench.sends().passes
        with pytest.raises(Refused, match="try again in 1 s, and ask for fewer"):
            bench.reads(51)
        bench.reads(5, user="bob")
        bench.clock.now_s += 60
        with pytest.raises(Refused, match="try again"):
            bench.reads(101)


def test_what_it_remembers_is_bounded_and_forgetting_gives_nobody_a_new_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_BUCKETS", 3)
    with Limited(commands="1/1m") as bench:
        assert [bench.sends(f"user-{number}").passes for number in range(4)] == [True, True, True, False]
        assert not bench.sends("user-0").passes
        bench.clock.now_s += 60
        assert [bench.sends(f"new-{number}").passes for number in range(4)] == [True, True, True, False]


def test_another_option_that_changes_gives_nobody_a_new_rate() -> None:
    policy = RateLimit(Clock())
    with Bench(policy, options={"rate_commands": "1/1h"}) as bench:
        assert bench.judge(command("SELECT 1")).passes
        bench._run(reconfigured(policy))
        assert not bench.judge(command("SELECT 1")).passes


async def reconfigured(policy: RateLimit) -> None:
    policy.configure({"rate_except"})


@pytest.mark.parametrize("rate", ["many", "0/1m", "10", "10/0s", "-1/1m", "10/1w", "1.5/1m", "10 per minute"])
@pytest.mark.parametrize("option", ["rate_commands", "rate_rows"])
def test_what_is_no_rate_is_an_error_that_says_what_to_write(option: str, rate: str) -> None:
    with pytest.raises(ConfigError, match="write for example 600/1m"):
        Bench(RateLimit(), options={option: rate})


def test_in_front_of_a_server(gateway: StartGateway, database: Database) -> None:
    options = {"rate_commands": "40/1h", "rate_rows": "60/1h"}
    with gateway(database.server, scripts=["rate_limit.py"], options=options).connect(database) as connection:
        assert len(connection.execute("SELECT * FROM orders").fetchall()) == 48
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than 60 in 1h rows: try again in"):
            connection.execute("SELECT * FROM orders").fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="rows: try again in"):
            connection.execute("SELECT 1")
