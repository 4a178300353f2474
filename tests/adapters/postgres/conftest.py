"""Gateways that many tests share: starting one costs a second."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.postgres.withholding import WITHHOLDS
from tests.servers.gateway import Gateway
from tests.servers.postgres import PostgresServer

POLICY = Path(__file__).parent / "policy.py"

SOON = {"shutdown_timeout": 2}
"""A test that failed may leave a command behind: nobody waits for it."""

LOOKS_AT_EVERYTHING = '''
"""Reads all there is to read, and changes nothing."""
from hoopaddon import Command, Output, Rows

def command(command: Command) -> None:
    str(command.verbs), str(command.objects), list(command.parameters)

def rows(rows: Rows) -> None:
    for column in range(len(rows.columns)):
        for row, text in enumerate(rows.texts(column)):
            rows.replace(row, column, text)

def output(output: Output) -> None:
    output.text = str(output.text)
'''


@pytest.fixture(scope="session")
def clear(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway without a policy in front of PostgreSQL 18."""
    with Gateway(postgres, tmp_path_factory.mktemp("clear"), options=SOON) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def looking(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that records everything and whose policy decodes everything, and changes nothing."""
    scripts = [LOOKS_AT_EVERYTHING, "record.py"]
    with Gateway(postgres, tmp_path_factory.mktemp("looking"), scripts=scripts, options=SOON) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def looking15(postgres15: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same in front of PostgreSQL 15."""
    scripts = [LOOKS_AT_EVERYTHING, "record.py"]
    with Gateway(postgres15, tmp_path_factory.mktemp("looking15"), scripts=scripts, options=SOON) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def strict(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the policy of `policy.py`."""
    with Gateway(postgres, tmp_path_factory.mktemp("strict"), scripts=[POLICY], options=SOON) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def withholding(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose policy does not let some results through, and that records."""
    folder = tmp_path_factory.mktemp("withholding")
    with Gateway(postgres, folder, scripts=[WITHHOLDS, "record.py"], options=SOON) as gateway:
        yield gateway


def ended(gateway: Gateway, containing: str = "") -> list[dict[str, Any]]:
    """What `policy.py` noted at the end of each command whose text contains this."""
    path = gateway.confdir / "ended.jsonl"
    notes = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [note for note in notes if containing in note["text"]]
