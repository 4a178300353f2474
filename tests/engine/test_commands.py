"""The engine's names for the commands of adapters: policies need no adapter to be typed."""

import inspect
import typing
from dataclasses import fields

import pytest

import hoopaddon
from hoopaddon import Command, FileOperation, Forward, ShellCommand, SqlCommand, SqlStatement
from hoopaddon.adapter import adapters
from hoopaddon.adapters.postgres.sql.statement import Statement
from hoopaddon.hooks import public_kind, specs
from hoopaddon.testing import command


def kinds() -> list[type[Command]]:
    adapters()
    return sorted(Command.types.values(), key=lambda kind: kind.hook)


def public_names(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


@pytest.mark.parametrize("kind", kinds())
def test_every_command_has_a_public_type_that_says_all_it_has(kind: type[Command]) -> None:
    public = public_kind(kind)
    assert getattr(hoopaddon, public.__name__) is public
    assert specs()[kind.hook].receives == f"command: {public.__name__}"
    assert public_names(kind) == public_names(public)


def test_a_statement_says_what_its_public_type_does() -> None:
    named = {name for name in vars(SqlStatement) if not name.startswith("_")}
    assert {field.name for field in fields(Statement)} == named
    said = {name: getattr(SqlStatement, name).fget for name in named}
    types = typing.get_type_hints(Statement)
    assert {name: typing.get_type_hints(get)["return"] for name, get in said.items()} == types
    assert all(inspect.getdoc(get) for get in said.values())


def test_the_general_hook_can_ask_for_what_sql_has() -> None:
    found = command("WITH gone AS (DELETE FROM a) SELECT lower(x) FROM b")
    assert isinstance(found, SqlCommand)
    assert found.tables == {"a", "b"}
    assert "lower" in found.functions
    assert {statement.verb for statement in found.statements} == {"delete", "select"}
    assert len(found.parsed) == 1


def test_asking_for_one_kind_of_command_answers_for_no_other() -> None:
    families = (SqlCommand, ShellCommand, FileOperation, Forward)
    for kind in kinds() * 2:
        found = kind.__new__(kind)
        assert [isinstance(found, family) for family in families] == [family in kind.__mro__ for family in families]
