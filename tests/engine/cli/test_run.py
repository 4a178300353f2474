"""`hoopaddon` as its users meet it: what it says, and how it starts and ends."""

import asyncio
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli.program import Running, run
from tests.servers.http import SECRET, Upstream, chunks, exchange, get

POLICY = """from mitmproxy import http

def request(flow):
    flow.response = http.Response.make(200, b"{answer}")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.py").write_text(POLICY.format(answer="one"))
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


REVERSE = "reverse:http://127.0.0.1:9@127.0.0.1:0"


def test_version(folder: Path) -> None:
    shown = run(folder, "--version")
    assert re.fullmatch(r"hoopaddon \S+ \(mitmproxy 12\.\S+, Python 3\.\S+, (not )?compiled\)\n", shown.stdout)
    assert shown.returncode == 0


def test_help_is_about_this_program(folder: Path) -> None:
    shown = run(folder, "--help")
    assert shown.returncode == 0
    for word in ["--scripts", "--shadow", "--mode", "--set", "--confdir", "examples:", "approvals"]:
        assert word in shown.stdout
    assert "--anticache" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 120


def test_options_include_those_of_scripts(folder: Path) -> None:
    (folder / "p.py").write_text("def load(loader): loader.add_option('my_limit', int, 3, 'How many.')")
    shown = run(folder, "--options", "-s", "p.py")
    assert shown.returncode == 0
    for line in ["my_limit: 3", "policy_timeout: '5'", "confdir: ~/.hoopaddon", "listen_host: 127.0.0.1"]:
        assert line in shown.stdout


def test_commands_include_those_of_scripts(folder: Path) -> None:
    text = "from mitmproxy import command\n@command.command('my.words')\ndef words() -> str:\n    return ''\n"
    (folder / "p.py").write_text(text)
    shown = run(folder, "--commands", "-s", "p.py")
    assert shown.returncode == 0
    assert "my.words  -> str" in shown.stdout.replace(" ->", "  ->").replace("   ->", "  ->")


WITH_LOGIN = "http:http://127.0.0.1:9?login=token"
WRONG = [
    (
        [],
        "nothing to stand in front of: no --mode is given\n  for example: hoopaddon -s mask_pii.py",
    ),
    (["--mode", "postgre:db@1"], "--mode postgre:db@1: there is no mode postgre\n  did you mean postgres? Modes: "),
    (
        ["--mode", "reverse:@1"],
        "--mode reverse:@1: Invalid server specification\n  write reverse:http://HOST[:PORT]@PORT",
    ),
    (["--mode", "regular@high"], "--mode regular@high: invalid port: high"),
    (["--mode", ""], "there is no mode (empty)"),
    (["--mode", REVERSE, "-s", "polcy.py"], "no such script: polcy.py\n  looked in "),
    (["--mode", REVERSE, "-s", "polcy.py"], "did you mean policy.py?"),
    (["--mode", REVERSE, "-s", "policy.py", "-s", "./policy.py"], "policy.py is listed twice"),
    (["--mode", REVERSE, "-s", "policy.py", "--shadow", "policy.py"], "policy.py is listed twice"),
    (
        ["--mode", REVERSE, "--set", "polcy_timeout=3"],
        "there is no option polcy_timeout\n  did you mean policy",
    ),
    (
        ["--mode", REVERSE, "--set", "policy_timeout=soon"],
        "policy_timeout: 'soon' is not a number of seconds",
    ),
    (["--mode", REVERSE, "--set", "max_connections=many"], "max_connections: not an integer: many"),
    (["--mode", f"{WITH_LOGIN}@nowhere.invalid:8080"], "nowhere.invalid cannot be resolved"),
    (["--mode", f"{WITH_LOGIN}@192.0.2.1:8080"], "192.0.2.1 is not an address of this machine"),
    (
        ["--mode", "reverse:http://127.0.0.1:9@192.0.2.1:8080"],
        "would be open to everybody at 192.0.2.1\n  Listen at 127.0.0.1, or have clients prove who they are: write",
    ),
    (["--mode", "regular@0.0.0.0:8080"], "would be open to everybody at 0.0.0.0\n  Listen at 127.0.0.1, or have"),
    (["--mode", "regular@8080", "--listen-host", "0.0.0.0"], "regular@8080 would be open to everybody at 0.0.0.0"),
    (["--mode", "regular@8081", "--mode", "socks5@8081"], "Cannot spawn multiple servers on the same address"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_what_is_wrong_is_said_in_a_line_or_two(folder: Path, arguments: list[str], says: str) -> None:
    ended = run(folder, *arguments)
    assert says in ended.stderr
    assert ended.stderr.startswith("hoopaddon: ")
    assert len(ended.stderr.splitlines()) <= 3
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_port_in_use(folder: Path, taken: int) -> None:
    ended = run(folder, "--mode", f"reverse:http://127.0.0.1:9@{taken}")
    assert ended.stderr == (
        f"hoopaddon: 127.0.0.1:{taken} is in use by another program\n"
        f"  stop that program, or listen elsewhere: --mode reverse:http://127.0.0.1:9@{taken + 1}\n"
    )
    assert ended.returncode == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def request(:", "hoopaddon: bad.py:1: SyntaxError: invalid syntax\n  def request(:\n"),
        ("import json\n\njson.loads('{')", "hoopaddon: bad.py:3: JSONDecodeError: "),
    ],
)
def test_a_script_that_does_not_load(folder: Path, text: str, says: str) -> None:
    (folder / "bad.py").write_text(text)
    ended = run(folder, "-s", "bad.py", "--mode", REVERSE)
    assert ended.stderr.startswith(says)
    assert (ended.returncode, ended.stdout) == (1, "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("max_connections: many", "config.yaml: Expected <class 'int'> for max_connections"),
        ("max_connections: [", "config.yaml: Config error at line"),
        ("- 1", "config.yaml: cannot be read"),
        ("max_conections: 3", "there is no option max_conections\n  did you mean max_connections or"),
        ("scripts: [nothing.py]", "no such script: "),
    ],
)
def test_a_configuration_file_that_is_wrong(folder: Path, text: str, says: str) -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "config.yaml").write_text(text)
    ended = run(folder, "--confdir", "conf", "--mode", REVERSE)
    assert says in ended.stderr
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_the_command_line_wins_over_the_configuration(folder: Path) -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "config.yaml").write_text("max_connections: 3\npolicy_timeout: '1'\nmode: [regular@0]\n")
    shown = run(folder, "--confdir", "conf", "--set", "max_connections=4", "--set", "policy_timeout=soon")
    assert "policy_timeout: 'soon'" in shown.stderr
    with Running(folder, "--confdir", "conf", "--set", "max_connections=4") as gateway:
        gateway.address()
        assert gateway.stop() == 0


def test_nothing_is_written_outside_the_configuration_folder(folder: Path) -> None:
    with Running(folder, "--set", "confdir=conf", "--mode", REVERSE) as gateway:
        gateway.address()
        assert gateway.stop() == 0
    assert not (folder / ".hoopaddon").exists()
    assert not (folder / ".mitmproxy").exists()
    assert (folder / "conf").exists()


# -- while it runs


async def test_it_serves_reloads_and_ends_well(folder: Path) -> None:
    async with Upstream() as upstream:
        mode = f"reverse:http://127.0.0.1:{upstream.port}@0"
        with Running(folder, "-s", "policy.py", "--mode", mode) as gateway:
            address = await asyncio.to_thread(gateway.address)
            lines = gateway.log.splitlines()
            assert re.fullmatch(r"\[\d\d:\d\d:\d\d\.\d{3}\] Policies, in order: policy\.py\.", lines[0])
            assert (await exchange(address, get())).endswith(b"one")
            (folder / "policy.py").write_text("def request(:")
            await asyncio.to_thread(gateway.wait_for, r"policy\.py:1: SyntaxError: invalid syntax\n  def request\(:")
            assert (await exchange(address, get())).endswith(b"one")
            (folder / "policy.py").write_text(POLICY.format(answer="two"))
            await asyncio.to_thread(gateway.wait_for, r"policy\.py reloaded\.")
            assert (await exchange(address, get())).endswith(b"two")
            (folder / "policy.py").write_text("def request(flow): raise ValueError(flow.request.path)")
            await asyncio.to_thread(gateway.wait_for, r"reloaded\.\n(.*\n)*.*reloaded\.")
            assert (await exchange(address, get("/secret-path"))).startswith(b"HTTP/1.1 502 ")
            assert await asyncio.to_thread(gateway.stop) == 0
            assert upstream.seen == b""
            assert "secret-path" not in gateway.log
            assert "Traceback" not in gateway.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_lets_finish_what_is_in_flight(folder: Path, number: int) -> None:
    async with Upstream(chunks(*[SECRET] * 10, pause_s=0.1)) as upstream:
        with Running(folder, "--mode", f"reverse:http://127.0.0.1:{upstream.port}@0") as gateway:
            address = await asyncio.to_thread(gateway.address)
            asking = asyncio.create_task(exchange(address, get()))
            await asyncio.sleep(0.3)
            gateway.process.send_signal(number)
            assert (await asking).count(SECRET) == 10
            assert await asyncio.to_thread(gateway.process.wait, 10) == 0
            assert "Stopping when what is in flight has finished" in gateway.log


async def test_the_second_signal_ends_it_at_once(folder: Path) -> None:
    async with Upstream(chunks(*[SECRET] * 100, pause_s=0.1)) as upstream:
        with Running(folder, "--mode", f"reverse:http://127.0.0.1:{upstream.port}@0") as gateway:
            address = await asyncio.to_thread(gateway.address)
            asking = asyncio.create_task(exchange(address, get()))
            await asyncio.sleep(0.3)
            gateway.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(gateway.wait_for, "Stopping")
            began = time.monotonic()
            assert await asyncio.to_thread(gateway.stop) == 128 + signal.SIGTERM
            assert time.monotonic() - began < 2
            await asking


def test_quiet_and_verbose(folder: Path) -> None:
    text = "import logging\ndef running(): logging.error('an error')\ndef done(): logging.debug('a detail')\n"
    (folder / "p.py").write_text(text)
    shown = {}
    for argument in ("-q", "-v"):
        with Running(folder, argument, "-s", "p.py", "--mode", REVERSE) as gateway:
            gateway.wait_for("an error")
            assert gateway.stop() == 0
            shown[argument] = gateway.log
    assert re.fullmatch(r"\[[\d:.]+\] an error\n", shown["-q"])
    assert "a detail" in shown["-v"]


def test_asyncios_own_loop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOPADDON_LOOP", "asyncio")
    with Running(folder, "--mode", REVERSE) as gateway:
        gateway.address()
        assert gateway.stop() == 0
