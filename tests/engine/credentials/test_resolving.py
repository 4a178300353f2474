"""The gateway's credentials: fetched once for all who wait, kept, bounded, and leases ended."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hoopaddon import credential as references
from hoopaddon.credential import (
    GROUP,
    Credential,
    CredentialRefused,
    CredentialUnavailable,
    Secret,
    check_reference,
    resolve,
    shown,
)
from hoopaddon.credentials import resolving
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.errors import ConfigError
from hoopaddon.options import Options
from tests.engine.credentials.fake import CANARY, FakeLease, FakeProvider, refused, unavailable

REFERENCE = "fake:a-place"


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more provider; each test has its own."""
    found = {**references._entries(), "fake": EntryPoint("fake", "tests.engine.credentials.fake:FakeProvider", GROUP)}
    monkeypatch.setattr(references, "_entries", lambda: found)
    monkeypatch.setattr(resolving, "AGAIN_S", 0.05)
    references._made.cache_clear()


@pytest.fixture
async def credentials() -> AsyncIterator[Credentials]:
    made = Credentials(Options(credential_timeout=1))
    yield made
    await made.close()


async def told(credentials: Credentials, reference: str = REFERENCE) -> str:
    return (await credentials.get(reference)).secret.reveal()


# -- references


@pytest.mark.parametrize(
    "reference", ["", "hunter2", "env:", "sesame:open", "env:A B", "file:\0", "exec:", "exec:'", "fake:another"]
)
def test_what_is_no_reference_is_said_without_quoting_it(reference: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_reference(reference, key="password")
    assert raised.value.key == "password"
    assert "write " in raised.value.hint
    assert "hunter2" not in str(raised.value)


def test_what_is_needed_at_the_start_is_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "of-env")
    (tmp_path / "key").write_text("of-file\n")
    assert resolve("env:A_KEY").reveal() == "of-env"
    assert resolve(f"file:{tmp_path}/key").reveal() == "of-file"
    for reference in (REFERENCE, "exec:pass show it"):
        with pytest.raises(ConfigError, match="on this machine"):
            resolve(reference)


def test_a_reference_in_a_log_line_shows_no_arguments_and_nothing_sealed() -> None:
    assert shown("env:PGPASSWORD") == "env:PGPASSWORD"
    assert shown("exec:pass show prod/db") == "exec:pass…"
    assert shown("sealed:" + "A" * 100) == "sealed:…"


def test_a_provider_of_an_installed_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_safe.py").write_text(
        "from hoopaddon.credential import Credential, Secret\n"
        "class Safe:\n"
        "    def check(self, place): pass\n"
        "    async def fetch(self, place): return Credential(Secret('from ' + place))\n"
    )
    info = tmp_path / "other_safe-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-safe\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nsafe = other_safe:Safe\nbroken = no_such_module:Safe\n")
    monkeypatch.undo()
    monkeypatch.syspath_prepend(tmp_path)
    references._entries.cache_clear()
    try:
        assert asyncio.run(told(Credentials(Options()), "safe:here")) == "from here"
        with pytest.raises(ConfigError, match="broken: cannot be loaded: ModuleNotFoundError"):
            check_reference("broken:here")
    finally:
        references._entries.cache_clear()


# -- fetching


async def test_one_fetch_serves_all_who_wait_and_is_kept(credentials: Credentials) -> None:
    FakeProvider.delay_s = 0.05
    await told(credentials)
    FakeProvider.asked = 0
    credentials._drop(REFERENCE)
    assert await asyncio.gather(*(told(credentials) for _ in range(50))) == [CANARY] * 50
    assert FakeProvider.asked == 1
    assert await told(credentials) == CANARY
    assert FakeProvider.asked == 1


async def test_one_who_gives_up_does_not_take_it_from_the_others(credentials: Credentials) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.delay_s = 0.1
    hasty = asyncio.ensure_future(told(credentials))
    patient = asyncio.ensure_future(told(credentials))
    await asyncio.sleep(0.02)
    hasty.cancel()
    assert await patient == CANARY


