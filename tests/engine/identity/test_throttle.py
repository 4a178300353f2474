"""How often somebody may guess, by address and by name, and that guessing fills no memory."""

import pytest
from mitmproxy.exceptions import OptionsError

from hoopaddon.gateway import serving
from hoopaddon.identity.throttle import KNOWN_FOR_S, MOST_KEPT, Throttle, TooManyFailures

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def throttle(failures: int = 3) -> tuple[Throttle, Clock]:
    clock = Clock()
    return Throttle(failures, 60, clock), clock


def fail(guarded: Throttle, address: str, user: str, times: int = 1) -> None:
    for _ in range(times):
        guarded.attempt(address, user)


def is_refused(guarded: Throttle, address: str, user: str) -> bool:
    try:
        guarded.attempt(address, user).was_right()
    except TooManyFailures:
        return True
    return False


def test_a_burst_of_failures_has_to_wait() -> None:
    guarded, clock = throttle()
    fail(guarded, HERE, "ann", 3)
    with pytest.raises(TooManyFailures, match=r"^too many failed logins; try again in 20 s$"):
        guarded.attempt(HERE, "ann")
    clock.now += 20
    fail(guarded, HERE, "ann")
    assert is_refused(guarded, HERE, "ann")
    clock.now += 60
    fail(guarded, HERE, "ann", 3)


def test_one_address_is_counted_over_all_names() -> None:
    guarded, _ = throttle()
    for name in ("ann", "ben", "eve"):
        fail(guarded, HERE, name)
    assert is_refused(guarded, HERE, "somebody else")
    assert not is_refused(guarded, THERE, "somebody else")


def test_one_name_is_counted_over_all_addresses() -> None:
    guarded, _ = throttle()
    for number in range(3):
        fail(guarded, f"203.0.113.{number}", "ann")
    assert is_refused(guarded, THERE, "ann")
    assert not is_refused(guarded, THERE, "ben")


def test_who_was_in_lately_is_not_shut_out_by_others() -> None:
    guarded, clock = throttle()
    guarded.attempt(HERE, "whoever").was_right("ann")
    fail(guarded, HERE, "ben", 3)
    fail(guarded, THERE, "ann", 3)
    assert not is_refused(guarded, HERE, "ann")
    fail(guarded, HERE, "ann", 3)
    assert is_refused(guarded, HERE, "ann")
    clock.now += KNOWN_FOR_S
    fail(guarded, THERE, "ann", 3)
    assert is_refused(guarded, HERE, "ann")


def test_who_is_in_may_not_guess_at_the_names_it_asked_for() -> None:
    guarded, _ = throttle()
    for name in ("ben", "eve"):
        guarded.attempt(HERE, name).was_right("ann")
    fail(guarded, HERE, "ben", 2)
    fail(guarded, HERE, "eve")
    assert is_refused(guarded, HERE, "ben")
    assert is_refused(guarded, HERE, "eve")


def test_right_answers_are_no_failures() -> None:
    guarded, _ = throttle()
    for _ in range(20):
        guarded.attempt(HERE, "ann").was_right("ann")
    attempt = guarded.attempt(HERE, "ben")
    attempt.was_right()
    attempt.was_right()
    fail(guarded, HERE, "ben", 3)
    assert is_refused(guarded, HERE, "ben")


def test_attempts_at_the_same_time_count_before_they_are_looked_at() -> None:
    guarded, _ = throttle()
    attempts = [guarded.attempt(HERE, "ann") for _ in range(3)]
    assert is_refused(guarded, HERE, "ann")
    for attempt in attempts:
        attempt.was_right()
    assert not is_refused(guarded, HERE, "ann")


@pytest.mark.parametrize(
    ("one", "other"),
    [("::ffff:192.0.2.1", HERE), ("2001:db8::1", "2001:db8::ffff:1:2:3"), ("fe80::1%eth0", "fe80::2")],
)
def test_addresses_of_one_owner_count_together(one: str, other: str) -> None:
    guarded, _ = throttle()
    fail(guarded, one, "ann", 3)
    assert is_refused(guarded, other, "ben")


def test_hostile_addresses_and_names_fill_no_memory() -> None:
    guarded, _ = throttle()
    for number in range(MOST_KEPT + 500):
        guarded.attempt(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"{number}" * 100)
        guarded.attempt(f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x").was_right(
            "\udcff" * number + "x"
        )
    assert guarded.kept <= 4 * MOST_KEPT
    # The latest failures are the ones that are remembered.
    fail(guarded, HERE, "ann", 3)
    assert is_refused(guarded, HERE, "ann")


def test_what_has_run_out_is_forgotten() -> None:
    guarded, clock = throttle()
    fail(guarded, HERE, "ann")
    clock.now += 61
    attempt = guarded.attempt(HERE, "ann")
    attempt.was_right()
    assert guarded.kept == 0


def test_without_a_limit_nothing_is_counted() -> None:
    guarded, _ = throttle(0)
    fail(guarded, HERE, "ann", 100)
    assert guarded.kept == 0


async def test_the_limits_are_options() -> None:
    async with serving(login_failures=1, login_failures_window=60) as gateway:
        fail(gateway.throttle, HERE, "ann")
        assert is_refused(gateway.throttle, HERE, "ann")
        gateway.options.update(login_failures=5)
        assert not is_refused(gateway.throttle, HERE, "ann")
        for wrong in ({"login_failures": -1}, {"login_failures_window": 0}):
            with pytest.raises(OptionsError, match=r"login_failures"):
                gateway.options.update(**wrong)
