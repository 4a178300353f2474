"""Every packet both ways: whole, cut short, with something behind it; and whatever Hypothesis makes up."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.ssh.sftp import requests, responses, wire
from hoopaddon.adapters.ssh.sftp.requests import EXTENSIONS, REQUESTS, Request, Unknown, read_init, read_request
from hoopaddon.adapters.ssh.sftp.responses import RESPONSES, Response, Status, read_response, read_version
from hoopaddon.adapters.ssh.sftp.wire import Attributes, Name, Packet, Reader
from hoopaddon.errors import PeerError
from tests.adapters.ssh.sftp import packets
from tests.adapters.ssh.sftp.packets import ID, extended, whole


@pytest.mark.parametrize(("data", "request_"), packets.REQUESTS)
def test_requests(data: bytes, request_: Request) -> None:
    assert read_request(whole(data)) == request_
    assert request_.serialize() == whole(data)


@pytest.mark.parametrize(("data", "response"), packets.RESPONSES)
def test_responses(data: bytes, response: Response) -> None:
    assert read_response(whole(data)) == response
    assert response.serialize() == whole(data)


def test_the_tables_have_every_packet() -> None:
    said = {type(request) for _, request in packets.REQUESTS}
    assert said == {*REQUESTS.values(), *EXTENSIONS.values()}
    assert {type(response) for _, response in packets.RESPONSES} == set(RESPONSES.values()) - {
        responses.ExtendedReply
    }


@pytest.mark.parametrize("data", [data for data, _ in packets.REQUESTS])
def test_a_request_that_is_cut_short_or_goes_on(data: bytes) -> None:
    name_end = 9 + int.from_bytes(data[5:9]) if data[0] == requests.EXTENDED else 1
    for length in range(name_end, len(data)):
        with pytest.raises(PeerError, match="ends before") as caught:
            read_request(whole(data[:length]))
        assert caught.value.side == "client"
    with pytest.raises(PeerError, match=r"goes on after|ends before"):
        read_request(whole(data + b"\0"))


@pytest.mark.parametrize("data", [data for data, _ in packets.RESPONSES])
def test_a_response_that_is_cut_short_or_goes_on(data: bytes) -> None:
    for length in range(1, len(data)):
        with pytest.raises(PeerError) as caught:
            read_response(whole(data[:length]))
        assert caught.value.side == "server"
    with pytest.raises(PeerError):
        read_response(whole(data + b"\0"))


def test_the_first_packets() -> None:
    assert read_init(whole(b"\1\0\0\0\3")) == requests.Init(3)
    assert read_init(whole(b"\1\0\0\0\6\0\0\0\1a\0\0\0\1b")) == requests.Init(6, ((b"a", b"b"),))
    assert read_version(whole(b"\2\0\0\0\3\0\0\0\1a\0\0\0\0")) == responses.ServerVersion(3, ((b"a", b""),))
    for wrong in (b"\2\0\0\0\3", b"\1\0\0\0", b"\1\0\0\0\3\0\0\0\1a"):
        with pytest.raises(PeerError):
            read_init(whole(wrong))
    with pytest.raises(PeerError):
        read_version(whole(b"\1\0\0\0\3"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x15" + ID, "packet type 21"),
        (b"\xc9" + ID, "packet type 201"),
        (extended(b"vendor-id", b"what\0ever"), "extension 'vendor-id'"),
        (extended(b"\xff\n", b""), "extension '\ufffd\\n'"),
    ],
)
def test_what_is_not_known_is_named(data: bytes, what: str) -> None:
    assert read_request(whole(data)) == Unknown(9, what)


@pytest.mark.parametrize(
    "data",
    [
        b"\x09" + ID + packets.PATH + b"\0\0\0\x10",
        b"\4" + ID + b"\0\0\0\0",
        b"\4" + ID + b"\0\0\1\1" + b"h" * 257,
        b"\x0a" + ID + packets.HANDLE + b"\x80\0\0\0\xff\xff\xff\xff",
        b"\x15",
    ],
)
def test_what_version_3_does_not_have(data: bytes) -> None:
    with pytest.raises(PeerError):
        read_request(whole(data))


@pytest.mark.parametrize(
    "data", [b"\x66" + ID + b"\0\0\1\1" + b"h" * 257, b"\x68" + ID + b"\xff\xff\xff\xff", b"\1" + ID]
)
def test_what_no_server_sends(data: bytes) -> None:
    with pytest.raises(PeerError):
        read_response(whole(data))


def test_a_status_in_words_is_not_the_servers() -> None:
    assert Status(1, 2, b"/secret/path").words == "no such file"
    assert Status(1, 99, b"/secret/path").words == "status 99"


TEXT = st.binary(max_size=20)
NUMBER = st.integers(0, 0xFFFFFFFF)
PAIR = st.tuples(NUMBER, NUMBER)
ATTRIBUTES = st.builds(
    Attributes,
    st.none() | st.integers(0, (1 << 64) - 1),
    st.none() | PAIR,
    st.none() | NUMBER,
    st.none() | PAIR,
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
)
VALUES: dict[int, st.SearchStrategy[Any]] = {
    id(wire.NUMBER): NUMBER,
    id(wire.LONG): st.integers(0, (1 << 64) - 1),
    id(wire.TEXT): TEXT,
    id(wire.HANDLE): st.binary(min_size=1, max_size=256),
    id(wire.ATTRIBUTES): ATTRIBUTES,
    id(wire.NAMES): st.lists(st.builds(Name, TEXT, TEXT, ATTRIBUTES), max_size=3).map(tuple),
    id(wire.REST): TEXT,
}
KINDS: list[type[Packet]] = [*REQUESTS.values(), *EXTENSIONS.values(), *RESPONSES.values()]


@st.composite
def any_packet(draw: st.DrawFn) -> Packet:
    kind = draw(st.sampled_from(KINDS))
    assert len(kind.layout) == len(fields(kind))
    return kind(*[draw(VALUES[id(field)]) for field in kind.layout])


@given(any_packet())
def test_there_and_back(packet: Packet) -> None:
    read = read_request if isinstance(packet, Request) else read_response
    assert read(packet.serialize()) == packet


@given(st.binary(max_size=60), st.sampled_from([*REQUESTS, requests.EXTENDED, *RESPONSES]))
def test_whatever_comes_is_read_or_blamed_on_its_sender(data: bytes, kind: int) -> None:
    for read in (read_request, read_response):
        try:
            found = read(whole(bytes([kind]) + data))
        except PeerError:
            continue
        assert isinstance(found, Unknown) or len(found.serialize()) == len(data) + 5


@given(any_packet(), st.data())
def test_a_mutated_packet_is_read_as_what_it_says(packet: Packet, data: st.DataObject) -> None:
    wrong = bytearray(packet.serialize())
    wrong[data.draw(st.integers(4, len(wrong) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = (read_request if isinstance(packet, Request) else read_response)(bytes(wrong))
    except PeerError:
        return
    assert isinstance(found, Unknown) or found.serialize() == bytes(wrong)


def test_a_reader_blames_its_side() -> None:
    with pytest.raises(PeerError) as caught:
        Reader("server", b"").uint32()
    assert caught.value.side == "server"
