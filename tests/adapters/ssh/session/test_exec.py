"""Commands without a terminal: bytes, statuses, signals, ends of either direction, and what is refused or held."""

import asyncio
import os
import signal
import subprocess
import time

import asyncssh

from tests.adapters.ssh.session.clients import connected, eventually, notes, one_note
from tests.servers.ssh import SshGateway

NOISE = os.urandom(300_000)


async def test_output_errors_and_status_are_apart(judging: SshGateway) -> None:
    done = judging.ssh("printf out; printf err >&2; exit 3 # apart")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out", b"err")
    note = await one_note(judging, "# apart")
    assert (note["tag"], note["bytes"], note["error"], note["outcome"]) == ("exit 3", 6, "", "allowed")
    assert 0 < note["duration_s"] < 10


def test_every_byte_comes_as_it_went(judging: SshGateway) -> None:
    assert judging.ssh("cat", stdin=NOISE).stdout == NOISE
    assert judging.ssh("cat >&2", stdin=NOISE).stderr == NOISE


async def test_a_signal_ends_the_command_and_the_client_learns_which(judging: SshGateway) -> None:
    async with connected(judging) as client:
        done = await client.run("kill -TERM $$ # self")
        assert done.exit_signal is not None
        assert done.exit_signal[0] == "TERM"
    assert (await one_note(judging, "# self"))["tag"] == "signal TERM"


async def test_a_dumped_core_is_told(judging: SshGateway) -> None:
    async with connected(judging) as client:
        done = await client.run("ulimit -c unlimited; cd $(mktemp -d); kill -SEGV $$ # core")
        assert done.exit_signal is not None
        direct = "(core dumped)" if done.exit_signal[1] else ""
    assert (await one_note(judging, "# core"))["tag"] == f"signal SEGV {direct}".strip()


async def test_the_client_ends_its_input_and_goes_on_listening(judging: SshGateway) -> None:
    done = judging.ssh("wc -c; sleep 0.2; echo more", stdin=b"12345")
    assert done.stdout == b"5\nmore\n"


