"""`hoopaddon token` prints a token that the gateway accepts, and nothing else on stdout."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hoopaddon.cli.token import duration_s, main
from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.tokens import verify
from hoopaddon.store.keys import SigningKey

CALL = "import sys; from hoopaddon.cli.token import main; sys.exit(main(sys.argv[1:]))"


def test_stdout_is_the_token_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--user", "agent-7", "--groups", "dev, ops,", "--ttl", "15m", "--confdir", str(tmp_path)]
    assert main(arguments) == 0
    said = capsys.readouterr()
    user = verify(said.out.removesuffix("\n"), SigningKey.load(tmp_path))
    assert user.subject == "agent-7"
    assert user.groups == {"dev", "ops"}
    assert user.claims["exp"] - user.claims["iat"] == 900
    assert said.err == ""


def test_a_terminal_is_told_when_the_token_ends(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ["--user", "a", "--confdir", str(tmp_path)]
    run = subprocess.run([sys.executable, "-c", CALL, *arguments], stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    told = os.read(ours, 1000)
    os.close(ours)
    assert b"good for 15m, until 20" in told
    assert run.stdout.strip() not in told
    assert verify(run.stdout.strip(), SigningKey.load(tmp_path)).subject == "a"


def test_json_says_what_the_token_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--user", "a", "--groups", "b,a", "--target", "orders", "--json", "--confdir", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["user"], said["groups"], said["target"]) == ("a", ["a", "b"], "orders")
    assert said["expires"].startswith(time.strftime("%Y"))
    assert verify(said["token"], SigningKey.load(tmp_path), target="orders").subject == "a"
    with pytest.raises(InvalidToken):
        verify(said["token"], SigningKey.load(tmp_path), target="billing")


def test_a_token_may_be_an_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--user", "ada", "--agent", "agent-7", "--json", "--confdir", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["user"], said["agent"]) == ("ada", "agent-7")
    assert verify(said["token"], SigningKey.load(tmp_path)).actors == ("agent-7",)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--agent", "agent-7"], "not the user"),
        (["--ttl", "25h"], "24 hours"),
        (["--ttl", "0m"], "15m"),
        (["--ttl", "15"], "15m"),
        (["--ttl", "1d"], "15m"),
        (["--ttl", "-5m"], "15m"),
        (["--user", ""], "user"),
        (["--user", "a\nb"], "user"),
        (["--confdir", "/proc/nowhere"], "cannot create"),
    ],
)
def test_what_cannot_be_signed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    merged = ["--user", "agent-7", "--confdir", str(tmp_path)]
    # argparse takes a value that begins with a dash for an option, unless it is written with "=".
    merged += [f"{arguments[0]}={arguments[1]}"]
    assert main(merged) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("hoopaddon token: ")


def test_without_a_user_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "--user" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("8h", 28800), ("1s", 1)])
def test_durations(text: str, seconds: int) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1.5h", "1h30m", "15 m", "015m", "15M", "٣m", "9999999s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigError):
        duration_s(text)
