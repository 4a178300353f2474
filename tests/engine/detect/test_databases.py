"""Databases that are kept: used where they are what they say, and compiled anew where anything is not."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hoopaddon.detect import databases
from hoopaddon.detect.databases import database, keep_in

hyperscan = pytest.importorskip("hyperscan")

PATTERNS = [(n, b"word-%d" % n, 0) for n in range(40)]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where everything is kept, as soon as it is."""
    monkeypatch.setattr(databases, "WORTH_KEEPING_S", 0.0)
    keep_in(tmp_path)
    yield tmp_path / databases.FOLDER
    keep_in(None)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many patterns each compilation was of."""
    counts: list[int] = []
    compiling = databases._compiled

    def count(patterns: list[tuple[int, bytes, int]]) -> object:
        counts.append(len(patterns))
        return compiling(patterns)

    databases._engine()
    monkeypatch.setattr(databases, "_compiled", count)
    return counts


def matches(patterns: list[tuple[int, bytes, int]], data: bytes) -> list[int]:
    found: list[int] = []
    database(patterns).scan(data, lambda pattern, *_: found.append(pattern))
    return found


def the_one(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_it_is_compiled_once(kept: Path, compiled: list[int]) -> None:
    for _ in range(3):
        assert matches(PATTERNS, b"a word-17 b") == [1, 17]
    assert compiled == [40]
    assert the_one(kept).stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mode & 0o777 == 0o700


def test_other_patterns_flags_and_ids_are_another_one(compiled: list[int]) -> None:
    matches(PATTERNS, b"")
    assert matches([(n, pattern, hyperscan.HS_FLAG_CASELESS) for n, pattern, _ in PATTERNS], b"WORD-17") == [1, 17]
    assert matches([(n + 1, pattern, flags) for n, pattern, flags in PATTERNS], b"word-17") == [2, 18]
    assert matches(PATTERNS[:-1], b"word-39") == [3]
    assert len(compiled) == 4


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def opened(path: Path) -> None:
    path.chmod(0o660)


def of_others(path: Path) -> None:
    """That of other patterns, by this name."""
    content = path.read_bytes()
    path.unlink()
    matches([(n, b"other-%d" % n, 0) for n in range(40)], b"")
    other = the_one(path.parent)
    other.rename(path)
    assert path.read_bytes() != content


def linked(path: Path) -> None:
    aside = path.with_suffix(".aside")
    path.rename(aside)
    aside.chmod(0o644)
    path.symlink_to(aside)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_database(path: Path) -> None:
    """Whole, and what it says to be, but nothing that hyperscan would take."""
    mark, body = path.read_bytes()[:32], b"x" * 1000
    path.write_bytes(mark + hashlib.sha256(body).digest() + body)


@pytest.mark.parametrize("spoil", [cut, emptied, flipped, opened, of_others, linked, no_database, a_folder])
def test_what_is_not_as_it_was_kept_is_compiled_anew(
    kept: Path, compiled: list[int], caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    matches(PATTERNS, b"")
    spoil(the_one(kept))
    compiled.clear()
    with caplog.at_level(logging.WARNING):
        assert matches(PATTERNS, b"a word-17 b") == [1, 17]
    assert compiled == [40]
    assert "compiled anew" in caplog.text
    if spoil is not a_folder:
        # What was wrong is replaced.
        assert matches(PATTERNS, b"a word-17 b") == [1, 17]
        assert compiled == [40]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_not_used(kept: Path, compiled: list[int]) -> None:
    matches(PATTERNS, b"")
    os.chown(the_one(kept), 65_534, 65_534)
    matches(PATTERNS, b"")
    assert compiled == [40, 40]


def test_that_of_another_hyperscan_is_not_used(compiled: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    matches(PATTERNS, b"")
    monkeypatch.setattr(databases, "_engine", lambda: "another")
    matches(PATTERNS, b"")
    assert compiled == [40, 40]


def test_where_nothing_can_be_kept_it_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    keep_in(tmp_path / "file")
    assert matches(PATTERNS, b"word-17") == [1, 17]


def test_old_ones_go(kept: Path) -> None:
    for n in range(databases.MOST_KEPT + 3):
        matches([(n, b"only-%d" % n, 0)], b"")
    assert len(list(kept.iterdir())) == databases.MOST_KEPT


def test_what_is_quickly_compiled_is_not_kept(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "WORTH_KEEPING_S", 60.0)
    matches(PATTERNS, b"")
    assert not kept.exists()
