"""A statement on a target that speaks PostgreSQL's protocol, through the gateway, as a client of its own."""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from hoopaddon.adapters.mcp.serve.calls import Refusal
from hoopaddon.adapters.mcp.serve.texts import MAX_TEXT


@dataclass(slots=True)
class _Results:
    """What has come so far, of every statement of the text."""

    max_rows: int
    found: list[dict[str, Any]] = field(default_factory=list)
    columns: list[str] | None = None
    rows: list[list[str | None]] = field(default_factory=list)
    left: int = MAX_TEXT
    cut: bool = False

    def add(self, result: PGresult) -> None:
        if self.columns is None:
            self.columns = [(result.fname(at) or b"").decode("utf-8", "replace") for at in range(result.nfields)]
        for row in range(result.ntuples):
            values = [result.get_value(row, column) for column in range(result.nfields)]
            texts = [None if value is None else value.decode("utf-8", "replace") for value in values]
            self.left -= sum(len(text) for text in texts if text)
            if len(self.rows) >= self.max_rows or self.left < 0:
                self.cut = True
                return
            self.rows.append(texts)

    def end(self, result: PGresult) -> None:
        tag = (result.command_status or b"").decode("utf-8", "replace")
        if self.columns is not None:
            more = {"cut": f"only the first {len(self.rows)} rows are here"} if self.cut else {}
            self.found.append({"columns": self.columns, "rows": self.rows, "tag": tag, **more})
        else:
            self.found.append({"tag": tag})
        self.columns, self.rows = None, []


async def run_sql(port: int, user: str | None, password: str | None, database: str, sql: str, max_rows: int) -> Any:
    """The results, statement by statement, as text. Raises `Refusal` with the server's or a policy's words."""
    login: dict[str, Any] = {
        name: value for name, value in (("user", user), ("password", password), ("dbname", database)) if value
    }
    results = _Results(max_rows)
    try:
        async with await psycopg.AsyncConnection.connect(
            host="127.0.0.1", port=port, autocommit=True, application_name="hoopaddon serve-mcp", **login
        ) as connection:
            await _send(connection, sql, results)
    except (psycopg.Error, UnicodeEncodeError, ValueError) as e:
        raise Refusal(str(e).strip() or type(e).__name__) from None
    return {"results": results.found}


async def _send(connection: "psycopg.AsyncConnection[Any]", sql: str, results: _Results) -> None:
    pgconn = connection.pgconn
    pgconn.send_query(sql.encode("utf-8"))
    pgconn.set_single_row_mode()
    await connection.wait(generators.send(pgconn))
    cancelled = False
    while (result := await connection.wait(generators.fetch(pgconn))) is not None:
        match result.status:
            case ExecStatus.SINGLE_TUPLE | ExecStatus.TUPLES_OK:
                results.add(result)
                if result.status == ExecStatus.TUPLES_OK:
                    results.end(result)
            case ExecStatus.COMMAND_OK | ExecStatus.EMPTY_QUERY:
                results.end(result)
            case ExecStatus.COPY_IN | ExecStatus.COPY_OUT | ExecStatus.COPY_BOTH:
                raise Refusal("COPY is not for this tool")
            case _ if cancelled:
                results.end(result)
            case _:
                raise Refusal(result.get_error_message("utf-8").strip())
        if results.cut and not cancelled:
            # Nobody reads the rest, so nobody has to send it.
            cancelled = True
            await connection.cancel_safe(timeout=5)