async def test_nothing_is_kept_where_nothing_shall_be() -> None:
    credentials = Credentials(Options(credential_ttl=0))
    for _ in range(3):
        await told(credentials)
    assert FakeProvider.asked == 3
    FakeProvider.steady = unavailable()
    with pytest.raises(CredentialUnavailable):
        await told(credentials)


@pytest.mark.parametrize("place", ["a-place", "stubborn"])
async def test_a_provider_that_hangs_is_not_waited_for(credentials: Credentials, place: str) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.delay_s = 1.5
    began = time.monotonic()
    failures = await asyncio.gather(*(told(credentials, f"fake:{place}") for _ in range(5)), return_exceptions=True)
    assert 0.9 < time.monotonic() - began < 1.4
    assert {str(e) for e in failures} == {f"fake:{place}: no answer within 1 s"}
    FakeProvider.delay_s = 0
    await asyncio.sleep(0.1)


async def test_what_comes_too_late_is_given_back() -> None:
    credentials = Credentials(Options(credential_timeout=1))
    lease = FakeLease(60, [])
    await told(credentials)
    FakeProvider.steady = Credential(Secret("x"), lease=lease)
    FakeProvider.delay_s = 1.2
    with pytest.raises(CredentialUnavailable):
        await told(credentials, "fake:stubborn")
    FakeProvider.delay_s = 0.01
    await asyncio.sleep(1.4)
    assert lease.revoked == 1


async def test_what_a_provider_raises_is_not_quoted(credentials: Credentials) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.steady = RuntimeError(f"cannot parse {CANARY}")
    with pytest.raises(CredentialUnavailable, match=r"raised RuntimeError at .*fake\.py") as raised:
        await told(credentials)
    assert CANARY not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "a\0b", "a" * 70_000])
async def test_what_cannot_be_a_secret_is_none(credentials: Credentials, text: str) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.steady = Credential(Secret(text))
    with pytest.raises(CredentialUnavailable, match="no secret"):
        await told(credentials)


async def test_a_provider_that_failed_is_left_alone_for_a_moment(credentials: Credentials) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.asked = 0
    FakeProvider.answers.append(unavailable())
    for _ in range(10):
        with pytest.raises(CredentialUnavailable, match="down"):
            await told(credentials)
    assert FakeProvider.asked == 1
    await asyncio.sleep(0.06)
    assert await told(credentials) == CANARY


# -- outages


