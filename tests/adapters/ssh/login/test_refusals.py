"""Who is in, and still gets no session, or loses it: each hears why in one line, and the log has it too."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from asyncssh.connection import SSHConnection

from hoopaddon import Command, Refused, Session
from hoopaddon.adapters.ssh.server import SshInstance
from tests.adapters.ssh.login.front import Front, Target, front
from tests.adapters.ssh.login.test_tokens import Sessions
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshServer


class NotToday:
    """Refuses sessions."""

    def session_start(self, session: Session) -> None:
        raise Refused("the change freeze lasts until Monday")


class Broken:
    """Breaks."""

    def session_start(self, session: Session) -> None:
        raise KeyError("secret 4711")


async def test_a_refused_session_is_explained_in_the_channel(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions()
    before = sshd.log().count("Accepted publickey")
    async with front(sshd, tmp_path, settings=sshd.settings, addons=[sessions, NotToday()]) as gateway:
        done = await gateway.ssh("true")
        assert (done.code, done.err) == (255, "hoopaddon: the change freeze lasts until Monday\n")
    assert "session refused: the change freeze" in caplog.text
    assert sessions.ended == sessions.seen
    # Nothing was asked of the target for it.
    assert sshd.log().count("Accepted publickey") == before


async def test_a_client_that_opens_no_channel_is_told_by_the_disconnect(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings, addons=[NotToday()]) as gateway:
        done = await gateway.ssh(options=["-N"])
    assert done.code == 255
    assert "hoopaddon: the change freeze lasts until Monday" in done.err


async def test_a_policy_that_breaks_admits_nobody(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings, addons=[Broken()]) as gateway:
        done = await gateway.ssh("true")
    assert done.code == 255
    assert done.err.startswith("hoopaddon: ")
    assert len(done.err.splitlines()) == 1
    assert "4711" not in done.err


async def test_one_client_too_many_is_told_so(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings, max_connections=1) as gateway:
        async with gateway.connect(password=gateway.token()) as conn:
            done = await gateway.ssh("true")
            assert done.code == 255
            assert "hoopaddon: too many clients already at this gateway" in done.err
            assert (await conn.run("echo in")).stdout == "in\n"
        await until(lambda: instance(gateway).sessions == 0)
        assert (await gateway.ssh("true")).code == 0


async def test_a_flood_of_clients_is_cut_off(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings, max_connections=1) as gateway:
        flood = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(80)]
        ended = await asyncio.gather(*(_reads_to_the_end(reader) for reader, _ in flood))
        assert sum(ended) >= 80 - 65
        for _, writer in flood:
            writer.close()
        await until(lambda: instance(gateway).sessions == 0)
        assert (await gateway.ssh("true")).code == 0


async def _reads_to_the_end(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(1):
            while await reader.read(1000):
                pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


async def test_an_idle_session_ends_and_a_working_one_does_not(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings, idle_timeout=1) as gateway:
        done = await gateway.ssh("sleep 2.5; echo worked")
        assert done.out == "worked\n"
        done = await gateway.ssh(options=["-N"])
        assert "hoopaddon: idle for 1 s, the session ends here" in done.err
        assert "idle for 1 s" in caplog.text


async def test_a_target_that_goes_away_ends_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PASSWORD", "pencil")
    async with Target(secrets={"svc": "pencil"}) as target:
        known = target.known_hosts(tmp_path)
        settings = {"user": "svc", "password": "env:TEST_PASSWORD", "known_hosts": known, "name": "db1"}
        async with front(target, tmp_path, settings=settings) as gateway:
            conn = await gateway.connect(password=gateway.token())
            assert (await conn.run("id")).stdout == "svc ran id\n"
            target.connections[0].abort()
            await conn.wait_closed()
            # The next client gets a connection of its own.
            assert (await gateway.ssh("id")).code == 0


async def test_both_sides_are_asked_whether_they_are_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PASSWORD", "pencil")
    seen: set[str] = set()
    name = "_process_keepalive_at_openssh_dot_com_global_request"
    answer = getattr(SSHConnection, name)

    def note(self: SSHConnection, packet: object) -> None:
        seen.add("target" if self in target.connections else "client")
        answer(self, packet)

    monkeypatch.setattr(SSHConnection, name, note)
    async with Target(secrets={"svc": "pencil"}) as target:
        known = target.known_hosts(tmp_path)
        settings = {"user": "svc", "password": "env:TEST_PASSWORD", "known_hosts": known, "keepalive": 1}
        async with (
            front(target, tmp_path, settings=settings) as gateway,
            gateway.connect(password=gateway.token()) as conn,
        ):
            await conn.run("id")
            await until(lambda: seen == {"target", "client"})


# -- the end, and a new beginning


async def test_commands_in_flight_end_before_the_gateway_does(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        idle = await gateway.connect(password=gateway.token())
        running = asyncio.ensure_future(gateway.ssh("sleep 1; echo done; exit 3"))
        await until(lambda: len(instance(gateway)._connections) == 2)
        await until(lambda: any(one.session and one.session.commands for one in instance(gateway)._connections))
    done = await running
    assert (done.code, done.out) == (3, "done\n")
    assert idle.is_closed()


async def test_what_does_not_end_in_time_is_cut(sshd: SshServer, tmp_path: Path) -> None:
    sessions = Sessions()
    async with front(sshd, tmp_path, settings=sshd.settings, addons=[sessions], shutdown_timeout=1) as gateway:
        running = asyncio.ensure_future(gateway.ssh("sleep 30"))
        await until(lambda: any(one._running for one in instance(gateway)._connections))
    done = await running
    assert done.code == 255
    assert sessions.ended == sessions.seen


async def test_policies_change_under_a_connection(sshd: SshServer, tmp_path: Path) -> None:
    script = tmp_path / "policy.py"
    script.write_text(refusing("first"))
    async with (
        front(sshd, tmp_path, settings=sshd.settings, scripts=[str(script)]) as gateway,
        gateway.connect(password=gateway.token()) as conn,
    ):
        assert "no first" in (await conn.run("echo first")).stderr
        assert (await conn.run("echo second")).stdout == "second\n"
        chain = gateway.gateway.chain
        script.write_text(refusing("second"))
        await until(lambda: gateway.gateway.chain is not chain)
        assert "no second" in (await conn.run("echo second")).stderr
        assert (await conn.run("echo first")).stdout == "first\n"


def refusing(word: str) -> str:
    return f'''
"""Refuses a word."""
from hoopaddon import Command, Refused

def command(command: Command) -> None:
    if "{word}" in command.text:
        raise Refused("no {word}")
'''


async def test_nothing_of_a_client_that_hangs_up_stays(sshd: SshServer, tmp_path: Path) -> None:
    class Slow:
        def session_start(self, session: Session) -> Awaitable[None]:
            return asyncio.sleep(3)

        def command(self, command: Command) -> None:
            raise Refused("nobody gets here")

    sessions = Sessions()
    async with front(sshd, tmp_path, settings=sshd.settings, addons=[sessions, Slow()]) as gateway:
        conn = await gateway.connect(password=gateway.token())
        await until(lambda: len(sessions.seen) == 1)
        conn.abort()
        await until(lambda: instance(gateway).sessions == 0)
        assert sessions.ended == sessions.seen


async def test_the_log_says_who_came_and_nothing_secret(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path, settings={**sshd.settings, "name": "db1"}) as gateway:
        token = gateway.token()
        await gateway.ssh("echo hello", secret=token)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("hoopaddon.adapters.ssh")]
    assert len(ours) == 1
    assert re.fullmatch(r"127\.0\.0\.1:\d+: ann at db1 by token, session [0-9a-f]{32}", ours[0])
    assert token not in caplog.text


def instance(gateway: Front) -> SshInstance:
    (one,) = gateway.gateway.servers.servers
    assert isinstance(one, SshInstance)
    return one


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_programs_own_log_is_as_quiet(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd, settings={**sshd.settings, "name": "db1"})
    token = gateway.token()
    assert gateway.ssh("true", secret=token).returncode == 0
    assert gateway.ssh("true", secret=f"{token}x").returncode == 255
    gateway.wait_for_log("login failed")
    said = [line for line in gateway.log().splitlines() if "127.0.0.1" in line and "listening" not in line]
    assert "ann at db1 by token" in said[0]
    assert all("login failed: token refused: not a token" in line for line in said[1:])
    assert token not in gateway.log()
    assert "Auth for user" not in gateway.log()
