"""How a connection begins, in bytes: encryption requests, startup messages, cancel requests, and nonsense."""

import socket
import struct
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from demo.server import free_port
from tests.adapters.postgres.wire import (
    GSSENC_REQUEST,
    SSL_REQUEST,
    Message,
    Wire,
    errors,
    eventually,
    kinds,
    query,
    rows,
    startup,
)
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import TRUSTED, Database, PostgresServer

LOGIN = {"user": TRUSTED, "database": "postgres"}


def first(gateway: Gateway, *parts: bytes) -> list[Message]:
    """What a client gets that begins with these bytes and says no more."""
    with Wire(gateway.port, login=False) as wire:
        wire.send(*parts)
        return wire.until_end()


def cancel(process_id: int, secret: bytes) -> bytes:
    return struct.pack("!iii", 12 + len(secret), 80877102, process_id) + secret


# -- encryption


def test_gss_encryption_is_declined(strict: Gateway) -> None:
    with Wire(strict.port, login=False) as wire:
        wire.send(GSSENC_REQUEST)
        assert wire.socket.recv(1) == b"N"
        wire.send(startup(LOGIN))
        assert kinds(wire.until_ready()).endswith("KZ")


@pytest.mark.parametrize(
    "bad",
    [
        SSL_REQUEST + startup(LOGIN),
        SSL_REQUEST + b"Q\0\0\0\x0dSELECT 1\0",
        SSL_REQUEST + SSL_REQUEST,
        GSSENC_REQUEST * 5,
    ],
)
def test_bytes_ahead_of_their_encryption_are_refused(strict: Gateway, bad: bytes) -> None:
    """Whoever sits in between could have put them there (CVE-2021-23214)."""
    with Wire(strict.port, login=False) as wire:
        wire.send(bad)
        received = b""
        while data := wire.socket.recv(1 << 16):
            received += data
    assert b"Z\0\0\0\x05" not in received


def test_garbage_in_the_place_of_a_handshake(strict: Gateway) -> None:
    with Wire(strict.port, login=False) as wire:
        wire.send(SSL_REQUEST)
        assert wire.socket.recv(1) == b"S"
        wire.send(b"no handshake" * 100)
        while wire.socket.recv(1 << 16):
            pass
    with Wire(strict.port, login=False) as wire:
        wire.send(b"\x16\x03\x01\x00\x20" + b"x" * 32)
        while wire.socket.recv(1 << 16):
            pass
    with Wire(strict.port) as wire:
        assert rows(wire.query("SELECT 1")) == [["1"]]


# -- the startup message


@pytest.mark.parametrize(
    "bad",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        struct.pack("!i", 3),
        struct.pack("!i", -1),
        struct.pack("!ii", 8, 0x0002_0000),
        struct.pack("!ii", 8, 0x0004_0000),
        struct.pack("!ii", 9, 0x0003_0000) + b"\0",
        struct.pack("!ii", 13, 0x0003_0000) + b"user\0",
        startup({"user": "x" * 10_001}),
        startup({"database": "postgres"}),
        struct.pack("!ii", 8, 80877102),
        cancel(1, b"x" * 300),
    ],
    ids=repr,
)
def test_what_is_no_startup_message_is_refused(strict: Gateway, bad: bytes) -> None:
    answers = first(strict, bad)
    assert [(answer.kind, answer.fields["S"]) for answer in answers] == [("E", "FATAL")]


def test_a_startup_message_of_almost_ten_kilobytes(strict: Gateway) -> None:
    with Wire(strict.port, application_name="x" * 60, options="-c search_path=" + "a," * 4500 + "a") as wire:
        assert rows(wire.query("SHOW application_name")) == [["x" * 60]]


@pytest.mark.parametrize("value", ["database", "true", "on", "yes", "1", "t", "TRUE", "o"])
def test_replication_is_refused(strict: Gateway, value: str) -> None:
    (answer,) = first(strict, startup({**LOGIN, "replication": value}))
    assert (answer.code, answer.fields["S"]) == ("0A000", "FATAL")
    assert "replication" in answer.fields["M"]


@pytest.mark.parametrize("value", ["false", "off", "no", "0"])
def test_no_replication_is_no_replication(strict: Gateway, value: str) -> None:
    with Wire(strict.port, replication=value) as wire:
        assert rows(wire.query("SELECT 1")) == [["1"]]


@pytest.mark.parametrize("version", [0x0003_0002, 0x0003_270F])
def test_protocol_versions_are_negotiated_as_the_server_does(strict: Gateway, version: int) -> None:
    """3.2 has cancel keys of up to 256 bytes; 3.9999 exists to see what a server answers."""
    seen = []
    for port in (strict.upstream.port, strict.port):
        with Wire(port, login=False) as wire:
            wire.send(startup({**LOGIN, "_pq_.nonsense": "1"}, version))
            answers = wire.until_ready()
            key = next(answer.payload for answer in answers if answer.kind == "K")
            seen.append([(answer.kind, answer.payload) for answer in answers if answer.kind in "vRZ"])
            assert len(key) == 4 + 32
            assert rows(wire.query("SELECT 1")) == [["1"]]
    assert seen[0] == seen[1]


def test_what_the_server_announces_is_announced(strict: Gateway, database: Database) -> None:
    seen = []
    for port in (strict.upstream.port, strict.port):
        with Wire(port, login=False) as wire:
            wire.send(
                startup({**LOGIN, "database": database.name, "DateStyle": "German", "client_encoding": "LATIN1"})
            )
            seen.append([answer.payload for answer in wire.until_ready() if answer.kind in "RS"])
    assert seen[0] == seen[1]


