"""mask_pii in front of a real PostgreSQL: its masks are values of their types, in text and in binary."""

from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from hoopaddon.detect import ENTITIES, Pseudonyms, partial, redacted
from tests.conftest import StartGateway
from tests.engine.detect.samples import POSITIVE
from tests.servers.postgres import APP, Database

MASKS = sorted(
    {
        mask(entity, text)
        for entity in ENTITIES
        for text in POSITIVE.get(entity, ("u:p",))[:1]
        for mask in (redacted, partial, Pseudonyms(b"k" * 32))
    }
)


@pytest.mark.parametrize("version", ["database", "database15"])
def test_masks_are_read_as_they_stand_in_every_literal(version: str, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue(version)
    with psycopg.connect(database.dsn()) as connection:
        connection.execute("CREATE TEMP TABLE pair (a text, b int)")
        for shown in MASKS:
            array, record, document = f"{{{shown},b}}", f"({shown},1)", f'{{"a": "{shown}"}}'
            row = connection.execute(
                "SELECT (%s::text[])[1], (%s::pair).a, %s::jsonb ->> 'a', xpath('/a/text()', %s::xml)::text",
                (array, record, document, f"<a>{shown}</a>"),
            ).fetchone()
            assert row is not None
            assert row[:3] == (shown, shown, shown)
            assert shown in row[3]


@pytest.mark.parametrize("binary", [False, True])
def test_rows_reach_a_client_masked(gateway: StartGateway, database: Database, binary: bool, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    proxy = gateway(
        database.server,
        scripts=["mask_pii.py"],
        options={
            "mask_columns": "customers.notes",
            "mask_styles": "email=partial,iban=hash",
            "mask_key": f"file:{key}",
        },
    )
    with psycopg.connect(proxy.dsn(APP, database.name), autocommit=True) as connection:
        cursor = connection.cursor(binary=binary)
        values = (
            "ann@example.com",
            ["ann@example.com", "b,c"],
            Jsonb({"mail": "ann@example.com", "card": 4111111111111111}),
            4111111111111111,
            "DE89370400440532013000",
            "plain",
        )
        cursor.execute("SELECT %s::text, %s::text[], %s::jsonb, %s::int8, %s::text, %s::text, NULL::text", values)
        row = cursor.fetchone()
        assert row is not None
        name = Pseudonyms(key.read_bytes())("iban", "DE89370400440532013000")
        expected = ("a***@example.com", ["a***@example.com", "b,c"], {"mail": "a***@example.com", "card": None}, None)
        assert row == (*expected, name, "plain", None)
        cursor.execute("SELECT notes AS harmless FROM customers WHERE notes IS NOT NULL")
        assert {cell for (cell,) in cursor.fetchall()} == {"[masked]"}


def test_errors_do_not_quote_what_is_masked(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["mask_pii.py"], options={"mask_columns": "secrets.word"})
    database.execute("CREATE TABLE secrets (word text PRIMARY KEY, CHECK (word <> 'forbidden'))")
    database.execute("INSERT INTO secrets VALUES ('swordfish')")
    with psycopg.connect(proxy.dsn(APP, database.name), autocommit=True) as connection:
        for sql in (
            "INSERT INTO secrets VALUES ('swordfish')",
            "INSERT INTO secrets VALUES ('forbidden')",
            "SELECT word::int FROM secrets",
            "SELECT 'ann@example.com'::int",
        ):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(sql)
            diag = caught.value.diag
            said = f"{diag.message_primary} {diag.message_detail} {diag.context}"
            assert not any(word in said for word in ("swordfish", "forbidden", "ann@"))
        assert connection.execute("SELECT word FROM secrets").fetchall() == [("[masked]",)]
