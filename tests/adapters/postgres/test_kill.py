"""`kill -9` of the gateway at any moment: whatever ran at the server is in the record."""

import contextlib
import json
import os
import random
import re
import threading
import time
from pathlib import Path

from tests.adapters.postgres.wire import SYNC, Wire, bind, execute, parse, query, run
from tests.conftest import StartGateway
from tests.servers import forked
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

MOMENTS = 20
CLIENTS = 4
MARK = re.compile(r"mark-(\d+-\d+-\d+)")


class Load:
    """Clients that send statements with a number each, as fast as they are answered, until they are cut off."""

    def __init__(self, gateway: Gateway, database: Database, round_number: int) -> None:
        self._gateway = gateway
        self._database = database
        self._round = round_number
        self.threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, client: int) -> None:
        with contextlib.suppress(OSError, EOFError), Wire(self._gateway.port, self._database.name) as wire:
            number = 0
            while True:
                number += 1
                mark = f"mark-{self._round}-{client}-{number}"
                match number % 3:
                    case 0:
                        wire.ask(query(f"SELECT '{mark}'"))
                    case 1:
                        wire.ask(run(f"INSERT INTO t VALUES ('{mark}')"), run(f"SELECT '{mark}b'"), SYNC)
                    case _:
                        wire.ask(parse("", "SELECT $1::text"), bind("", "", mark.encode()), execute(), SYNC)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def recorded(confdir: Path) -> str:
    """The session files as they lie there: what a killed gateway has left is not tidied up by anybody."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(confdir.rglob("*.jsonl")))


def test_every_statement_at_the_server_is_in_the_record(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    database.execute("CREATE TABLE t (a text); GRANT ALL ON t TO PUBLIC")
    moments = random.Random(4711)
    started = gateway(postgres, scripts=["record.py"])
    for round_number in range(MOMENTS):
        load = Load(started, database, round_number)
        time.sleep(moments.uniform(0.05, 0.5))
        started.kill()
        load.join()
        started.start()
    started.stop()
    at_the_server = set(MARK.findall("\n".join(database.logged()) + values(postgres)))
    in_the_record = set(MARK.findall(recorded(started.confdir)))
    assert len(at_the_server) > MOMENTS * CLIENTS
    assert at_the_server <= in_the_record, sorted(at_the_server - in_the_record)[:5]


def values(server: PostgresServer) -> str:
    """The bind values in the server's log."""
    return "\n".join(re.findall(r"(?:DETAIL|LOG):  [Pp]arameters: (.*)", server.log()))


def test_what_a_killed_gateway_leaves_is_readable(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    database.execute("CREATE TABLE t (a text); GRANT ALL ON t TO PUBLIC")
    started = gateway(postgres, scripts=["record.py"])
    load = Load(started, database, 0)
    time.sleep(0.4)
    started.kill()
    load.join()
    files = sorted(started.confdir.rglob("*.jsonl"))
    assert len(files) >= CLIENTS
    for path in files:
        *whole, last = path.read_bytes().split(b"\n")
        assert [json.loads(line) for line in whole]
        # A line that was being written is not whole, and nothing stands behind it.
        assert not last.endswith(b"\n")


def test_a_killed_gateways_sessions_are_found(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    started = gateway(postgres, scripts=["record.py"])
    with Wire(started.port, database.name) as wire:
        wire.ask(query("SELECT 'before the end'"))
        started.kill()
    started.start()
    with Wire(started.port, database.name) as wire:
        wire.ask(query("SELECT 'after the end'"))
    command = ["sessions", "search", "the end", "--json", "--confdir", str(started.confdir)]
    found = forked.run(command, cwd=started.folder, env=os.environ).stdout
    assert "before the end" in found
    assert "after the end" in found
