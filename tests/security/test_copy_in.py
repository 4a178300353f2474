"""A client that lets the gateway lose count of the answers."""

import contextlib

import pytest

from tests.adapters.postgres.wire import SYNC, Wire, bind, errors, execute, message, parse, query, status
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

SECRET = "COPY (SELECT 'amara@example.com') TO STDOUT (FORMAT csv, ESCAPE '@', FORCE_QUOTE *)"
DECOY = "COPY (SELECT 'harmless') TO STDOUT"
SLOW = "COPY (SELECT pg_sleep(0.3)) TO STDOUT"


def test_copy_data_is_unescaped_before_it_is_searched(guarded: Gateway, database: Database) -> None:
    with Wire(guarded.port, database.name) as wire:
        wire.query(SECRET)
    assert b"amara" not in wire.received


def test_a_sync_in_copy_data_does_not_shift_the_answers(guarded: Gateway, database: Database) -> None:
    database.execute("CREATE TABLE numbers (id int); GRANT ALL ON numbers TO public")
    with Wire(guarded.port, database.name) as wire:
        wire.send(query("COPY numbers FROM STDIN"))
        wire.until("G")
        wire.send(message("d", b"bad\n"), SYNC, message("c"), query(SECRET), query(DECOY), query(SLOW))
        wire.socket.settimeout(3)
        # A session that goes on is as good as one that is ended.
        with contextlib.suppress(TimeoutError):
            wire.until_end()
    assert b"amara" not in wire.received


@pytest.mark.parametrize(
    "behind", [execute("", 1) + SYNC, parse("", "SELECT 1") + bind() + execute() + SYNC], ids=["execute", "parse"]
)
def test_words_of_a_copy_hold_nobody_up(guarded: Gateway, database: Database, behind: bytes) -> None:
    with Wire(guarded.port, database.name) as wire:
        wire.socket.settimeout(3)
        answers = wire.ask(
            parse("", "SELECT 'copy from stdin' FROM generate_series(1, 3)"), bind(), execute("", 1), behind
        )
    assert errors(answers) == []


def test_every_sync_behind_the_words_of_a_copy_is_answered(guarded: Gateway, database: Database) -> None:
    with Wire(guarded.port, database.name) as wire:
        wire.socket.settimeout(3)
        wire.ask(parse("", "SELECT 'copy from stdin'"), bind(), execute(), SYNC, SYNC)
        assert status(wire.until_ready()) == "I"
