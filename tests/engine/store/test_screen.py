"""Words that were on a screen, however they were drawn there."""

import pytest

from hoopaddon.store.screen import BLOCK_CHARS, complete, words_of


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("plain\nlines\n", "plain\nlines\n"),
        ("\x1b[1;31mre\x1b[0md\r\n", "red"),
        ("\x1b]0;a title\x07$ ls\r\n", "$ ls"),
        ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\\r\n", "link"),
        ("\x1bP1$r0m\x1b\\after\r\n", "after"),
        ("teh\b\b\x1b[Khe\r\n", "the"),
        ("ab\b \bc\r\n", "ac"),
        ("cat\b\b\bX\x1b[3D\x1b[Cy\r\n", "Xyt"),
        ("ac\x1b[D\x1b[@b\r\n", "abc"),
        ("abxc\x1b[2D\x1b[P\r\n", "abc"),
        ("10%\r20%\r\n", "10%\n20%"),
        ("\x1b[2J\x1b[Hone\x1b[5;10Htwo", "one\ntwo"),
        ("a\tb\b \r\n", "a"),
        ("\x9b31mre\x9b0md\b\x1b[1mD\r\n", "reD"),
        ("\x1b[99999999999999C\x1b(Bx\r\n", " " * BLOCK_CHARS + "x"),
        ("\x1b", ""),
    ],
)
def test_words_are_read_as_they_are_seen(sent: str, read: str) -> None:
    assert words_of(sent) == read


def test_a_line_waits_for_its_end() -> None:
    assert complete("one\ntwo") == ("one\n", "two")
    assert complete("two") == ("", "two")


def test_what_never_ends_waits_for_no_more_than_a_block() -> None:
    ended, rest = complete("x" * (BLOCK_CHARS + 1) + "\x1b[3")
    assert (len(ended), rest) == (BLOCK_CHARS + 1, "\x1b[3")
    assert complete("\x1b" * (BLOCK_CHARS + 1))[0]
