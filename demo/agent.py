"""The agent: an ordinary client with an ordinary driver, and a token where the password goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from demo.gateway import DATABASE, Gateway
from demo.server import HOST

NAME = "agent-7"
GROUP = "dev"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: rows, or PostgreSQL's error with its SQLSTATE (empty where the connection broke)."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    tag: str = ""
    failed: bool = False
    code: str = ""
    message: str = ""
    detail: str = ""

    @property
    def refused(self) -> bool:
        """Whether it is a refusal as PostgreSQL has it: insufficient privilege."""
        return self.code == "42501"


class Agent:
    """Runs statements through the gateway, over a connection that it opens again when it is lost."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway = gateway
        self._token = token
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def run(self, sql: str, parameters: Sequence[Any] | None = None) -> Reply:
        """Run one statement; its reply, whatever becomes of it."""
        try:
            cursor = self._connected().execute(sql.encode(), parameters)
            columns = tuple(column.name for column in cursor.description or ())
            rows = tuple(cursor.fetchall()) if cursor.description else ()
        except psycopg.Error as e:
            message = e.diag.message_primary or str(e)
            return Reply(failed=True, code=e.sqlstate or "", message=message, detail=e.diag.message_detail or "")
        return Reply(columns, rows, cursor.statusmessage or "")

    @property
    def in_failed_transaction(self) -> bool:
        """What the protocol says of the transaction, as every driver and pool goes by."""
        return self._connection is not None and self._connection.info.transaction_status is TransactionStatus.INERROR

    def close(self) -> None:
        """Say goodbye."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                host=HOST,
                port=self._gateway.port,
                user=NAME,
                password=self._token,
                dbname=DATABASE,
                autocommit=True,
                connect_timeout=10,
            )
        return self._connection
