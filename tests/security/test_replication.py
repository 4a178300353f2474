"""Replication connections, where they are allowed."""

from tests.adapters.postgres.wire import Wire, rows
from tests.conftest import StartGateway
from tests.servers.postgres import Database


def test_allowing_replication_does_not_allow_sql(gateway: StartGateway, database: Database) -> None:
    database.server.execute("ALTER ROLE trusteduser REPLICATION")
    try:
        running = gateway(
            database.server, scripts=["mask_pii.py", "block_destructive.py"], settings={"allow": "replication"}
        )
        try:
            with Wire(running.port, database.name, replication="database") as wire:
                assert rows(wire.query("SELECT 'amara@' || 'example.com'")) != [["amara@example.com"]]
        except (ConnectionError, EOFError):
            # Refused as a whole: just as well.
            pass
    finally:
        database.server.execute("ALTER ROLE trusteduser NOREPLICATION")
