"""Requests that come beside the judged one: none changes what was judged, or how the target reads it."""

import asyncio
from pathlib import Path

import asyncssh
import pytest
from asyncssh import constants as op
from asyncssh.packet import String, UInt32

from hoopaddon.adapters.ssh.session import modes
from hoopaddon.adapters.ssh.sftp import requests as sftp
from tests.adapters.ssh.session.clients import connected, one_note
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

REFUSE_TOUCH = """
from hoopaddon import Command, Refused


def command(command: Command) -> None:
    if "touch" in command.verbs:
        raise Refused("no touching")
"""


async def test_what_was_judged_gets_no_more_variables_and_no_terminal(open_gateway: SshGateway) -> None:
    async with connected(open_gateway) as client:
        process = await client.create_process('echo "$BASH_ENV|$LANG"; tty # slowly late')
        channel = process.channel
        for name, value in ((b"BASH_ENV", b"/tmp/evil"), (b"LANG", b"late")):
            assert not await channel._make_request(b"env", String(name), String(value))
        size = [UInt32(number) for number in (80, 24, 0, 0)]
        assert not await channel._make_request(b"pty-req", String("xterm"), *size, String(b"\0"))
        done = await process.wait()
    assert done.stdout.endswith("not a tty\n")  # type: ignore[union-attr, arg-type]
    assert "evil" not in str(done.stdout)
    assert "late" not in str(done.stdout)
    assert (await one_note(open_gateway, "# slowly late"))["parameters"] == []


KILLS_AT_HASH = {op.PTY_VKILL: ord("#")}
LOWERS_CASE = {op.PTY_IUCLC: 1, op.PTY_IEXTEN: 1}
STRIPS_BITS = {op.PTY_ISTRIP: 1}
LOSES_ENDS = {op.PTY_IGNCR: 1}


@pytest.mark.parametrize(
    ("chosen", "keys"),
    [
        (KILLS_AT_HASH, "echo #touch {}\r"),
        (LOWERS_CASE, "TOUCH {}\r"),
        (STRIPS_BITS, "echo \u018dtouch {}\r"),
        (LOSES_ENDS, "to\ruch {}\r\x04\x04"),
    ],
)
async def test_the_target_reads_the_lines_that_were_judged(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path, chosen: dict[int, int], keys: str
) -> None:
    policy = tmp_path / "no_touch.py"
    policy.write_text(REFUSE_TOUCH)
    out = (tmp_path / "x").as_posix()
    gateway = ssh_gateway(sshd, scripts=[policy], settings={**sshd.settings, "lines": "strict"})
    async with connected(gateway) as client:
        process = await client.create_process("exec dash -i", term_type="xterm", term_modes=chosen)
        process.stdin.write("PS1=rea''dy:\r")
        await process.stdout.readuntil("ready:")
        process.stdin.write(keys.format(out))
        process.stdin.write("echo e''nd\r")
        try:
            await process.stdout.readuntil("end")
        except asyncio.IncompleteReadError:
            assert chosen is LOSES_ENDS
    assert not Path(out).exists()


async def test_nobody_turns_the_echo_off_so_that_lines_are_hidden(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    policy = tmp_path / "no_touch.py"
    policy.write_text(REFUSE_TOUCH)
    gateway = ssh_gateway(sshd, scripts=[policy])
    async with connected(gateway) as client:
        process = await client.create_process("exec dash -i", term_type="xterm", term_modes={op.PTY_ECHO: 0})
        process.stdin.write(f"touch {tmp_path}/x\r")
        await process.stdout.readuntil("no touching")
    assert not (tmp_path / "x").exists()


def test_the_modes_of_an_ordinary_terminal_pass() -> None:
    ordinary = {op.PTY_VERASE: 0x7F, op.PTY_IUTF8: 1, op.PTY_ONLCR: 1, op.PTY_OP_OSPEED: 38400}
    assert modes.allowed(ordinary | {op.PTY_VINTR: 3, op.PTY_ECHO: 0}) == ordinary
    assert modes.allowed({op.PTY_VERASE: ord("x")}) == {}


EDITED_BY_A_TERMINAL = b"kept\r\n\x15\x16\x7fand\x03\x1a\x04this\n"


@pytest.mark.parametrize("wish", [{"subsystem": "sftp"}, {"command": "stty -echo; /usr/lib/openssh/sftp-server"}])
async def test_no_terminal_edits_the_packets_that_were_judged(
    judging: SshGateway, tmp_path: Path, wish: dict[str, str]
) -> None:
    path = tmp_path / "written"
    flags = sftp.OpenFlags.WRITE | sftp.OpenFlags.CREATE
    async with connected(judging) as client:
        process = await client.create_process(
            **wish, term_type="xterm", term_modes={op.PTY_ECHO: 0, op.PTY_ICANON: 1}, encoding=None
        )
        process.stdin.write(sftp.Init(3).serialize())
        await packet_from(process)
        process.stdin.write(sftp.Open(1, str(path).encode(), int(flags)).serialize())
        handle = (await packet_from(process))[9:]
        process.stdin.write(sftp.Write(2, handle, 0, EDITED_BY_A_TERMINAL).serialize())
        await packet_from(process)
    assert path.read_bytes() == EDITED_BY_A_TERMINAL


async def packet_from(process: asyncssh.SSHClientProcess[bytes]) -> bytes:
    """What stands behind the length."""
    async with asyncio.timeout(10):
        length = int.from_bytes(await process.stdout.readexactly(4))
        return await process.stdout.readexactly(length)
