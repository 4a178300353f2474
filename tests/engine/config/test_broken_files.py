"""Broken files of configuration: exactly what is said of each, with its line, and no word of what may be a secret."""

from pathlib import Path

import pytest

from hoopaddon.config.document import LIMIT_BYTES
from hoopaddon.config.layers import read_config
from hoopaddon.config.sections import SECTIONS, read_text
from hoopaddon.credential import check_reference
from hoopaddon.errors import ConfigError

POLICIES = Path(__file__).parents[3] / "addons"
TABLE = (Path(__file__).with_name("broken_files.txt")).read_text().split("=====\n")
"""Files and what is wrong with them, with `-----` between the two. «…» stands for what other sections may change."""


def references() -> str:
    with pytest.raises(ConfigError) as e:
        check_reference("")
    return e.value.hint.removeprefix("write ")


def problems(text: str, path: Path) -> str:
    try:
        return "\n".join(map(str, read_text(text, path, "hoopaddon.yaml").problems))
    except ConfigError as e:
        return str(e)


@pytest.mark.parametrize("case", TABLE, ids=range(1, len(TABLE) + 1))
def test_what_is_wrong_is_said_with_its_line(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text, _, expected = case.partition("\n-----\n")
    expected = expected.replace("«sections»", ", ".join(sorted(SECTIONS)))
    expected = expected.replace("«policies»", ", ".join(sorted(path.name for path in POLICIES.glob("[!_]*.py"))))
    expected = expected.replace("«references»", references()).replace("«folder»", str(tmp_path))
    said = problems(text + "\n", tmp_path / "hoopaddon.yaml")
    assert said == expected.rstrip("\n")
    assert "hunter2" not in said


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 80


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = "targets:\n  a:\n    protocol: postgre\n  b:\n    protocol: ssh\n    port: 3\naddon: []\n"
    assert [
        line.partition(": ")[0] for line in problems(text, tmp_path / "h.yaml").splitlines() if line[0] != " "
    ] == [
        "hoopaddon.yaml:3",
        "hoopaddon.yaml:6",
        "hoopaddon.yaml:4",
        "hoopaddon.yaml:7",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: \xff\n", "h.yaml:1: is not UTF-8 text"),
        (b"options:\n  a: \x07\n", "h.yaml: is not YAML"),
        (b"a: " + b"x" * LIMIT_BYTES, f"h.yaml: is longer than {LIMIT_BYTES} bytes"),
        (b"[" * 50_000, "h.yaml: is nested too deeply"),
    ],
)
def test_what_is_no_yaml_at_all(content: bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "h.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as e:
        read_config("h.yaml")
    assert str(e.value).startswith(says)


def test_a_file_that_is_not_there_or_that_everybody_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_config(None) is None
    with pytest.raises(ConfigError, match=r"^h\.yaml: is not there$"):
        read_config("h.yaml")
    Path("h.yaml").write_text("targets: {}\n")
    assert read_config("h.yaml") is not None
    Path("h.yaml").chmod(0o666)
    with pytest.raises(ConfigError, match=r"^h\.yaml: everybody can write it\n  chmod o-w h\.yaml$"):
        read_config("h.yaml")
