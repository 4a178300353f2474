"""Messages come out whole, whatever the pieces that their bytes come in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.protocol.codec import message
from hoopaddon.adapters.postgres.protocol.framing import Framing
from hoopaddon.errors import PeerError

MESSAGES = st.lists(st.builds(message, st.sampled_from([b"Q", b"d", b"X"]), st.binary(max_size=40)), max_size=8)


def drained(framing: Framing) -> list[bytes]:
    return list(iter(framing.next, None))


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=12))
def test_any_cut_gives_the_same_messages(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    borders = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    framing = Framing("client", 1000)
    found = []
    for start, end in pairwise(borders):
        framing.feed(stream[start:end])
        found += drained(framing)
    assert found == messages
    assert framing.pending == 0


@given(MESSAGES)
def test_what_is_put_back_comes_again(messages: list[bytes]) -> None:
    framing = Framing("client", 1000)
    framing.feed(b"".join(messages))
    found = []
    while (first := framing.next()) is not None:
        framing.put_back(first)
        assert framing.next() == first
        found.append(first)
    assert found == messages


def test_half_a_message_waits() -> None:
    framing = Framing("client", 1000)
    framing.feed(message(b"Q", b"abc")[:-1])
    assert framing.next() is None
    assert framing.pending == 7
    framing.feed(b"c" + message(b"S"))
    assert drained(framing) == [message(b"Q", b"abc"), message(b"S")]


@pytest.mark.parametrize("length", [b"\0\0\0\3", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\0\0\0", b"\0\0\3\xe9"])
def test_an_impossible_length_is_the_peers_fault(length: bytes) -> None:
    framing = Framing("client", 1000)
    framing.feed(b"Q" + length)
    with pytest.raises(PeerError, match="impossible length") as caught:
        framing.next()
    assert (caught.value.side, caught.value.limit) == ("client", 1000)
