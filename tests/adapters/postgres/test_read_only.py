"""A session that a policy wants to be read only, and a client that sends everything in one packet."""

import pytest

from tests.adapters.postgres.wire import SYNC, Wire, bind, errors, execute, parse, query, run
from tests.conftest import StartGateway
from tests.servers.postgres import TRUSTED, Database

ASKS = """
from hoopaddon import Session

def session_start(session: Session) -> None:
    session.read_only = True
"""
FUNCTIONS = f"""
GRANT ALL ON orders TO {TRUSTED};
CREATE FUNCTION sneaks() RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('default_transaction_read_only', 'off', false) $$;
CREATE FUNCTION writes() RETURNS void LANGUAGE sql AS $$ DELETE FROM orders $$;
"""
READ_ONLY = "25006"
SNEAKS, WRITES = "SELECT sneaks()", "SELECT writes()"


@pytest.mark.parametrize(
    "packet",
    [
        query(SNEAKS) + query(WRITES),
        query(SNEAKS) + run(WRITES) + SYNC,
        run(SNEAKS) + SYNC + query(WRITES),
        run(SNEAKS) + SYNC + run(WRITES) + SYNC,
        run(SNEAKS) + SYNC + SYNC + run(WRITES) + SYNC,
        parse("w", WRITES) + SYNC + query(SNEAKS) + bind("", "w") + execute() + SYNC,
        parse("w", WRITES) + run(SNEAKS) + SYNC + bind("p", "w") + execute("p") + SYNC,
        query("BEGIN") + query(SNEAKS) + query("COMMIT") + query(WRITES),
        query("RESET ALL; BEGIN") + query(WRITES),
        query(f"{SNEAKS}; SELECT 1/0") + query(f"{SNEAKS}; BEGIN; SAVEPOINT a") + query(WRITES),
        query("COPY orders TO STDOUT; RESET ALL") + query(WRITES),
    ],
)
def test_what_one_message_turns_off_is_on_again_for_the_next(
    gateway: StartGateway, database: Database, packet: bytes
) -> None:
    database.execute(FUNCTIONS)
    proxy = gateway(database.server, scripts=[ASKS])
    with Wire(proxy.port, database.name) as wire:
        wire.send(packet)
        found: list[str] = []
        while READ_ONLY not in found:
            found += errors(wire.until_ready())
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]
