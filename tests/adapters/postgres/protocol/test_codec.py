"""Every message as bytes and as a value: both ways, whole, cut short, and with something behind it."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.protocol import codec, login
from hoopaddon.adapters.postgres.protocol.codec import Bind, Diagnostics, Execute, Named, Notification, Parse
from hoopaddon.adapters.postgres.protocol.framing import Framing
from hoopaddon.adapters.postgres.protocol.login import BackendKeyData, CancelRequest, StartupMessage
from hoopaddon.errors import PeerError

# The payload of each message, without type byte and length, and what it says (documentation, section 54.7).
CLIENT: list[tuple[bytes, Callable[[bytes], Any], Any]] = [
    (b"\0SELECT 1\0\0\0", Parse.parse, Parse(b"", b"SELECT 1", ())),
    (b"s\0SELECT $1\0\0\2\0\0\0\x17\xff\xff\xff\xff", Parse.parse, Parse(b"s", b"SELECT $1", (23, 0xFFFFFFFF))),
    (b"\0\0\0\0\0\0\0\0", Bind.parse, Bind(b"", b"", (), (), ())),
    (
        b"p\0s\0\0\1\0\1\0\2\0\0\0\2ab\xff\xff\xff\xff\0\2\0\0\0\1",
        Bind.parse,
        Bind(b"p", b"s", (1,), (b"ab", None), (0, 1)),
    ),
    (b"\0\0\0\2\0\0\0\1\0\2\0\0\0\0\0\0\0\1x\0\0", Bind.parse, Bind(b"", b"", (0, 1), (b"", b"x"), ())),
    (b"Sname\0", Named.parse, Named(b"S", b"name")),
    (b"P\0", Named.parse, Named(b"P", b"")),
    (b"p\0\0\0\0\7", Execute.parse, Execute(b"p", 7)),
    (b"\0\xff\xff\xff\xff", Execute.parse, Execute(b"", -1)),
    (b"SELECT 1;\xc3\xa9\0", codec.query_text, b"SELECT 1;\xc3\xa9"),
    (b"\0", codec.query_text, b""),
    (
        b"\0\3\0\0user\0a\0database\0b\xff\0\0",
        StartupMessage.parse,
        StartupMessage(login.PROTOCOL_3_0, {"user": "a", "database": "b\udcff"}),
    ),
    (b"\0\3\0\2\0", StartupMessage.parse, StartupMessage(login.PROTOCOL_3_2, {})),
]
SERVER: list[tuple[bytes, Callable[[bytes], Any], Any]] = [
    (b"SERROR\0C42601\0Mno\0\0", Diagnostics.parse, Diagnostics({b"S": b"ERROR", b"C": b"42601", b"M": b"no"})),
    (b"\0", Diagnostics.parse, Diagnostics({})),
    (b"\0\0\0\7news\0text\0", Notification.parse, Notification(7, b"news", b"text")),
    (b"TimeZone\0UTC\0", codec.parameter_status, ("TimeZone", "UTC")),
    (b"\0\2\0\0\0\x17\0\0\0\x19", codec.parameter_types, (23, 25)),
    (b"SCRAM-SHA-256\0X\0\0", login.sasl_mechanisms, ["SCRAM-SHA-256", "X"]),
]
# These end where the message ends, so they can be cut short without being wrong.
OPEN_ENDED: list[tuple[bytes, Callable[[bytes], Any], Any]] = [
    (struct.pack("!ii", login.CANCEL_REQUEST, 7) + b"abcd", CancelRequest.parse, CancelRequest(7, b"abcd")),
    (b"\0\0\0\7" + b"k" * 32, BackendKeyData.parse, BackendKeyData(7, b"k" * 32)),
]
TABLE = [*CLIENT, *SERVER]


@pytest.mark.parametrize(("payload", "read", "expected"), [*TABLE, *OPEN_ENDED])
def test_read(payload: bytes, read: Callable[[bytes], Any], expected: object) -> None:
    assert read(payload) == expected


@pytest.mark.parametrize(("payload", "read", "_expected"), TABLE)
def test_a_message_that_is_cut_short_or_goes_on(
    payload: bytes, read: Callable[[bytes], Any], _expected: object
) -> None:
    for length in range(len(payload)):
        with pytest.raises(PeerError):
            read(payload[:length])
    for more in (b"\0", b"x", payload):
        with pytest.raises(PeerError):
            read(payload + more)


@pytest.mark.parametrize(("payload", "read", "_expected"), CLIENT)
def test_who_is_to_blame(payload: bytes, read: Callable[[bytes], Any], _expected: object) -> None:
    with pytest.raises(PeerError) as caught:
        read(payload[:-1])
    assert caught.value.side == "client"
    assert "SELECT" not in str(caught.value)


WRITTEN = [
    (Parse(b"s", b"SELECT $1", (23,)).serialize(), b"P", b"s\0SELECT $1\0\0\1\0\0\0\x17"),
    (Bind(b"p", b"s", (1,), (b"ab", None), (0, 1)).serialize(), b"B", CLIENT[3][0]),
    (Execute(b"p", 7).serialize(), b"E", b"p\0\0\0\0\7"),
    (codec.describe(b"S", b"name"), b"D", b"Sname\0"),
    (codec.close(b"P", b""), b"C", b"P\0"),
    (codec.query(b"SELECT 1"), b"Q", b"SELECT 1\0"),
    (codec.SYNC, b"S", b""),
    (codec.FLUSH, b"H", b""),
    (codec.TERMINATE, b"X", b""),
    (codec.ready_for_query(b"T"), b"Z", b"T"),
    (BackendKeyData(7, b"abcd").serialize(), b"K", b"\0\0\0\7abcd"),
    (Notification(7, b"news", b"text").serialize(), b"A", b"\0\0\0\7news\0text\0"),
    (login.sasl_offer(["A", "B"]), b"R", b"\0\0\0\x0aA\0B\0\0"),
    (login.authentication(login.Authentication.OK), b"R", b"\0\0\0\0"),
    (
        codec.error_response("ERROR", "42501", "no", detail="d", position=3),
        b"E",
        b"SERROR\0VERROR\0C42501\0Mno\0Dd\0P3\0\0",
    ),
]


@pytest.mark.parametrize(("message", "kind", "payload"), WRITTEN)
def test_write(message: bytes, kind: bytes, payload: bytes) -> None:
    assert message == kind + struct.pack("!i", len(payload) + 4) + payload


def test_write_what_begins_a_connection() -> None:
    startup = StartupMessage(login.PROTOCOL_3_0, {"user": "a", "database": "b\udcff"})
    assert startup.serialize() == struct.pack("!i", len(CLIENT[11][0]) + 4) + CLIENT[11][0]
    assert CancelRequest(7, b"abcd").serialize() == struct.pack("!iii", 16, login.CANCEL_REQUEST, 7) + b"abcd"


def test_an_error_of_our_own_holds_its_fields_together() -> None:
    """A zero byte in a reason would end its field, and what follows would be another one."""
    message = codec.error_response("ERROR", "42501", "no\0Cxxxxx", hint="h\0")
    assert Diagnostics.parse(message[5:]).fields == {
        b"S": b"ERROR",
        b"V": b"ERROR",
        b"C": b"42501",
        b"M": b"noCxxxxx",
        b"H": b"h",
    }


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        (Bind.parse, b"\0\0\0\1\0\2\0\0\0\0"),
        (Bind.parse, b"\0\0\0\2\0\0\0\0\0\1\0\0\0\0\0\0"),
        (Bind.parse, b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"),
        (Bind.parse, b"\0\0\0\0\0\1\x7f\xff\xff\xffx\0\0"),
        (Named.parse, b"Xname\0"),
        (CancelRequest.parse, struct.pack("!ii", login.CANCEL_REQUEST, 7) + b"abc"),
        (CancelRequest.parse, struct.pack("!ii", login.CANCEL_REQUEST, 7) + b"a" * 257),
        (BackendKeyData.parse, b"\0\0\0\7abc"),
    ],
)
def test_what_no_peer_may_say(read: Callable[[bytes], Any], payload: bytes) -> None:
    with pytest.raises(PeerError):
        read(payload)


NAMES = st.binary(max_size=20).map(lambda name: name.replace(b"\0", b""))
CODES = st.sampled_from([0, 1])
VALUES = st.lists(st.none() | st.binary(max_size=30), max_size=5)


@given(NAMES, NAMES, st.lists(st.integers(0, 0xFFFFFFFF), max_size=5))
def test_parse_both_ways(name: bytes, text: bytes, types: list[int]) -> None:
    parse = Parse(name, text, tuple(types))
    assert Parse.parse(parse.serialize()[5:]) == parse


@given(NAMES, NAMES, VALUES, st.lists(CODES, max_size=5), st.data())
def test_bind_both_ways(
    portal: bytes, statement: bytes, values: list[bytes | None], results: list[int], data: st.DataObject
) -> None:
    count = data.draw(st.sampled_from(sorted({0, 1, len(values)})))
    formats = tuple(data.draw(st.lists(CODES, min_size=count, max_size=count)))
    bind = Bind(portal, statement, formats, tuple(values), tuple(results))
    assert Bind.parse(bind.serialize()[5:]) == bind


@given(st.binary(max_size=200))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    for _, read, _ in [*TABLE, *OPEN_ENDED]:
        try:
            read(noise)
        except PeerError:
            continue


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 9), max_size=6))
def test_a_stream_in_any_pieces_is_the_same_messages(payloads: list[bytes], sizes: list[int]) -> None:
    messages = [codec.message(b"d", payload) for payload in payloads]
    stream = b"".join(messages)
    framing = Framing("client", 1000)
    found = []
    position = number = 0
    while position < len(stream):
        size = sizes[number % len(sizes)] if sizes else len(stream)
        framing.feed(stream[position : position + size])
        position, number = position + size, number + 1
        while (message := framing.next()) is not None:
            found.append(message)
    assert found == messages
    assert framing.pending == 0