def test_errors_of_the_login_are_the_servers(strict: Gateway) -> None:
    for parameters in ({"user": "nobody-here"}, {**LOGIN, "database": "nowhere"}, {**LOGIN, "nonsense": "1"}):
        direct = Wire(strict.upstream.port, login=False)
        with direct, Wire(strict.port, login=False) as ours:
            for wire in (direct, ours):
                wire.send(startup(parameters))
            theirs, answer = direct.next(), ours.next()
            assert answer is not None
            assert theirs is not None
            if theirs.kind == "E":
                assert answer.fields == theirs.fields
            else:
                assert (answer.kind, answer.payload[:4]) == (theirs.kind, theirs.payload[:4])


def test_a_login_in_pieces(strict: Gateway) -> None:
    with Wire(strict.port, login=False) as wire:
        for byte in GSSENC_REQUEST:
            wire.send(bytes([byte]))
        assert wire.socket.recv(1) == b"N"
        for byte in startup(LOGIN) + query("SELECT 1"):
            wire.send(bytes([byte]))
        assert kinds(wire.until_ready()).endswith("KZ")
        assert rows(wire.until_ready()) == [["1"]]


def test_a_client_that_leaves_at_any_point_of_its_login(strict: Gateway) -> None:
    login = GSSENC_REQUEST + startup(LOGIN)
    for length in range(len(login)):
        with Wire(strict.port, login=False) as wire:
            wire.send(login[:length])
    with Wire(strict.port) as wire:
        assert rows(wire.query("SELECT 1")) == [["1"]]


# -- cancel requests


def test_a_running_statement_is_canceled_with_the_gateways_own_key(strict: Gateway, database: Database) -> None:
    with Wire(strict.port, database.name) as wire:
        (backend,) = rows(wire.query("SELECT pg_backend_pid()"))[0]
        process_id, secret = struct.unpack("!i", wire.key[:4])[0], wire.key[4:]
        assert str(process_id) != backend

        def sleeping() -> bool:
            sql = f"SELECT 1 FROM pg_stat_activity WHERE pid = {backend} AND state = 'active'"
            return bool(database.execute(sql, "postgres"))

        wire.send(query("SELECT pg_sleep(30)"))
        eventually(sleeping)
        for wrong in (
            cancel(process_id, b"wrong key"[: len(secret)]),
            cancel(process_id + 1, secret),
            cancel(int(backend or 0), secret),
        ):
            assert first(strict, wrong) == []
        assert wire.silent()
        assert first(strict, cancel(process_id, secret)) == []
        assert errors(wire.until_ready()) == ["57014"]
        assert rows(wire.query("SELECT 1")) == [["1"]]


def test_a_key_is_not_good_after_its_session(strict: Gateway) -> None:
    with Wire(strict.port) as wire:
        key = wire.key
    with Wire(strict.port) as other:
        assert other.key != key
        assert first(strict, cancel(struct.unpack("!i", key[:4])[0], key[4:])) == []
        assert rows(other.query("SELECT 1")) == [["1"]]


# -- limits


def test_too_many_connections(postgres: PostgresServer, gateway: StartGateway) -> None:
    limited = gateway(postgres, options={"max_connections": 3})
    wires = [Wire(limited.port) for _ in range(3)]
    (answer,) = first(limited, startup(LOGIN))
    assert (answer.code, answer.fields["S"]) == ("53300", "FATAL")
    wires.pop().socket.close()

    def admitted() -> bool:
        try:
            wires.append(Wire(limited.port))
        except ConnectionError:
            return False
        return True

    eventually(admitted)
    for wire in wires:
        wire.socket.close()


def test_a_login_that_does_not_come(postgres: PostgresServer, gateway: StartGateway) -> None:
    hasty = gateway(postgres, options={"login_timeout": 1})
    (answer,) = first(hasty, startup(LOGIN)[:10])
    assert answer.fields["S"] == "FATAL"
    with Wire(hasty.port, login=False) as wire:
        wire.send(SSL_REQUEST)
        assert wire.socket.recv(1) == b"S"
        assert not wire.socket.recv(1 << 16).startswith(b"R")


def test_a_session_that_is_idle_for_too_long(postgres: PostgresServer, gateway: StartGateway) -> None:
    patient = gateway(postgres, options={"idle_timeout": 1})
    with Wire(patient.port) as wire:
        # Longer than the limit, but not idle.
        assert kinds(wire.query("SELECT pg_sleep(2.5)")) == "TDCZ"
        answers = wire.until_end()
    assert [(answer.kind, answer.code) for answer in answers] == [("E", "57P05")]


def test_a_target_that_cannot_be_reached(postgres: PostgresServer, tmp_path: Path) -> None:
    class Nobody:
        host, port = "127.0.0.1", free_port()

    with Gateway(cast(PostgresServer, Nobody), tmp_path) as lonely:
        (answer,) = first(lonely, startup(LOGIN))
        assert (answer.code, answer.fields["S"]) == ("08001", "FATAL")
        with socket.create_server(("127.0.0.1", Nobody.port)) as deaf, Wire(lonely.port, login=False) as wire:
            wire.send(startup(LOGIN))
            peer, _ = deaf.accept()
            peer.close()
            assert not errors(wire.until_end())


def test_backend_keys_are_all_different(strict: Gateway) -> None:
    wires = [Wire(strict.port) for _ in range(5)]
    keys = sorted(wire.key for wire in wires)
    assert all(one != other for one, other in pairwise(keys))
    for wire in wires:
        wire.socket.close()
