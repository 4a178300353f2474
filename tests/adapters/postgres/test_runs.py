"""Runs of messages: both ways to follow them find the same, whatever a server sends."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.protocol.runs import byte_by_byte, each_ends_with, head_by_head, run_of
from hoopaddon.errors import PeerError

WAYS = (byte_by_byte, head_by_head, run_of)
type Way = Callable[[bytes, int, list[int]], int]


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_where_another_type_or_a_part_begins(way: Way) -> None:
    run = message(b"D", b"a") + message(b"D", b"") + message(b"D", b"x" * 300)
    for behind in (b"", b"D", b"D\0\0\0", message(b"C", b"D"), message(b"D", b"abc")[:-1], b"D\x7f\xff\xff\xff"):
        starts: list[int] = []
        assert way(b"skip" + run + behind, 4, starts) == 4 + len(run)
        assert starts == [0, 6, 11]
        assert way(run + behind, 11, starts) == len(run)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", [0, 3, -1, -(2**31)])
def test_a_length_that_no_message_has_is_the_servers_fault(way: Way, length: int) -> None:
    data = message(b"D", b"a") + b"D" + struct.pack("!i", length) + b"rest"
    with pytest.raises(PeerError) as caught:
        way(data, 0, [])
    assert caught.value.side == "server"


heads = st.builds(
    lambda kind, length, body: kind + struct.pack("!i", length) + body,
    st.sampled_from([b"D", b"d", b"\0"]),
    st.one_of(st.integers(4, 9), st.integers(-(2**31), 2**31 - 1)),
    st.binary(max_size=5),
)
messages = st.builds(message, st.sampled_from([b"D", b"d"]), st.binary(max_size=9))


@given(st.lists(st.one_of(messages, heads, st.binary(max_size=3)), max_size=8).map(b"".join), st.integers(0, 12))
def test_both_ways_find_the_same(data: bytes, position: int) -> None:
    found: list[tuple[int | str, list[int]]] = []
    for way in WAYS:
        starts: list[int] = []
        try:
            found.append((way(data, position, starts), starts))
        except PeerError as e:
            found.append((str(e), starts))
    assert found[0] == found[1] == found[2]


@given(st.lists(st.binary(max_size=3), max_size=6))
def test_whether_each_ends_with_a_byte(bodies: list[bytes]) -> None:
    data = b"".join(message(b"d", body) for body in bodies)
    starts: list[int] = []
    run_of(data, 0, starts)
    for last in b"\n\0\4":
        expected = bool(bodies) and all(message(b"d", body)[-1] == last for body in bodies)
        assert each_ends_with(data, starts, last) == expected
