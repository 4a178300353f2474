"""A recorded screen draws on the terminal of who looks at it, and does nothing else to it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.cli.screen_filter import ScreenFilter

DRAWING = [
    "plain text, grün €, 漢字 🙂\r\n\t\b",
    "\x1b[1;38;5;196mred\x1b[0m\x1b[38:2::1:2:3m",
    "\x1b[2J\x1b[H\x1b[10;20H\x1b[K\x1b[1K\x1b[3A\x1b[5P\x1b[2@\x1b[4L\x1b[M\x1b[3X\x1b[2S\x1b[T\x1b[9b",
    "\x1b[?1049h\x1b[?25l\x1b[1;24r\x1b[?1049l\x1b[?25h\x1b[?7l\x1b[?2026h\x1b[?2026l\x1b[4h\x1b[4l",
    "\x1b7\x1b8\x1bD\x1bM\x1bE\x1bH\x1b(0lqk\x1b(B\x0e\x0f\x1b#8\x1b[s\x1b[u\x1b[2 q",
]

HARMFUL = {
    "device attributes": "\x1b[c\x1b[0c\x1b[>c\x1b[=c\x1bZ\x9ac",
    "status reports": "\x1b[5n\x1b[6n\x1b[?6n\x1b[?15n",
    "window reports and changes": "\x1b[21t\x1b[8;200;200t\x1b[3;0;0t\x1b[14t",
    "terminal parameters": "\x1b[x\x1b[1x",
    "modes asked for": "\x1b[?25$p\x1b[4$p",
    "a checksum of the screen": "\x1b[1;1;1;1;24;80*y",
    "settings asked for": "\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
    "a title": "\x1b]0;owned\x07\x1b]2;owned\x1b\\\x1b]l owned\x1b\\\x1bkowned\x1b\\",
    "a title of tmux in 8 bits": "\x9d0;owned\x9c",
    "the clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "colours asked for": "\x1b]4;1;?\x07\x1b]10;?\x1b\\\x1b]11;?\x1b\\",
    "a font": "\x1b]50;#3\x07",
    "a hyperlink": "\x1b]8;;file:///etc/passwd\x1b\\\x1b]8;;\x1b\\",
    "a file": "\x1b]1337;File=name=eA==;inline=1:AAAA\x07",
    "the mouse": "\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1006h\x1b[?1015h\x1b[?1004h",
    "bracketed paste and other keys": "\x1b[?2004h\x1b[?1h\x1b=\x1b>\x1b[>4;2m\x1b[>1u\x1b[=1u\x1b[?u",
    "answer back, and the bell": "\x05\x07",
    "flow control and nothing": "\x11\x13\x00\x7f",
    "other character sets": "\x1b%G\x1b%@\x1bn\x1bo\x1b|\x1b}\x1b~",
    "wide and high lines": "\x1b#3\x1b#4\x1b#6",
    "columns": "\x1b[?3h\x1b[?40h\x1b[?5h",
    "what has scrolled away": "\x1b[3J",
    "the printer": "\x1b[5i\x1b[?5i\x1b[i",
    "a picture": "\x1bPq#0;2;0;0;0#0~~\x1b\\\x1b_Ga=T,f=24;AAAA\x1b\\",
    "privacy messages": "\x1b^secret\x1b\\\x1bXsecret\x1b\\",
    "macros and keys": "\x1bP0;1|17/17\x1b\\\x1b[?26n",
    "locked keyboards": "\x1b[2h\x1b[12h",
    "an unknown sequence": "\x1b[1;2;3y\x1b[5'z\x1b[1\x1b[<0;1;1M",
}


@pytest.mark.parametrize("text", DRAWING)
def test_what_draws_passes_as_it_is(text: str) -> None:
    assert ScreenFilter().feed(text) == text


@pytest.mark.parametrize("name", HARMFUL)
def test_what_does_more_does_not_pass(name: str) -> None:
    left = ScreenFilter().feed(f"before{HARMFUL[name]}\x1b[0mafter")
    assert left.replace("\x1b[0m", "") in ("beforeafter", "beforecafter"), repr(left)


@pytest.mark.parametrize("name", HARMFUL)
def test_it_does_not_pass_in_pieces_either(name: str) -> None:
    screen = ScreenFilter()
    left = "".join(screen.feed(char) for char in f"before{HARMFUL[name]}\x1b[0mafter")
    assert left == ScreenFilter().feed(f"before{HARMFUL[name]}\x1b[0mafter")


def test_modes_are_taken_one_by_one() -> None:
    assert ScreenFilter().feed("\x1b[?1049;1000;25h") == "\x1b[?1049;25h"


def test_counts_have_bounds() -> None:
    assert ScreenFilter().feed("x\x1b[99999999999b") == "x\x1b[9999b"
    assert "\x1b" not in ScreenFilter().feed(f"\x1b[{'1;' * 100}H|")


def test_a_string_that_never_ends_takes_no_memory_and_ends_with_the_next_sequence() -> None:
    screen = ScreenFilter()
    assert screen.feed("\x1b]0;" + "x" * 100_000) == ""
    assert screen._held == ""
    assert screen.feed("\x1b[1mback") == "\x1b[1mback"


def test_a_full_reset_keeps_what_has_scrolled_away() -> None:
    left = ScreenFilter().feed("\x1bc")
    assert "\x1bc" not in left
    assert "\x1b[2J" in left


def test_lone_surrogates_become_a_mark() -> None:
    assert ScreenFilter().feed("a\udcffb") == "a\ufffdb"


def test_the_end_puts_a_terminal_right() -> None:
    screen = ScreenFilter()
    screen.feed("\x1b[?1049h\x1b[?25l\x1b[31m")
    assert screen.alternate
    right = screen.reset()
    assert right.startswith("\x1b[?1049l")
    assert all(part in right for part in ("\x1b[0m", "\x1b[?25h", "\x1b[r", "\x1b(B"))
    # Leaving a screen that was not entered would move the cursor.
    assert "1049" not in screen.reset()


SAFE = re.compile(
    r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]|[\b\t\n\v\f\r\x0e\x0f]"
    r"|\x1b(?:[78DEHM]|#8|\([AB0]|\)[AB0]|\[(?:[0-9;:]*[A-MPSTX@`abdefgmrsuhlZ]|\?[0-9;]*[hlJK]|!p|[0-6]? q))"
)


@given(st.lists(st.sampled_from([*"\x1b[]P?>;0159cnthlmJq\\\x07\x18\x9b\x9d (#$!", "\udc80", "x"]), max_size=60))
def test_nothing_else_ever_passes(pieces: list[str]) -> None:
    screen = ScreenFilter()
    left = "".join(screen.feed(piece) for piece in pieces)
    assert re.fullmatch(f"(?:{SAFE.pattern})*", left), repr(left)
