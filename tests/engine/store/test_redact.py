"""Secrets are taken out of what is kept, and nothing else is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.store.redact import REDACTED, redact

SECRETS = [
    "ALTER ROLE bob PASSWORD 'hunter2'",
    "alter role bob with encrypted password 'hunter2' valid until 'infinity'",
    "CREATE USER bob PASSWORD E'hunter2'",
    "CREATE USER bob PASSWORD E'it\\'s hunter2'",
    "CREATE USER bob PASSWORD 'it''s hunter2'",
    "CREATE USER bob PASSWORD U&'hunter2'",
    "CREATE USER bob PASSWORD $$hunter2$$",
    "CREATE USER bob PASSWORD $tag$hunter2$tag$",
    "CREATE USER bob PASSWORD/**/'hunter2'",
    "CREATE USER bob PASSWORD /* a /* nested */ comment */ 'hunter2'",
    "CREATE USER bob PASSWORD -- a comment\n 'hunter2'",
    "CREATE USER bob PASSWORD 'hun'\n'hunter2'",
    "CREATE USER bob PASSWORD\t\n'hunter2",
    "CREATE USER MAPPING FOR bob SERVER s OPTIONS (user 'b', password 'hunter2')",
    "DO $$ BEGIN EXECUTE 'ALTER ROLE bob PASSWORD ''hunter2'''; END $$",
    "DO 'BEGIN EXECUTE ''ALTER ROLE bob PASSWORD ''''hunter2''''''; END'",
    "SELECT dblink_connect('host=db user=bob password=hunter2')",
    "SELECT dblink_connect('host=db password = ''hunter2'' user=bob')",
    "CREATE SUBSCRIPTION s CONNECTION 'postgres://bob:hunter2@db/shop' PUBLICATION p",
    "SELECT pgp_sym_encrypt(note, 'hunter2') FROM t",
    "SELECT pgp_sym_decrypt(note::bytea, 'hunter2') FROM t",
    "SELECT crypt('hunter2', gen_salt('bf'))",
    "SELECT hmac(note, 'hunter2', 'sha256') FROM t",
]


@pytest.mark.parametrize("text", SECRETS)
def test_is_taken_out(text: str) -> None:
    found = redact(text)
    assert "hunter2" not in found.text
    assert REDACTED in found.text
    assert found.secret


INNOCENTS = [
    "SELECT 1",
    "SELECT * FROM notes WHERE text LIKE '%password%'",
    "UPDATE users SET password_reset = true WHERE name = 'bob'",
    "SELECT 'the password is not here', \"password\" FROM t",
    "-- password 'x'\nDROP TABLE orders",
    "/* password */ DROP TABLE orders",
    "DO $$ DECLARE password text; BEGIN password = 'DROP TABLE orders'; EXECUTE password; END $$",
    "SELECT E'it\\'s \\\\' || 'password'",
    "SELECT passwords 'x', t.password 'y'",
    "SELECT 'http://example.com/password'",
    "",
]


@pytest.mark.parametrize("text", INNOCENTS)
def test_is_left_alone(text: str) -> None:
    found = redact(text)
    assert (found.text, found.secret) == (text, False)


def test_what_stands_beside_a_secret_stays() -> None:
    text = "ALTER ROLE bob PASSWORD 'hunter2'; DROP TABLE orders; SELECT 'kept'"
    assert redact(text).text == f"ALTER ROLE bob PASSWORD '{REDACTED}'; DROP TABLE orders; SELECT 'kept'"


def test_a_command_cannot_hide_in_a_secret_call() -> None:
    assert "DROP TABLE orders" in redact("SELECT encrypt(dblink('DROP TABLE orders'), 'key', 'aes')").text


def test_parameters_of_a_secret_call_are_secret() -> None:
    assert redact("SELECT pgp_sym_encrypt($1, $2)").secret


def test_redacting_again_changes_nothing() -> None:
    for text in SECRETS:
        once = redact(text).text
        assert redact(once).text == once


@given(st.text(alphabet="PASSWORDpassword '\"$\\-/*();=:@E&Uu%\n{}abcrypt(", max_size=200))
def test_any_text_at_all(text: str) -> None:
    found = redact(text)
    assert found.text == text or found.secret


@pytest.mark.parametrize(
    "text",
    [
        "password " + "$a$ " * 50_000,
        "password " + "".join(f"$t{n}$ " for n in range(20_000)),
        "password " + "'" * 100_001,
        "password " + "a.b://" * 30_000,
        "password " + "/*" * 50_000,
        "'" + "x://y:" * 30_000 + "password'",
        "'password=" * 20_000,
        "crypt(" * 30_000,
        "crypt" + " " * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_takes_time_in_proportion_to_the_text(text: str) -> None:
    begin = time.perf_counter()
    redact(text)
    # Far more than it takes, and far less than anything quadratic would.
    assert time.perf_counter() - begin < 5