async def test_the_target_ends_its_output_and_goes_on_reading(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process('exec >&- 2>&-; read line; test "$line" = go || exit 1; exit 7')
        assert await process.stdout.read() == ""
        process.stdin.write("go\n")
        assert (await process.wait()).exit_status == 7


async def test_who_reads_no_more_ends_what_writes(judging: SshGateway) -> None:
    command = " ".join(judging.arguments("yes endless"))
    done = subprocess.run(
        ["sh", "-c", f"{command} | head -n 1"],
        env=judging.environment(),
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == b"endless\n"
    assert "signal" in (await one_note(judging, "yes endless"))["tag"]


async def test_several_channels_in_one_connection(judging: SshGateway) -> None:
    async with connected(judging) as client:
        runs = [client.run(f"sleep 0.{number % 3}; echo {number}; exit {number}") for number in range(20)]
        done = await asyncio.gather(*runs)
    assert [(one.stdout, one.exit_status) for one in done] == [(f"{number}\n", number) for number in range(20)]


# -- what a client brings along


async def test_only_harmless_variables_pass(judging: SshGateway, open_gateway: SshGateway) -> None:
    sent = {"LC_TEST": "a b", "LANG": "C", "BASH_ENV": "/tmp/evil", "OTHER": "x"}
    line = 'echo "$LC_TEST|$LANG|$BASH_ENV|$OTHER" # variables'
    async with connected(judging) as client:
        assert (await client.run(line, env=sent)).stdout == "a b|C||\n"
    async with connected(open_gateway) as client:
        assert (await client.run(line, env=sent)).stdout == "a b|C|/tmp/evil|x\n"
    assert (await one_note(judging, "# variables"))["parameters"] == []
    assert (await one_note(open_gateway, "# variables"))["parameters"] == ["BASH_ENV=/tmp/evil", "OTHER=x"]


async def test_an_empty_command_line_is_no_shell(judging: SshGateway) -> None:
    async with connected(judging) as client:
        assert (await client.run("", stdin=asyncssh.DEVNULL)).exit_status == 0
        done = await client.run("echo anything # emptyme", input="echo typed into a shell\n")
        assert (done.stdout, done.exit_status) == ("", 0)


async def test_what_is_rewritten_runs_rewritten(judging: SshGateway) -> None:
    done = judging.ssh("echo original # rewriteme")
    assert done.stdout == b"rewritten\n"
    assert (await one_note(judging, "echo rewritten"))["outcome"] == "allowed"


# -- refusals


async def test_a_refusal_is_one_line_and_126(judging: SshGateway) -> None:
    done = judging.ssh("echo refuseme # first")
    assert done.returncode == 126
    assert done.stdout == b""
    assert done.stderr == b"hoopaddon: no such thing here [31m (refused by policy.py)\n"
    note = await one_note(judging, "refuseme # first")
    assert (note["outcome"], note["tag"], note["bytes"]) == ("refused", "", 0)


async def test_a_policy_that_breaks_refuses(judging: SshGateway) -> None:
    done = judging.ssh("echo breakme")
    assert done.returncode == 126
    assert done.stderr.count(b"\n") == 1
    assert b"4711" not in done.stderr
    assert "4711" not in judging.log()


async def test_the_connection_goes_on_after_a_refusal(judging: SshGateway) -> None:
    async with connected(judging) as client:
        assert (await client.run("echo refuseme # again")).exit_status == 126
        assert (await client.run("echo fine")).stdout == "fine\n"


async def test_an_unknown_subsystem_is_refused_by_name(judging: SshGateway) -> None:
    done = judging.ssh("netconf", options=["-s"])
    assert (done.returncode, done.stderr) == (126, b"hoopaddon: the subsystem netconf is not allowed here\n")
    async with connected(judging) as client:
        refused = await client.create_process(subsystem="a\x1b[31m")
        assert (await refused.wait()).stderr == "hoopaddon: the subsystem a [31m is not allowed here\n"
        assert (await client.run("echo fine")).stdout == "fine\n"


async def test_output_that_is_refused_ends_the_channel_and_not_the_connection(judging: SshGateway) -> None:
    async with connected(judging) as client:
        for word, said in (
            ("WITHHOLD", "that is not for you (refused by policy.py)"),
            ("CRASH", "policy policy failed"),
        ):
            done = await client.run(f"echo WITH''HOLD {word}; sleep 20 # {word}", timeout=10)
            assert done.exit_status == 126
            assert done.stdout == ""
            assert f"hoopaddon: {said}\n" in str(done.stderr) or word == "CRASH"
            assert "4711" not in str(done.stderr)
        assert (await client.run("echo fine")).stdout == "fine\n"
    assert (await one_note(judging, "# WITHHOLD"))["error"]


async def test_masked_output(judging: SshGateway) -> None:
    done = judging.ssh("echo a SECRET; echo b SECRET >&2")
    assert (done.stdout, done.stderr) == (b"a [masked]\n", b"b [masked]\n")


async def test_a_policy_that_awaits_keeps_the_order(judging: SshGateway) -> None:
    done = judging.ssh("for n in 1 2 3; do echo WAIT $n; sleep 0.1; done; exit 5")
    assert (done.stdout, done.returncode) == (b"WAIT 1\nWAIT 2\nWAIT 3\n", 5)


# -- holds


async def test_who_waits_is_told_so_and_leaving_ends_the_hold(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process("echo holdme # leaves")
        line = await process.stderr.readline()
        assert line == "hoopaddon: held: waiting for approval (somebody has to look)\n"
        process.close()
        note = await one_note(judging, "holdme # leaves")
        assert note["error"] == "the client left"
        assert (await client.run("echo fine")).stdout == "fine\n"


async def test_leaving_ends_a_hold_whatever_was_sent(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process("cat # holdme sends", encoding=None)
        process.stdin.write(b"x" * (1 << 20))
        await process.stderr.readline()
        process.close()
        assert (await one_note(judging, "holdme sends"))["error"] == "the client left"


async def test_a_connection_that_breaks_ends_a_hold(judging: SshGateway) -> None:
    held = subprocess.Popen(
        judging.arguments("echo holdme # killed"), env=judging.environment(), stderr=subprocess.PIPE
    )
    assert held.stderr is not None
    with held, held.stderr:
        held.stderr.readline()
        held.send_signal(signal.SIGKILL)
    assert (await one_note(judging, "holdme # killed"))["error"] == "the client left"


async def test_what_is_sent_early_arrives_in_order(judging: SshGateway) -> None:
    data = os.urandom(5_000_000)
    async with connected(judging) as client:
        done = await client.run("cat # slowly early", input=data, encoding=None)
    assert done.stdout == data


# -- leaving


async def test_a_client_that_leaves_ends_its_command(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process("echo ready; sleep 30 # left alone")
        await process.stdout.readline()
        process.close()
        note = await one_note(judging, "# left alone")
    assert (note["error"], note["bytes"]) == ("the client left", 6)


async def test_a_whole_connection_that_breaks_ends_all_its_commands(judging: SshGateway) -> None:
    async with connected(judging) as client:
        for number in range(5):
            process = await client.create_process(f"echo ready; sleep 30 # broken {number}")
            await process.stdout.readline()
        client.abort()
    await eventually(lambda: len(notes(judging, "# broken")) == 5)
    await asyncio.sleep(0.1)
    assert len(notes(judging, "# broken")) == 5


async def test_nobody_waits_for_a_slow_reader(judging: SshGateway) -> None:
    async with connected(judging) as client:
        slow = await client.create_process("head -c 50000000 /dev/zero", encoding=None)
        began = time.monotonic()
        assert (await client.run("echo quick")).stdout == "quick\n"
        assert time.monotonic() - began < 5
        assert len(await slow.stdout.read()) == 50_000_000


async def test_a_client_that_closes_when_all_is_said_still_learns_the_status(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process(
            "exec >&- 2>&-; sleep 0.3; exit 7 # late status", stdin=asyncssh.DEVNULL
        )
        assert await process.stdout.read() == ""
        # As OpenSSH does, and asyncssh itself does not: close, and go on listening for what is still to come.
        process.channel._close_send()
        assert (await process.wait()).exit_status == 7
    assert (await one_note(judging, "# late status"))["tag"] == "exit 7"
