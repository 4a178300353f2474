"""The office_hours policy: windows, days, midnight, time zones and the changes of their clocks."""

import zoneinfo
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from hoopaddon import ConfigError
from hoopaddon.addons.office_hours import OfficeHours
from hoopaddon.testing import Bench, command, judge, session, shell_command
from tests.conftest import StartGateway
from tests.servers.postgres import Database

BERLIN = {"office_zone": "Europe/Berlin"}


def passes(now: str, text: str = "SELECT 1", **options: Any) -> bool:
    policy = OfficeHours(lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))
    return judge(policy, command(text), options={f"office_{name}": value for name, value in options.items()}).passes


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-04T07:59:59", False),
        ("2026-03-04T08:00:00", True),
        ("2026-03-04T17:59:59", True),
        ("2026-03-04T18:00:00", False),
        ("2026-03-07T12:00", False),
        ("2026-03-08T12:00", False),
        ("2026-03-09T12:00", True),
    ],
)
def test_working_days_in_utc_when_nothing_is_configured(now: str, expected: bool) -> None:
    assert passes(now) is expected


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        # The night from Friday to Saturday, and no other.
        (["fri 22:00-06:00"], "2026-03-06T21:59", False),
        (["fri 22:00-06:00"], "2026-03-06T22:00", True),
        (["fri 22:00-06:00"], "2026-03-07T05:59", True),
        (["fri 22:00-06:00"], "2026-03-07T06:00", False),
        (["fri 22:00-06:00"], "2026-03-06T05:00", False),
        (["fri 22:00-06:00"], "2026-03-07T22:30", False),
        # Sunday's night goes on in the next week.
        (["sun 23:00-01:00"], "2026-03-09T00:30", True),
        (["sun 23:00-01:00"], "2026-03-08T00:30", False),
        # Days in a list, in a range over the end of the week, and all of them.
        (["sat+sun 10:00-14:00"], "2026-03-08T10:00", True),
        (["sat+sun 10:00-14:00"], "2026-03-06T10:00", False),
        (["sat-mon 10:00-14:00"], "2026-03-09T10:00", True),
        (["sat-mon 10:00-14:00"], "2026-03-10T10:00", False),
        (["09:00-10:00"], "2026-03-08T09:30", True),
        (["mon 00:00-24:00"], "2026-03-09T23:59", True),
        (["mon 00:00-24:00"], "2026-03-10T00:00", False),
        (["mon 12:00-00:00"], "2026-03-09T23:59", True),
        # Several windows, with commas and one by one.
        (["mon-fri 08:00-12:00, mon-fri 13:00-17:00"], "2026-03-04T12:30", False),
        (["mon-fri 08:00-12:00", "MON-FRI 13:00-17:00"], "2026-03-04T13:00", True),
    ],
)
def test_windows(hours: list[str], now: str, expected: bool) -> None:
    assert passes(now, hours=hours) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Winter: Berlin is an hour ahead of UTC; summer: two.
        ("2026-03-27T07:00", True),
        ("2026-03-27T06:59", False),
        ("2026-03-30T06:00", True),
        ("2026-03-30T05:59", False),
        ("2026-03-30T16:00", False),
        ("2026-10-26T07:00", True),
        ("2026-10-26T06:59", False),
    ],
)
def test_the_hours_are_those_of_the_zone_in_summer_and_in_winter(now: str, expected: bool) -> None:
    assert passes(now, zone="Europe/Berlin") is expected


def test_the_hour_that_is_skipped_and_the_one_that_comes_twice() -> None:
    night: dict[str, Any] = {"zone": "Europe/Berlin", "hours": ["sat 22:00-02:30"]}
    # 29 March 2026: at 02:00 it becomes 03:00, so the window ends with the old time.
    assert passes("2026-03-29T00:59", **night)
    assert not passes("2026-03-29T01:00", **night)
    # 25 October 2026: 02:00 to 03:00 comes twice, and 02:15 is within office hours both times.
    assert passes("2026-10-25T00:15", **night)
    assert not passes("2026-10-25T00:45", **night)
    assert passes("2026-10-25T01:15", **night)
    assert not passes("2026-10-25T01:30", **night)


def test_a_system_that_has_no_time_zones_of_its_own() -> None:
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert passes("2026-03-30T06:00", zone="Europe/Berlin")
        assert not passes("2026-03-30T05:59", zone="Europe/Berlin")
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


def test_closed_days_take_their_night_with_them() -> None:
    assert not passes("2026-12-25T12:00", closed=["2026-12-25"])
    assert passes("2026-12-24T12:00", closed=["2026-12-25"])
    assert not passes("2026-12-26T01:00", hours=["22:00-02:00"], closed=["2026-12-25"])
    assert passes("2026-12-25T01:00", hours=["22:00-02:00"], closed=["2026-12-25"])