async def test_one_that_is_kept_goes_on_through_an_outage_until_its_end(
    credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.answers.append(Credential(Secret("first"), valid_s=0.3))
    assert await told(credentials) == "first"
    FakeProvider.steady = unavailable()
    await asyncio.sleep(0.22)
    with caplog.at_level(logging.WARNING):
        assert await told(credentials) == "first"
    assert "fake:a-place: cannot be fetched anew, the one that there is goes on" in caplog.text
    assert "first" not in caplog.text.replace("cannot", "")
    await asyncio.sleep(0.15)
    with pytest.raises(CredentialUnavailable, match="down"):
        await told(credentials)


async def test_one_that_was_taken_back_does_not_go_on(credentials: Credentials) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.answers.append(Credential(Secret("first"), valid_s=0.3))
    await told(credentials)
    FakeProvider.steady = refused()
    await asyncio.sleep(0.22)
    for _ in range(2):
        with pytest.raises(CredentialRefused):
            await told(credentials)


async def test_one_that_the_target_refused_is_fetched_anew_but_not_at_will(credentials: Credentials) -> None:
    held = await credentials.hold(REFERENCE)
    FakeProvider.asked = 0
    held.was_refused()
    await told(credentials)
    assert FakeProvider.asked == 0
    await asyncio.sleep(0.06)
    held.was_refused()
    await told(credentials)
    assert FakeProvider.asked == 1


async def test_what_is_down_at_the_start_is_a_warning(
    credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    await told(credentials)
    credentials._drop(REFERENCE)
    FakeProvider.steady = unavailable()
    credentials.try_at_start(REFERENCE, key="password")
    await asyncio.sleep(0.02)
    assert caplog.text == ""
    credentials.open()
    await asyncio.sleep(0.02)
    assert "password: cannot be had now" in caplog.text
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE is not set"):
        credentials.try_at_start("env:NOT_SET_ANYWHERE", key="password")


# -- leases


@pytest.fixture
async def leased(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    monkeypatch.setattr("hoopaddon.credentials.leases._LEAST_S", 0.05)
    await told(credentials)
    credentials._drop(REFERENCE)
    return credentials


def lease(duration_s: float, *renewals: float | Exception) -> FakeLease:
    made = FakeLease(duration_s, list(renewals))
    FakeProvider.steady = Credential(Secret(CANARY), "v-user", lease=made)
    return made


async def test_a_lease_is_renewed_while_it_is_used_and_revoked_after(leased: Credentials) -> None:
    one = lease(0.15)
    held = await leased.hold(REFERENCE)
    assert held.credential.user == "v-user"
    await asyncio.sleep(0.5)
    assert one.renewed >= 2
    assert one.revoked == 0
    held.release()
    held.release()
    await asyncio.sleep(0.02)
    assert one.revoked == 1
    await asyncio.sleep(0.2)
    assert one.revoked == 1


async def test_sessions_share_a_lease_and_the_last_ends_it(leased: Credentials) -> None:
    one = lease(0.15)
    first, second = await leased.hold(REFERENCE), await leased.hold(REFERENCE)
    await asyncio.sleep(0.2)
    first.release()
    await asyncio.sleep(0.1)
    assert one.revoked == 0
    second.release()
    await asyncio.sleep(0.02)
    assert one.revoked == 1


async def test_a_lease_that_nobody_uses_ends(leased: Credentials) -> None:
    one = lease(0.1)
    await leased.get(REFERENCE)
    await asyncio.sleep(0.25)
    assert one.revoked == 1


async def test_a_lease_that_cannot_be_renewed_is_said(leased: Credentials, caplog: pytest.LogCaptureFixture) -> None:
    one = lease(0.2, *[unavailable() for _ in range(20)])
    held = await leased.hold(REFERENCE)
    await asyncio.sleep(0.4)
    assert "cannot renew it: the fake is down" in caplog.text
    assert "its lease has ended" in caplog.text
    assert one.revoked == 0
    FakeProvider.steady = Credential(Secret("another"))
    assert await told(leased) == "another"
    held.release()


async def test_what_a_lease_raises_is_not_quoted(leased: Credentials, caplog: pytest.LogCaptureFixture) -> None:
    one = lease(0.1, RuntimeError(f"cannot renew {CANARY}"))
    held = await leased.hold(REFERENCE)
    await asyncio.sleep(0.3)
    assert one.renewed >= 2
    held.release()
    assert "RuntimeError at " in caplog.text
    assert CANARY not in caplog.text


async def test_a_lease_near_its_last_end_goes_to_nobody_else(leased: Credentials) -> None:
    lease(0.3, 0.1)
    held = await leased.hold(REFERENCE)
    await asyncio.sleep(0.25)
    FakeProvider.steady = Credential(Secret("another"))
    assert await told(leased) == "another"
    held.release()


async def test_leases_end_with_the_gateway_even_when_revoking_hangs(
    leased: Credentials, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resolving, "CLOSE_WITHIN_S", 0.1)
    one = lease(60)
    one.hangs = True
    await leased.hold(REFERENCE)
    began = time.monotonic()
    await leased.close()
    assert one.revoked == 1
    assert time.monotonic() - began < 1
    assert "its lease cannot be revoked, and ends by itself: no answer within 0.1 s" in caplog.text
