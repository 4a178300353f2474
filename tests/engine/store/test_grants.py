"""Grants: who may ask, answer, extend and end; two who race; clocks that jump; files that others can write."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hoopaddon.access.rules import Rule, Terms, read_rules
from hoopaddon.access.scope import read_scope
from hoopaddon.store.approvals import NotCounted
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.grants import Grant, Grants, GrantStatus, was_given
from hoopaddon.store.person import Person

READ = read_scope(["read"])
ADA = Person("ada", frozenset({"dev"}), "token")
BOB = Person("bob", frozenset({"dba", "security"}), "token")
CLEO = Person("cleo", frozenset({"security"}), "token")
EVE = Person("eve", frozenset({"dev"}), "token")
TERMS = Terms(
    rules=read_rules(["prod-* write dba,security 2"]), approvers=("dba",), emergency=("oncall",), longest_s=3600
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def grants(tmp_path: Path, clock: Clock) -> Iterator[Grants]:
    with closing(Grants(tmp_path / "grants.db", clock=clock)) as made:
        made.publish(TERMS)
        yield made


def asked(grants: Grants, target: str = "db", scope: str = "read", seconds: float = 600) -> Grant:
    return grants.ask(ADA, target, read_scope([scope]), seconds, "ticket 1")


def test_a_request_gives_nothing_until_it_is_answered(grants: Grants, clock: Clock) -> None:
    request = asked(grants)
    assert (request.status, request.approvers, request.needed) == (GrantStatus.PENDING, ["dba"], 1)
    assert grants.active("ada", "db") == []
    clock.now += 100
    given = grants.answer(request.id, BOB, approve=True, reason="fine")
    assert (given.status, given.starts, given.ends) == (GrantStatus.ACTIVE, clock.now, clock.now + 600)
    assert [grant.id for grant in grants.active("ada", "db")] == [request.id]
    assert grants.active("ADA", "db") == grants.active("ada", "other") == grants.active("bob", "db") == []


@pytest.mark.parametrize(
    "person",
    [
        ADA,
        EVE,
        Person("Ada ", frozenset({"dba"}), "token"),
        Person("ADA", frozenset({"dba"}), "operating system"),
    ],
)
def test_who_does_not_count(grants: Grants, person: Person) -> None:
    request = asked(grants)
    with pytest.raises(NotCounted):
        grants.answer(request.id, person, approve=True)
    assert grants.active("ada", "db") == []


def test_one_person_in_two_groups_counts_once(grants: Grants) -> None:
    request = asked(grants, "prod-db", "write")
    assert (request.needed, request.approvers) == (2, ["dba", "security"])
    assert grants.answer(request.id, BOB, approve=True).status is GrantStatus.PENDING
    for again in (BOB, Person("Bob", frozenset({"security"}), "token")):
        with pytest.raises(NotCounted, match="one person counts once"):
            grants.answer(request.id, again, approve=True)
    assert grants.answer(request.id, CLEO, approve=True).status is GrantStatus.ACTIVE


def test_one_no_is_enough(grants: Grants) -> None:
    request = asked(grants, "prod-db", "write")
    grants.answer(request.id, BOB, approve=True)
    assert grants.answer(request.id, BOB, approve=False, reason="wait").status is GrantStatus.DENIED
    with pytest.raises(NotCounted, match="denied already"):
        grants.answer(request.id, CLEO, approve=True)


def test_two_race_one_request(tmp_path: Path) -> None:
    path = tmp_path / "grants.db"
    people = [Person(f"p{number}", frozenset({"dba"}), "token") for number in range(8)]
    with closing(Grants(path)) as grants:
        grants.publish(TERMS)
        request = grants.ask(ADA, "db", READ, 600, "x")

    def answer(number: int) -> bool:
        with closing(Grants(path)) as grants:
            try:
                grants.answer(request.id, people[number], approve=number % 2 == 0)
            except NotCounted:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(answer, range(8)))
    assert won.count(True) == 1
    with closing(Grants(path)) as grants:
        settled = grants.get(request.id)
    assert settled is not None
    assert settled.status is (GrantStatus.ACTIVE if won.index(True) % 2 == 0 else GrantStatus.DENIED)
    assert len(settled.answers) == 1


def test_it_ends_on_time_and_stays_over_when_the_clock_goes_back(grants: Grants, clock: Clock) -> None:
    request = asked(grants)
    grants.answer(request.id, BOB, approve=True)
    clock.now += 600
    assert grants.active("ada", "db") == []
    clock.now -= 300
    assert grants.active("ada", "db") == []
    found = grants.get(request.id)
    assert found is not None
    assert found.status is GrantStatus.ENDED


def test_a_clock_that_goes_back_lengthens_it_by_no_more_than_that(grants: Grants, clock: Clock) -> None:
    request = asked(grants)
    grants.answer(request.id, BOB, approve=True)
    clock.now -= 60
    clock.now += 659
    assert grants.active("ada", "db")
    clock.now += 1
    assert grants.active("ada", "db") == []


def test_a_request_that_nobody_answers_expires(grants: Grants, clock: Clock) -> None:
    request = asked(grants)
    clock.now += 3600
    with pytest.raises(NotCounted, match="expired already"):
        grants.answer(request.id, BOB, approve=True)


def test_more_time_is_asked_for_like_access(grants: Grants, clock: Clock) -> None:
    grant = grants.answer(asked(grants).id, BOB, approve=True)
    more = grants.extend(grant.id, ADA, 300, "slow")
    assert (more.status, more.extends) == (GrantStatus.PENDING, grant.id)
    with pytest.raises(NotCounted):
        grants.answer(more.id, ADA, approve=True)
    assert grants.answer(more.id, BOB, approve=True).status is GrantStatus.EXTENDED
    (longer,) = grants.active("ada", "db")
    assert longer.ends == clock.now + 900


def test_who_may_grant_extends_at_once(grants: Grants, clock: Clock) -> None:
    grant = grants.answer(asked(grants).id, BOB, approve=True)
    assert grants.extend(grant.id, BOB, 300, "slow").status is GrantStatus.EXTENDED
    assert grants.active("ada", "db")[0].ends == clock.now + 900
    with pytest.raises(NotCounted, match="only members of dba"):
        grants.extend(grant.id, EVE, 300, "slow")
    with pytest.raises(NotCounted, match="longer than access may be"):
        grants.extend(grant.id, BOB, 3600, "slow")


def test_what_has_ended_is_not_extended(grants: Grants, clock: Clock) -> None:
    grant = grants.answer(asked(grants).id, BOB, approve=True)
    more = grants.extend(grant.id, ADA, 300, "slow")
    clock.now += 600
    with pytest.raises(NotCounted, match="has ended"):
        grants.answer(more.id, BOB, approve=True)
    with pytest.raises(NotCounted, match="ask for a new one"):
        grants.extend(grant.id, BOB, 300, "slow")
    assert grants.active("ada", "db") == []


@pytest.mark.parametrize("person", [ADA, BOB])
def test_revoked(grants: Grants, person: Person) -> None:
    grant = grants.answer(asked(grants).id, BOB, approve=True)
    with pytest.raises(NotCounted, match="only ada and members of dba"):
        grants.revoke(grant.id, EVE)
    ended = grants.revoke(grant.id, person, "done\n")
    assert (ended.status, ended.settled_by, ended.said) == (GrantStatus.REVOKED, person.name, "done")
    assert grants.active("ada", "db") == []
    with pytest.raises(NotCounted, match="revoked already"):
        grants.revoke(grant.id, person)


def test_a_request_is_withdrawn(grants: Grants) -> None:
    request = asked(grants)
    assert grants.revoke(request.id, ADA).status is GrantStatus.WITHDRAWN
    with pytest.raises(NotCounted):
        grants.answer(request.id, BOB, approve=True)


def test_break_glass(grants: Grants, clock: Clock) -> None:
    with pytest.raises(NotCounted, match="only members of oncall"):
        grants.break_glass(ADA, "db", READ, 600, "it burns")
    oncall = Person("ada", frozenset({"oncall"}), "token")
    with pytest.raises(NotCounted, match="say why"):
        grants.break_glass(oncall, "db", READ, 600, " ")
    taken = grants.break_glass(oncall, "db", READ, 600, "it burns")
    assert (taken.emergency, taken.status, taken.ends) == (True, GrantStatus.ACTIVE, clock.now + 600)
    with pytest.raises(NotCounted, match="not extended"):
        grants.extend(taken.id, BOB, 60, "more")
    assert grants.revoke(taken.id, BOB).status is GrantStatus.REVOKED


@pytest.mark.parametrize(("seconds", "reason"), [(3601, "x"), (0, "x"), (-1, "x"), (600, ""), (600, "\x07 ")])
def test_what_may_not_be_asked(grants: Grants, seconds: float, reason: str) -> None:
    with pytest.raises(NotCounted):
        grants.ask(ADA, "db", READ, seconds, reason)


def test_without_a_gateway_that_grants_nothing_is_asked(tmp_path: Path) -> None:
    with (
        closing(Grants(tmp_path / "grants.db")) as grants,
        pytest.raises(NotCounted, match="no gateway grants access here"),
    ):
        grants.ask(ADA, "db", READ, 600, "x")


def test_who_can_write_it_decides_so_nobody_else_may(tmp_path: Path) -> None:
    path = tmp_path / "grants.db"
    Grants(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    with pytest.raises(StoreUnusable, match="others can write"):
        Grants(path)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with pytest.raises(StoreUnusable):
        Grants(link)


def test_the_database_itself_refuses_what_cannot_be(grants: Grants, tmp_path: Path) -> None:
    request = asked(grants)
    with sqlite3.connect(tmp_path / "grants.db") as db:
        for said in ("status = 'active'", "status = 'mine'", "needed = 0", "seconds = -1"):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute(f"UPDATE grants SET {said} WHERE id = ?", (request.id,))
        # Whoever writes a grant that nobody has given is found out by the gateway.
        db.execute("UPDATE grants SET status = 'active', starts = 1, ends = 9e9 WHERE id = ?", (request.id,))
    (forged,) = grants.active("ada", "db")
    assert not was_given(forged, 1)
    db.close()


def test_terms_come_back_as_they_were(grants: Grants) -> None:
    assert grants.terms() == TERMS
    assert TERMS.rule("prod-x", READ) == Rule("*", "read", ("dba",), 1)
    assert TERMS.rule("prod-x", read_scope(["select:t"])).count == 2
    for wrong in ("prod", "prod write", "prod owner dba", "prod write dba 0", "prod write dba x"):
        with pytest.raises(ValueError, match="is no rule"):
            read_rules([wrong])
