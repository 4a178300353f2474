"""What a startup message sets is judged as the SET that it stands for."""

import pytest

from hoopaddon import Refused
from hoopaddon.adapters.postgres.login.startup_settings import settings_in
from hoopaddon.adapters.postgres.sql.facts import facts_of


def settings(**parameters: str) -> list[str]:
    return list(settings_in(parameters))


def test_what_every_driver_sends_needs_no_judgement() -> None:
    assert settings(user="u", database="d", application_name="psql", client_encoding="UTF8", DateStyle="ISO") == []


def test_a_setting_of_its_own_is_a_set() -> None:
    assert settings(session_replication_role="replica") == ["SET \"session_replication_role\" TO 'replica'"]
    assert settings(**{"my.setting": "x"}) == ['SET "my"."setting" TO \'x\'']


@pytest.mark.parametrize(
    "options",
    [
        "-c role=admin",
        "-crole=admin",
        "--role=admin",
        "  -c   role=admin  ",
        "-c ROLE=admin",
        "-c statement_timeout=5 -c role=admin",
        "-c role=ad\\min",
        "\\-c role=admin",
    ],
)
def test_options_are_cut_as_postgresql_cuts_them(options: str) -> None:
    assert settings(options=options) == ["SET \"role\" TO 'admin'"]


def test_a_space_in_a_value_is_escaped() -> None:
    assert settings(options="-c search_path=a,\\ b") == ["SET \"search_path\" TO 'a, b'"]


@pytest.mark.parametrize("options", ["-c", "-c role", "-d 5", "role=admin", "-c =x", "-c role=x -B 10", "-", "\\"])
def test_options_of_another_form_are_refused(options: str) -> None:
    with pytest.raises(Refused, match="options other than"):
        settings(options=options)


@pytest.mark.parametrize("value", ["it's", "a\\b", "a\\'b", "'; DROP TABLE t; --", 'x"y'])
def test_a_value_cannot_leave_its_quotes(value: str) -> None:
    (text,) = settings(role=value)
    assert facts_of(text).verbs == {"set"}
