"""A client that lets the gateway lose count of the answers."""

import contextlib

from tests.adapters.postgres.wire import SYNC, Wire, message, query
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
