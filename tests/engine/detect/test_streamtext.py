"""Masks in programs' output and on terminals: found through colours, and never in a control sequence."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.detect import StreamMask, StreamState, finder, redacted
from hoopaddon.escapes import CONTROL_SEQUENCE

FINDER = finder(frozenset({"email", "card", "phone", "private_key"}))
SEQUENCE = re.compile(CONTROL_SEQUENCE)


def no_json(_: str) -> None:
    return None


MASK = StreamMask(FINDER, redacted, no_json)


def terminal(*pieces: str, columns: int = 0) -> str:
    state = StreamState(columns=columns)
    return "".join(MASK.terminal(piece, state) for piece in pieces)


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("mail ann@example.com\r\n", "mail [email]\r\n"),
        ("ann\x1b[01;31m\x1b[K@exam\x1b[m\x1b[Kple.com\r\n", "[email]\x1b[01;31m\x1b[K\x1b[m\x1b[K\r\n"),
        ("\x1b[1mann@example.com\x1b[0m", "\x1b[1m[email]\x1b[0m"),
        ("4111 1111 \x1b[7m1111\x1b[0m 1111", "[card]\x1b[7m\x1b[0m"),
        ("ann@exampl \re.com here", "[email] here"),
        ("\x1b]0;ann@example.com\x07$ ", "$ "),
        ("\x1b]0;me@host\x07$ ", "\x1b]0;me@host\x07$ "),
        ("\x1b[2;5Hann@example.com\x1b[3;1Hx", "\x1b[2;5H[email]        \x1b[3;1Hx"),
        ("a@b\x1b[5;5Hc.com", "a@b\x1b[5;5Hc.com"),
        ("4111\r1111\r1111\r1111", "4111\r1111\r1111\r1111"),
        ("no value \x1b[32mhere\x1b[0m\r\n", "no value \x1b[32mhere\x1b[0m\r\n"),
    ],
)
def test_values_are_found_between_control_sequences(sent: str, seen: str) -> None:
    assert terminal(sent) == seen


def test_a_line_that_fills_the_width_goes_on() -> None:
    assert terminal("012345678 ann@exampl\r\ne.com\r\n", columns=20) == "012345678 [email]\r\n\r\n"
    assert terminal("012345678 ann@exampl\r\ne.com\r\n", columns=30) == "012345678 ann@exampl\r\ne.com\r\n"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["ann@example.com", "\x1b[1m", "\x1b[0m", "\x1b[3;4H", "\r\n", "x ", "\x1b]0;t\x07", "é", "@"]
        ),
        max_size=12,
    ).map("".join)
)
def test_control_sequences_stay_whole_and_in_order(sent: str) -> None:
    seen = terminal(sent)
    assert SEQUENCE.findall(seen) == SEQUENCE.findall(sent)
    assert "ann@example.com" not in seen


KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nAAAABG5vbmU=\n"
    "-----END OPENSSH PRIVATE KEY-----\nafter\n"
)


@pytest.mark.parametrize("kind", ["lines", "terminal"])
def test_a_private_key_is_hidden_however_it_is_cut(kind: str) -> None:
    for cut in range(len(KEY) - len("after\n") - 1):
        if cut and KEY[cut - 1] != "\n":
            continue
        state = StreamState()
        mask = getattr(MASK, kind)
        seen = mask(KEY[:cut], state) + mask(KEY[cut:], state)
        assert "b3Bl" not in seen
        assert "AAAABG5" not in seen
        assert seen.endswith("after\n")


def test_a_key_that_never_ends_does_not_hide_for_ever() -> None:
    state = StreamState()
    seen = MASK.lines("-----BEGIN PRIVATE KEY-----\n", state)
    for _ in range(1000):
        seen += MASK.lines("some words of a text\n" * 10, state)
    assert "some words" in seen
    assert not hasattr(state, "__dict__")


def test_lines_that_are_json_stay_json() -> None:
    mask = StreamMask(FINDER, redacted, lambda line: "{}" if line.startswith("{") else None)
    seen = mask.lines('{"a": "\\u0040"}\nann@example.com \\ "\n', StreamState())
    assert seen == '{}\n[email] \\ "\n'
