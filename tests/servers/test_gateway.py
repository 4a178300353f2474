"""The gateway fixture runs the real program."""

import pytest

from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

REFUSE_DELETES = '''
"""Refuses to delete."""
from hoopaddon import Command, Refused

def command(command: Command) -> None:
    if "delete" in command.verbs:
        raise Refused("nothing is deleted here")
'''


def test_a_script_in_front_of_a_database(postgres: PostgresServer, database: Database, gateway: StartGateway) -> None:
    with gateway(postgres, scripts=[REFUSE_DELETES]).connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (48,)
        with pytest.raises(Exception, match="nothing is deleted here"):
            connection.execute("DELETE FROM orders")
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (48,)
    assert "DELETE FROM orders" not in database.logged()


def test_a_gateway_that_cannot_start_says_why(postgres: PostgresServer, gateway: StartGateway) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)exit 2.*--no-such-option"):
        gateway(postgres, arguments=["--no-such-option"])


def test_a_killed_gateway_may_start_again(postgres: PostgresServer, gateway: StartGateway) -> None:
    one: Gateway = gateway(postgres)
    one.kill()
    with one.start().connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
