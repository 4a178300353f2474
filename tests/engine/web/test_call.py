"""A call of gRPC in pieces: what is judged is what may be sent, whatever the pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.web.call import Call

LIMIT_BYTES = 20


def frame(body: bytes) -> bytes:
    return b"\0" + len(body).to_bytes(4) + body


def judged(call: Call, pieces: list[bytes]) -> tuple[list[bytes | None], bytes]:
    """What is judged, and what is sent, of a call in these pieces."""
    seen: list[bytes | None] = []
    sent = b""
    for piece in [*pieces, None]:
        if piece is None:
            call.end()
        else:
            call.feed(piece)
        while call.advance():
            if call.objection:
                return seen, sent
            call.is_judged = True
            seen.append(call.body)
            sent += call.take()
        sent += call.take()
    return seen, sent


@given(st.lists(st.binary(max_size=LIMIT_BYTES), max_size=6), st.lists(st.integers(0, 200), max_size=8))
def test_all_that_is_sent_was_judged(messages: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(map(frame, messages))
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    call = Call(LIMIT_BYTES, may_be_unseen=False)
    seen, sent = judged(call, pieces)
    assert b"".join(part or b"" for part in seen) == sent == whole
    assert not call.objection
    assert len(seen) >= 1


@pytest.mark.parametrize("at", range(1, 10))
def test_a_message_that_does_not_end_is_not_sent(at: int) -> None:
    call = Call(LIMIT_BYTES, may_be_unseen=False)
    first = frame(b"a")
    seen, sent = judged(call, [first + frame(b"hello")[:at]])
    assert (seen, sent) == ([first], first)
    assert "middle of a message" in call.objection


@pytest.mark.parametrize("length", [LIMIT_BYTES + 1, 1 << 31, (1 << 32) - 1])
def test_a_message_that_is_too_long_is_not_waited_for(length: int) -> None:
    call = Call(LIMIT_BYTES, may_be_unseen=False)
    seen, sent = judged(call, [frame(b"a") + b"\0" + length.to_bytes(4)])
    assert (seen, sent) == ([frame(b"a")], frame(b"a"))
    assert "larger than" in call.objection


@given(st.lists(st.integers(0, 120), max_size=8))
def test_only_the_large_message_passes_unseen(cuts: list[int]) -> None:
    large = frame(b"L" * 60)
    whole = frame(b"a") + large + frame(b"b") + large
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    seen, sent = judged(Call(LIMIT_BYTES, may_be_unseen=True), pieces)
    assert sent == whole
    assert seen == [frame(b"a"), None, frame(b"b"), None]


def test_a_call_without_a_message_is_judged_once() -> None:
    assert judged(Call(LIMIT_BYTES, may_be_unseen=False), []) == ([b""], b"")


@pytest.mark.parametrize("flag", [2, 0x20, 0x7B, 0x80, 0xFF])
@pytest.mark.parametrize("may_be_unseen", [False, True])
def test_what_is_no_message_is_not_sent(flag: int, may_be_unseen: bool) -> None:
    call = Call(LIMIT_BYTES, may_be_unseen=may_be_unseen)
    seen, sent = judged(call, [frame(b"a") + bytes([flag]) + frame(b"x" * 60)[1:]])
    assert (seen, sent) == ([frame(b"a")], frame(b"a"))
    assert "no message of gRPC" in call.objection
