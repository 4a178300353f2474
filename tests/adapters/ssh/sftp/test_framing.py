"""Packets out of a stream, however it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.ssh.sftp.framing import Frame, Framing
from hoopaddon.adapters.ssh.sftp.requests import Write
from hoopaddon.adapters.ssh.sftp.responses import Data
from hoopaddon.adapters.ssh.sftp.wire import PACKET_LIMIT
from hoopaddon.errors import PeerError, Side
from tests.adapters.ssh.sftp import packets
from tests.adapters.ssh.sftp.packets import whole

CLIENT = [whole(data) for data, _ in packets.REQUESTS] + [Write(1, b"handle", 0, b"x" * 500).serialize()]
SERVER = [whole(data) for data, _ in packets.RESPONSES] + [Data(1, b"y" * 500).serialize(), Data(1, b"").serialize()]


def pieces(framing: Framing) -> list[bytes]:
    """The packets that can be taken now, each in as many pieces as it comes in."""
    found: list[bytes] = []
    while (piece := framing.take()) is not None:
        found.append(piece.data if isinstance(piece, Frame) else bytes(piece))
    return found


@pytest.mark.parametrize(("side", "stream"), [("client", CLIENT), ("server", SERVER)])
def test_byte_by_byte(side: Side, stream: list[bytes]) -> None:
    framing = Framing(side)
    found: list[bytes] = []
    for byte in b"".join(stream):
        framing.feed(bytes([byte]))
        found += pieces(framing)
    assert b"".join(found) == b"".join(stream)
    assert not framing.in_body
    assert framing.waiting_bytes == 0


@given(st.lists(st.sampled_from(CLIENT)), st.data())
def test_cut_anywhere(stream: list[bytes], data: st.DataObject) -> None:
    text = b"".join(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    framing = Framing("client")
    kinds: list[int] = []
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        framing.feed(text[begin:end])
        while (piece := framing.take()) is not None:
            if isinstance(piece, Frame):
                kinds.append(piece.kind)
                assert piece.kind == piece.data[4]
    assert kinds == [packet[4] for packet in stream]


def test_the_contents_of_a_file_do_not_wait_for_their_end() -> None:
    packet = Write(1, b"h", 0, b"abcdef").serialize()
    framing = Framing("client")
    framing.feed(packet[:-4])
    assert framing.take() == Frame(6, packet[:-6], 6)
    assert pieces(framing) == [b"ab"]
    assert framing.in_body
    framing.feed(packet[-4:])
    assert pieces(framing) == [b"cdef"]
    assert not framing.in_body


@pytest.mark.parametrize(
    ("side", "data"),
    [
        ("client", b"\0\0\0\0\1"),
        ("client", (PACKET_LIMIT + 1).to_bytes(4) + b"\1"),
        ("server", b"\xff\xff\xff\xff\x65"),
        ("client", b"\0\0\0\5\6\0\0\0\1"),
        ("client", whole(b"\6\0\0\0\1\0\0\0\0" + b"\0" * 12)),
        ("client", whole(b"\6\0\0\0\1\0\0\1\1" + b"\0" * 300)),
        ("client", whole(b"\6\0\0\0\1\0\0\0\1h" + b"\0" * 8 + b"\0\0\0\2a")),
        ("client", whole(b"\6\0\0\0\1\0\0\0\1h" + b"\0" * 8 + b"\0\0\0\0a")),
        ("client", whole(b"\6\0\0\0\1\0\0\0\1h\0\0\0\0\0\0\0")),
        ("server", whole(b"\x67\0\0\0\1\0\0\0\4abc")),
        ("server", whole(b"\x67\0\0\0\1\0\0\0\2abc")),
    ],
)
def test_what_cannot_be_a_packet(side: Side, data: bytes) -> None:
    framing = Framing(side)
    framing.feed(whole(b"\x65") + data)
    framing.take()
    with pytest.raises(PeerError) as caught:
        framing.take()
    assert caught.value.side == side
    assert caught.value.offset == 5


def test_a_big_packet_is_taken_whole() -> None:
    packet = whole(b"\x68" + b"x" * (PACKET_LIMIT - 1))
    framing = Framing("server")
    for at in range(0, len(packet), 32768):
        framing.feed(packet[at : at + 32768])
    assert framing.take() == Frame(0x68, packet)
