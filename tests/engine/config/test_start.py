"""`hoopaddon` in a folder with a `hoopaddon.yaml`: what wins over what, and what is said where it cannot start."""

from pathlib import Path

import pytest
from mitmproxy.exceptions import OptionsError

from demo.server import free_port
from hoopaddon.cli.arguments import parser
from hoopaddon.cli.beside import beside_gateway
from hoopaddon.errors import ConfigError
from tests.engine.cli.program import run
from tests.engine.config.running import running

POLICY = """
from mitmproxy import ctx
def load(loader):
    loader.add_option("limit_of_mine", int, 3, "How many.")
def command(command): pass
"""


def file(port: int, more: str = "") -> str:
    return f"targets:\n  api:\n    protocol: http\n    address: http://127.0.0.1:9\n    listen: {port}\n{more}"


async def test_it_starts_with_what_the_file_says(folder: Path) -> None:
    (folder / "policy.py").write_text(POLICY)
    addons = "addons:\n  - policy.py: {limit_of_mine: 7}\n  - record.py: {shadow: true}\n"
    options = "options: {max_connections: 5, policy_timeout: 2.5, idle_timeout: 9}\nstore: {folder: kept}\n"
    options += "identity: {issuer: 'http://127.0.0.1:9', audience: [a, b], leeway: 5, expiry_ends_sessions: false}\n"
    (folder / "hoopaddon.yaml").write_text(file(port := free_port(), addons + options))
    async with running("--set", "idle_timeout=4", confdir=folder / "conf") as gateway:
        assert gateway.servers.listen_addrs() == [("127.0.0.1", port)]
        assert [policy.name for policy in gateway.scripts.deciding] == ["policy.py", "record.py"]
        assert [policy.shadow for policy in gateway.scripts.deciding] == [False, True]
        found = gateway.options
        assert (found.limit_of_mine, found.max_connections, found.policy_timeout, found.store) == (
            7,
            5,
            "2.5",
            "kept",
        )
        assert found.idle_timeout == 4
        assert (found.oidc_issuer, list(found.oidc_audience), found.oidc_leeway) == (
            "http://127.0.0.1:9",
            ["a", "b"],
            5,
        )
        assert not found.token_expiry_ends_sessions


async def test_the_command_line_adds_listeners_and_policies_and_replaces_the_rest(folder: Path) -> None:
    (folder / "mine.py").write_text(POLICY)
    (folder / "conf").mkdir()
    (folder / "conf" / "config.yaml").write_text("max_connections: 2\nidle_timeout: 2\nlogin_timeout: 2\n")
    (folder / "other.yaml").write_text(
        file(free_port(), "addons: [record.py]\noptions: {max_connections: 3, idle_timeout: 3}\n")
    )
    arguments = ["-s", "mine.py", "--mode", f"http:http://127.0.0.1:9@{free_port()}", "--set", "max_connections=4"]
    async with running("--config", "other.yaml", *arguments, confdir=folder / "conf") as gateway:
        assert len(gateway.servers.listen_addrs()) == 2
        assert [policy.name for policy in gateway.scripts.deciding] == ["record.py", "mine.py"]
        found = gateway.options
        assert (found.max_connections, found.idle_timeout, found.login_timeout) == (4, 3, 2)


WRONG = [
    ("options: {max_conections: 3}\n", "6: options.max_conections: there is no such option\n  did you mean max_conn"),
    ("options: {max_connections: many}\n", "6: options.max_connections: has to be a whole number, and is a text"),
    ("options: {max_connections: 0}\n", "6: options.max_connections: has to be 1 or more"),
    ("options:\n  policy_timeout: soon\n", "7: options.policy_timeout: 'soon' is not a number of seconds above 0"),
    ("options: {rawtcp: 1}\n", "6: options.rawtcp: has to be true or false, and is a number"),
    ("options: {forward_allow: {a: b}}\n", "6: options.forward_allow: has to be a list of texts, and is a mapping"),
    ("options: {forward_login: password}\n", "6: options.forward_login: has to be one of (empty), token"),
    ("addons: [policy.py: {limit_of_mine: a}]\n", "6: addons[1].policy.py.limit_of_mine: has to be a whole number"),
    (
        "addons: [policy.py: {limit_of_min: 1}]\n",
        "6: addons[1].policy.py.limit_of_min: there is no such key\n  did y",
    ),
    ("addons: [policy.py: {idle_timeout: 1}]\n", "6: addons[1].policy.py.idle_timeout: is an option of the gateway"),
    ("addons:\n  - bad.py\n", "bad.py:1: SyntaxError: invalid syntax"),
]


@pytest.mark.parametrize(("more", "says"), WRONG, ids=range(len(WRONG)))
async def test_options_and_scripts_that_are_wrong(more: str, says: str, folder: Path) -> None:
    (folder / "policy.py").write_text(POLICY)
    (folder / "bad.py").write_text("def command(:")
    (folder / "hoopaddon.yaml").write_text(file(free_port(), more))
    with pytest.raises((ConfigError, OptionsError)) as caught:
        async with running(confdir=folder / "conf"):
            raise AssertionError("it serves")
    assert str(caught.value).removeprefix("hoopaddon.yaml:").startswith(says)


async def test_targets_that_listen_together_share_a_listener(folder: Path) -> None:
    port = free_port()
    more = f"  b:\n    protocol: http\n    address: http://127.0.0.1:9\n    path: /b\n    listen: {port}\n"
    (folder / "hoopaddon.yaml").write_text(file(port, more))
    async with running(confdir=folder / "conf") as gateway:
        assert gateway.servers.listen_addrs() == [("127.0.0.1", port)]
        assert len(gateway.options.mode) == 1


def test_what_an_agent_starts_reads_no_file_of_the_folder_that_it_works_in(folder: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    (folder / "hoopaddon.yaml").write_text("addons: [evil.py]\n")

    async def work(gateway: object) -> int:
        return 0

    arguments = parser().parse_args(["--confdir", str(folder / "conf")])
    assert beside_gateway(arguments, [], work) == 0
    assert not (folder / "ran").exists()


def test_the_program_says_all_that_is_wrong(folder: Path) -> None:
    (folder / "hoopaddon.yaml").write_text(file(1, "  b:\n    protocol: postgre\naddon: []\n"))
    ended = run(folder)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "hoopaddon: hoopaddon.yaml:7: targets.b.protocol: there is no such protocol\n  did you mean postgres?\n"
        "hoopaddon.yaml:8: addon: there is no such key\n  did you mean addons?\n"
    )
