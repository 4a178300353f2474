"""`hoopaddon check`: what is wrong with a file is said with its line, and nothing is started for it."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.cli.check import main

POLICY = "def load(loader): loader.add_option('limit_of_mine', int, 3, 'How many.')\ndef command(command): pass\n"


@pytest.fixture
def answering() -> Iterator[int]:
    """A port at which connections are taken."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_file_that_is_right(folder: Path, answering: int, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "policy.py").write_text(POLICY)
    (folder / "secret").write_text("hunter2")
    target = f"{{protocol: http, address: 'http://127.0.0.1:{answering}', bearer: 'file:secret'}}"
    (folder / "hoopaddon.yaml").write_text(f"targets: {{api: {target}}}\naddons: [policy.py: {{limit_of_mine: 4}}]\n")
    before = set(folder.iterdir())
    assert main([]) == 0
    assert capsys.readouterr().out == "hoopaddon.yaml is right: 1 target behind 1 listener, 1 policy\n"
    assert set(folder.iterdir()) - {folder / "__pycache__"} == before


def test_all_that_is_wrong(folder: Path, silent: int, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.py").write_text("import json\njson.loads('{')\n")
    (folder / "h.yaml").write_text(
        "targets:\n"
        f"  orders:\n    protocol: postgres\n    address: 127.0.0.1:{silent}\n"
        "    user: app\n    password: env:NO_SUCH_VARIABLE\n"
        f"  machine:\n    protocol: ssh\n    address: 127.0.0.1:{silent}\n    known_hosts: none\n"
        f"  bills:\n    protocol: postgres\n    address: 127.0.0.1:{silent}\n"
        f"  api:\n    protocol: http\n    address: http://127.0.0.1:{silent}\n    users: nobody.yaml\n"
        "    header: x-key:file:none.key\n"
        "addons:\n  - bad.py\n"
        "options:\n  max_connections: 0\n"
    )
    assert main(["h.yaml"]) == 1
    said = capsys.readouterr()
    assert said.err == "h.yaml: 7 problems\n"
    assert said.out.splitlines() == [
        "h.yaml:6: targets.orders.password: environment variable NO_SUCH_VARIABLE is not set",
        "h.yaml:10: targets.machine.known_hosts: is not there",
        "  ssh-keyscan HOST makes one",
        "h.yaml:13: targets.bills.address: cannot be reached: Connection refused",
        "h.yaml:17: targets.api.users: cannot read the users: No such file or directory",
        "h.yaml:18: targets.api.header: cannot read none.key: No such file or directory",
        "h.yaml:20: addons[1]: does not load",
        "  bad.py:2: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "h.yaml:22: options.max_connections: has to be 1 or more",
    ]


@pytest.fixture
def program(folder: Path) -> Path:
    """A program that prints a secret, after it has noted that it was asked."""
    path = folder / "secret"
    path.write_text("#!/bin/sh\necho x >> asked\ncat given 2>/dev/null || { echo sealed >&2; exit 3; }\n")
    path.chmod(0o700)
    return path


def test_a_secret_that_is_kept_elsewhere(
    folder: Path, answering: int, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"{{protocol: http, address: 'http://127.0.0.1:{answering}', bearer: 'exec:{program}'}}"
    (folder / "hoopaddon.yaml").write_text(f"targets:\n  api: {target}\n")
    assert main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith("hoopaddon.yaml:2: targets.api.bearer: cannot be had: ")
    assert said.endswith("\n  the gateway starts all the same, and asks again\n")
    (folder / "given").write_text("swordfish")
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.startswith("hoopaddon.yaml is right: 1 target")
    assert "swordfish" not in said
    asked = (folder / "asked").read_text()
    assert main(["--offline"]) == 0
    assert (folder / "asked").read_text() == asked


def test_offline_and_json(folder: Path, silent: int, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "h.yaml").write_text(f"targets: {{o: {{protocol: postgres, address: '127.0.0.1:{silent}'}}}}\n")
    assert main(["--offline", "h.yaml"]) == 0
    capsys.readouterr()
    assert main(["--json", "h.yaml"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["right"]) == ("h.yaml", False)
    (problem,) = found["problems"]
    assert (problem["line"], problem["key"]) == (1, "targets.o.address")


def test_what_it_looks_into_is_not_changed_and_no_policy_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "policy.py").write_text("import os\ndef running(): os._exit(9)\ndef command(command): pass\n")
    (folder / "h.yaml").write_text(f"addons: [policy.py]\noptions: {{confdir: {folder}/conf}}\n")
    assert main(["h.yaml"]) == 0
    assert not (folder / "conf").exists()


def test_it_ends_although_a_target_never_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoopaddon.config.check.REACH_WITHIN_S", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        targets = "".join(f"  t{n}: {{protocol: postgres, address: '127.0.0.1:{port}'}}\n" for n in range(20))
        (folder / "h.yaml").write_text(f"targets:\n{targets}")
        assert main(["h.yaml"]) == 1
        for one in waiting:
            one.close()
