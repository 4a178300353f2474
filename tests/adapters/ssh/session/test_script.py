"""A shell without a terminal: every line that it is given is judged."""

from tests.adapters.ssh.session.clients import connected, notes, one_note
from tests.servers.ssh import SshGateway


async def test_each_line_is_judged_and_runs(judging: SshGateway) -> None:
    script = b'cd / # scripted\npwd # scripted\n\nread line\nthis is read\necho "<$line>"; exit 5'
    done = judging.ssh(options=["-T"], stdin=script)
    assert (done.returncode, done.stdout, done.stderr) == (5, b"/\n<this is read>\n", b"")
    found = notes(judging, "# scripted")
    assert [(note["hook"], note["text"]) for note in found] == [
        ("ssh_input", "cd / # scripted"),
        ("ssh_input", "pwd # scripted"),
    ]


async def test_a_script_does_not_go_on_after_a_line_that_is_refused(judging: SshGateway) -> None:
    done = judging.ssh(options=["-T"], stdin=b"echo before\necho refuseme\necho after # never runs\n")
    assert done.returncode == 126
    assert b"after" not in done.stdout
    assert done.stderr == b"hoopaddon: no such thing here [31m (refused by policy.py)\n"
    assert notes(judging, "# never runs") == []


async def test_a_line_that_is_held_ends_with_its_client(judging: SshGateway) -> None:
    async with connected(judging) as client:
        process = await client.create_process()
        process.stdin.write("echo holdme # in a script\n")
        line = await process.stderr.readline()
        assert line == "hoopaddon: held: waiting for approval (somebody has to look)\n"
        process.close()
        assert (await one_note(judging, "# in a script"))["error"] == "the client left"


async def test_lines_that_wait_for_a_policy_keep_their_order(judging: SshGateway) -> None:
    script = b"".join(b"echo %d # slowly\necho %d\n" % (number, number) for number in range(5))
    done = judging.ssh(options=["-T"], stdin=script)
    assert done.stdout == b"".join(b"%d\n%d\n" % (number, number) for number in range(5))


async def test_a_line_without_end_is_refused(judging: SshGateway) -> None:
    done = judging.ssh(options=["-T"], stdin=b"#" * 1_000_000)
    assert (done.returncode, done.stderr) == (126, b"hoopaddon: a line is longer than can be judged\n")


async def test_many_lines_at_once(judging: SshGateway) -> None:
    done = judging.ssh(options=["-T"], stdin=b"true\n" * 5_000 + b"echo done\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")


async def test_a_rewritten_line_is_what_runs(judging: SshGateway) -> None:
    done = judging.ssh(options=["-T"], stdin=b"echo original # rewriteme\n")
    assert done.stdout == b"rewritten\n"
