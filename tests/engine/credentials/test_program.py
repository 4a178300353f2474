"""`exec:` credentials: what a program prints, and what it cannot do to the gateway."""

import asyncio
import logging
import os
import time
from pathlib import Path

import pytest

from hoopaddon.credential import CredentialUnavailable
from hoopaddon.credentials.program import ProgramProvider
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.options import Options

CANARY = "s3cret-of-the-program"


def program(folder: Path, text: str) -> str:
    path = folder / "a safe"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return f"'{path}'"


async def fetch(place: str) -> str:
    return (await ProgramProvider().fetch(place)).secret.reveal()


async def test_what_it_prints(tmp_path: Path) -> None:
    place = program(tmp_path, f"printf '%s/%s\\n' {CANARY} \"$2\"")
    assert await fetch(f"{place} show 'prod db;$(id)'") == f"{CANARY}/prod db;$(id)"


async def test_no_shell_reads_the_line(tmp_path: Path) -> None:
    assert await fetch(f"echo a;touch {tmp_path}/made $HOME `id`") == f"a;touch {tmp_path}/made $HOME `id`"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "ends with 3"),
        ("kill -9 $$", "ends with -9"),
        ("true", "prints nothing"),
        ("echo", "prints nothing"),
        ("printf '\\377'", "not UTF-8"),
        ("head -c 70000 /dev/zero", "prints more"),
        ("exec cat /dev/zero", "prints more"),
    ],
)
async def test_what_goes_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CredentialUnavailable, match=said):
        await fetch(program(tmp_path, text))


async def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable, match="cannot run"):
        await fetch(f"{tmp_path}/none --password hunter2")


async def test_its_environment_is_not_the_gateways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("LD_PRELOAD_X", "hunter2")
    printed = await fetch(program(tmp_path, "env"))
    assert "hunter2" not in printed
    assert f"PATH={os.environ['PATH']}" in printed


async def test_what_it_says_is_shown_with_v_alone_and_without_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = program(tmp_path, f"echo 'unlocked, \033[31mgiving {CANARY}' >&2; echo {CANARY}")
    with caplog.at_level(logging.INFO):
        assert await fetch(place) == CANARY
    assert caplog.text == ""
    with caplog.at_level(logging.DEBUG, "hoopaddon"):
        await fetch(place)
    assert "says: unlocked,  [31mgiving ***" in caplog.text
    assert CANARY not in caplog.text


async def test_one_that_hangs_ends_with_what_it_has_started(tmp_path: Path) -> None:
    place = program(tmp_path, f"sleep 50 & echo $! >'{tmp_path}/pid'; wait")
    began = time.monotonic()
    with pytest.raises(CredentialUnavailable, match="no answer within 1 s"):
        await Credentials(Options(credential_timeout=1)).get(f"exec:{place}")
    assert time.monotonic() - began < 2
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not _runs(pid):
            break
        await asyncio.sleep(0.02)
    assert not _runs(pid)


async def test_one_that_leaves_something_behind_is_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    assert await fetch(program(tmp_path, f"sleep 50 >/dev/null & echo {CANARY}")) == CANARY
    assert time.monotonic() - began < 2


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