@pytest.mark.parametrize(
    ("now", "options", "said"),
    [
        ("2026-03-06T18:30", {}, "come back Mon 2026-03-09 at 08:00 (UTC)"),
        ("2026-03-09T06:30", BERLIN, "come back Mon 2026-03-09 at 08:00 (Europe/Berlin)"),
        ("2026-12-24T20:00", {"office_closed": ["2026-12-25"]}, "come back Mon 2026-12-28 at 08:00"),
    ],
)
def test_a_refusal_says_when_to_come_back(now: str, options: dict[str, Any], said: str) -> None:
    policy = OfficeHours(lambda: datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert said in judge(policy, command("SELECT 1"), options=options).reason


def test_groups_and_targets_that_it_does_not_concern() -> None:
    policy = OfficeHours(lambda: datetime(2026, 3, 8, tzinfo=UTC))
    query = command("SELECT 1", groups=["oncall", "dev"], labels={"env": "test"})
    assert judge(policy, query, options={"office_except": ["oncall,dba"]}).passes
    assert judge(policy, query, options={"office_labels": ["env=prod"]}).passes
    assert not judge(policy, query, options={"office_labels": ["env=test"], "office_except": ["dba"]}).passes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", True),
        ("BEGIN", False),
        ("WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d", False),
        ("", False),
        ("COMMIT", True),
        ("ROLLBACK TO SAVEPOINT a", True),
        ("SELECT 1; COMMIT", True),
        ("DELETE FROM t; COMMIT", False),
        ("COMMIT PREPARED 'x'", False),
        ("ROLLBACK PREPARED 'x'", False),
        ("SELECT 1; COMMIT PREPARED 'x'", False),
        ("SELEC 1", False),
    ],
)
def test_what_passes_at_any_time(text: str, expected: bool) -> None:
    assert passes("2026-03-08T12:00", text, any_time=["SELECT,show"]) is expected


def test_a_session_that_is_open_at_closing_time_is_judged_command_by_command() -> None:
    now = datetime(2026, 3, 4, 17, 59, tzinfo=UTC)
    with Bench(OfficeHours(lambda: now)) as bench:
        who, shell = session(), session(protocol="ssh")
        bench.start(who)
        assert bench.judge(command("SELECT 1", session=who)).passes
        assert bench.judge(shell_command("ls", typed=True, session=shell)).passes
        now = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
        assert not bench.judge(command("SELECT 1", session=who)).passes
        assert not bench.judge(shell_command("ls", typed=True, session=shell)).passes
        assert bench.judge(command("COMMIT", session=who)).passes


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        ("ls | wc", True),
        ("ls 2> /dev/null", True),
        ("ls > /etc/x", False),
        ("> /etc/x", False),
        ("/tmp/ls", False),
        ("PATH=/tmp ls", False),
        ("LD_PRELOAD=/x ls", False),
        ("x='a[$(rm y)]'; ls $((x))", False),
    ],
)
def test_lines_that_pass_at_any_time_do_no_more_than_their_verbs_say(line: str, passes: bool) -> None:
    policy = OfficeHours(lambda: datetime(2026, 3, 8, tzinfo=UTC))
    assert judge(policy, shell_command(line), options={"office_any_time": ["ls,wc,:"]}).passes is passes


@pytest.mark.parametrize(
    "options",
    [
        {"office_hours": ["8 to 6"]},
        {"office_hours": ["mon-fri"]},
        {"office_hours": ["mon-fri 8-18"]},
        {"office_hours": ["mo-fr 08:00-18:00"]},
        {"office_hours": ["mon- 08:00-18:00"]},
        {"office_hours": ["08:00-25:00"]},
        {"office_hours": ["08:60-09:00"]},
        {"office_hours": ["08:00-08:00"]},
        {"office_hours": ["24:00-08:00"]},
        {"office_hours": []},
        {"office_zone": "Mars/Olympus"},
        {"office_zone": ""},
        {"office_zone": "../../etc/passwd"},
        {"office_zone": "/etc/passwd"},
        {"office_closed": ["25.12.2026"]},
        {"office_labels": ["prod"]},
    ],
)
def test_what_makes_no_sense_is_an_error_that_says_what_to_write(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"write for example|for example|00:00-24:00"):
        Bench(OfficeHours(), options=options)


def test_in_front_of_a_server(gateway: StartGateway, database: Database) -> None:
    # A window that was yesterday's, wherever the clock stands.
    today = datetime.now(UTC).weekday()
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    options = {"office_hours": f"{days[(today + 3) % 7]} 10:00-11:00", "office_any_time": "select"}
    with gateway(database.server, scripts=["office_hours.py"], options=options).connect(database) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="outside of office hours: come back"):
            connection.execute("DELETE FROM orders")
        assert connection.execute("SELECT count(*) > 0 FROM orders").fetchone() == (True,)
