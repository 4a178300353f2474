"""`hoopaddon targets`: what a command changes in the file, and what it leaves as it is."""

import json
import stat
from pathlib import Path

import pytest

from hoopaddon.cli.targets import main
from hoopaddon.config.schema import FILE as SCHEMA_FILE
from hoopaddon.config.sections import read_file
from hoopaddon.errors import ConfigError

WHOLE = """\
# The gateway of team orders.
options:
  max_connections:   7   # enough

targets:
    # The first one.
    orders:
        protocol: postgres
        address: "db.internal:5432"   # by its name
        labels: {env: prod,
                 team: orders}

    # The machine; see the wiki.
    machine:
        protocol: ssh
        address: 10.0.0.5
        allow:
        - local_forward     # for the debugger

# In this order.
addons:
- record.py
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "hoopaddon.yaml"
    path.write_bytes(text.encode())
    return path


def test_a_target_is_added_behind_the_others(folder: Path) -> None:
    path = write(folder, WHOLE)
    assert (
        main(["add", "api", "http", "https://api.internal", "--set", "bearer=env:T", "--listen", "127.0.0.1:81"]) == 0
    )
    block = (
        "    api:\n      protocol: http\n      address: https://api.internal\n"
        "      listen: 127.0.0.1:81\n      bearer: env:T\n"
    )
    marker = "        - local_forward     # for the debugger\n"
    assert path.read_text() == WHOLE.replace(marker, marker + block)
    assert [target.name for target in read_file(path).targets] == ["orders", "machine", "api"]


def test_what_was_added_is_taken_out_again(folder: Path) -> None:
    path = write(folder, WHOLE)
    path.chmod(0o640)
    assert (
        main(["add", "api", "http", "https://api.internal", "--label", "env=a: b #c", "--allow", "large_body"]) == 0
    )
    assert dict(read_file(path).targets[2].items["labels"].entries([]))["env"].text == "a: b #c"
    assert main(["remove", "api"]) == 0
    assert path.read_text() == WHOLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in folder.iterdir()] == ["hoopaddon.yaml"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("orders", WHOLE[WHOLE.index("    orders:") : WHOLE.index("\n    # The machine")]),
        ("machine", WHOLE[WHOLE.index("    machine:") : WHOLE.index("\n# In this order")]),
    ],
)
def test_comments_and_order_stay_when_a_target_goes(name: str, gone: str, folder: Path) -> None:
    path = write(folder, WHOLE)
    assert main(["remove", name]) == 0
    assert path.read_text() == WHOLE.replace(gone, "")


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# Mine.\n",
        "targets:\n",
        "targets: {}\n",
        "targets:   {}  # none yet\naddons: []\n",
        "addons: []",
        "targets:",
    ],
)
def test_the_first_target(before: str, folder: Path) -> None:
    path = folder / "hoopaddon.yaml"
    if before:
        write(folder, before)
    assert main(["add", "a", "postgres", "db"]) == 0
    assert [target.name for target in read_file(path).targets] == ["a"]
    for comment in ("# Mine.", "# none yet", "addons: []"):
        assert (comment in before) == (comment in path.read_text())
    assert path.read_text().startswith("# yaml-language-server: $schema=hoopaddon.schema.json\n") == (not before)
    assert (folder / SCHEMA_FILE).exists() == (not before)
    assert main(["remove", "a"]) == 0
    assert read_file(path).targets == []


def test_line_ends_and_links_stay(folder: Path) -> None:
    real = folder / "real.yaml"
    real.write_bytes(WHOLE.replace("\n", "\r\n").encode())
    (folder / "hoopaddon.yaml").symlink_to("real.yaml")
    assert main(["add", "a", "postgres", "db"]) == 0
    assert (folder / "hoopaddon.yaml").is_symlink()
    assert real.read_bytes().count(b"\n") == real.read_bytes().count(b"\r\n") == WHOLE.count("\n") + 3
    assert main(["remove", "a"]) == 0
    assert real.read_bytes() == WHOLE.replace("\n", "\r\n").encode()


REFUSED = [
    (["add", "orders", "ssh", "h"], "hoopaddon.yaml: targets.orders: is there already"),
    (["add", "a b", "ssh", "h"], "targets.a b: is no name for a target"),
    (["add", "a", "oracle", "h"], "targets.a.protocol: there is no such protocol"),
    (
        ["add", "a", "postgres", "h", "--set", "user=u", "--set", "password=hunter2"],
        "targets.a.password: is not a ref",
    ),
    (["add", "a", "postgres", "h", "--set", "pasword=hunter2"], "targets.a.pasword: there is no such key\n  did you"),
    (["add", "a", "postgres", "h", "--set", "hunter2"], "--set takes NAME=VALUE"),
    (["add", "a", "postgres", "h", "--set", "address=x"], "--set address: is given twice"),
    (
        ["add", "a", "ssh", "h", "--listen", "15432"],
        "targets.a.listen: is where orders (line 7) listens for postgres",
    ),
    (["add", "a", "ssh", "h: [x"], "targets.a.address: is no address"),
    (["remove", "nobody"], "hoopaddon.yaml: there is no target nobody\n  targets are orders, machine"),
    (["test", "nobody"], "hoopaddon.yaml: there is no target nobody\n  targets are orders, machine"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED, ids=range(len(REFUSED)))
def test_what_would_not_load_is_not_written(arguments: list[str], says: str, folder: Path) -> None:
    path = write(folder, WHOLE)
    with pytest.raises(ConfigError) as caught:
        main(arguments)
    assert str(caught.value).startswith(says)
    assert "hunter2" not in str(caught.value)
    assert path.read_text() == WHOLE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("targets: {a: {protocol: ssh, address: h}}\n", "is written in braces"),
        ("targets: [\n", "is not YAML"),
        ("target: {}\n", "there is no such key"),
        ("targets:\n  a: &x {protocol: ssh, address: h}\n  b: *x\n", "is not YAML: found undefined alias"),
    ],
)
def test_files_that_are_not_edited(text: str, says: str, folder: Path) -> None:
    path = write(folder, text)
    with pytest.raises(ConfigError, match=says):
        main(["remove", "a"])
    assert path.read_text() == text


def test_they_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, WHOLE)
    assert main(["list"]) == 0
    assert capsys.readouterr().out == (
        "name     protocol  address           listen\n"
        "orders   postgres  db.internal:5432  15432\n"
        "machine  ssh       10.0.0.5          2222\n"
    )
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["name"] == "machine"


def test_they_are_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "targets:\n  a: {protocol: postgres, address: '127.0.0.1:1', user: u, password: 'env:NOT_SET'}\n")
    assert main(["test", "a"]) == 1
    said = capsys.readouterr().out
    assert said == (
        "✗ a  127.0.0.1:1\n  hoopaddon.yaml:2: targets.a.password: environment variable NOT_SET is not set\n"
    )
