"""The require_approval policy on shells, files and forwards: verbs are programs, objects are paths."""

from typing import Any

import pytest

from hoopaddon import Facts, FileOperation, Forward, Session, ShellCommand, ShellProgram, Target, User
from hoopaddon.addons.require_approval import RequireApproval
from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command
from hoopaddon.shell.facts import Program
from hoopaddon.testing import held


def who() -> Session:
    return Session(User("agent-7"), Target("shop", "ssh", "host:22"))


class Line(ShellCommand):
    """A command line with the facts that the test gives it."""

    def __init__(self, programs: str, objects: str = "", *, dynamic: bool = False) -> None:
        super().__init__(who(), f"{programs} {objects}")
        names = programs.split()
        self.known = tuple(Program("" if name == "?" else name, dynamic=dynamic) for name in names)
        self.about = Facts(frozenset(name for name in names if name != "?"), frozenset(objects.split()))

    @property
    def facts(self) -> Facts:
        return self.about

    @property
    def programs(self) -> tuple[ShellProgram, ...]:
        return self.known


class Transfer(FileOperation):
    """A file operation."""

    def __init__(self, verb: str, path: str) -> None:
        super().__init__(who(), f"{verb} {path}")
        self.about, self.where = Facts(frozenset({verb}), frozenset({path})), path

    @property
    def facts(self) -> Facts:
        return self.about

    @property
    def path(self) -> str:
        return self.where

    @property
    def new_path(self) -> str:
        return ""


class Way(Forward):
    """A forward."""

    host, port = "db", 5432

    @property
    def facts(self) -> Facts:
        return Facts(frozenset({"local"}), frozenset({"db:5432"}))


def terms(command: Command, **options: Any) -> ApprovalRequest | None:
    return held(RequireApproval(), command, options={f"approval_{name}": [value] for name, value in options.items()})


def test_programs_files_and_forwards_are_held_by_their_verbs() -> None:
    assert terms(Line("sudo rm", "/srv/a"), verbs="rm,shutdown")
    assert terms(Transfer("remove", "/srv/a"), verbs="remove")
    assert terms(Way(who(), "local db:5432"), verbs="local")
    assert terms(Line("ls", "/srv/a"), verbs="rm") is None
    assert terms(Transfer("read", "/srv/a"), verbs="remove") is None
    assert terms(Line("rm", "/srv/a")) is None


def test_the_reason_says_what_and_where() -> None:
    found = terms(Line("rm", "/a /b /c /d"), verbs="rm")
    assert found is not None
    assert found.reason == "rm on /a, /b, /c and 1 more needs an approval"


@pytest.mark.parametrize(
    ("path", "is_held"),
    [
        ("/etc/passwd", True),
        ("/etc/ssh/sshd_config", True),
        ("/etc", True),
        ("/", True),
        ("/srv/../etc/passwd", True),
        ("//etc//passwd", True),
        ("/etc/../srv/a", False),
        ("/srv/etc", False),
        ("/etcetera", False),
        # The directory that it is in is not known.
        ("passwd", True),
        ("../etc/passwd", True),
        ("..", True),
    ],
)
def test_paths_narrow_it(path: str, is_held: bool) -> None:
    assert (terms(Line("rm", path), verbs="rm", paths="/etc/*") is not None) is is_held
    assert (terms(Transfer("write", path), verbs="write", paths="/etc/*") is not None) is is_held


def test_a_relative_path_is_compared_by_its_last_part() -> None:
    assert terms(Line("rm", "notes.txt"), verbs="rm", paths="/etc/*.conf") is None
    assert terms(Line("rm", "app.conf"), verbs="rm", paths="/etc/*.conf")


def test_what_is_computed_may_be_anything() -> None:
    assert terms(Line("?"), verbs="rm", paths="/etc/*")
    assert terms(Line("rm", dynamic=True), verbs="rm", paths="/etc/*")
    assert terms(Line("ls", dynamic=True), verbs="rm") is None
    assert terms(Line("ls", "/srv", dynamic=True), verbs="rm", paths="/etc/*") is None
    found = terms(Line("?"), verbs="rm")
    assert found is not None
    assert found.reason == "a program with a computed name needs an approval"


def test_where_nothing_is_chosen_command_lines_are_not_held() -> None:
    assert terms(Line("?")) is None
    assert terms(Line("rm", "/etc", dynamic=True), tables="orders") is None


def test_paths_alone_hold_whatever_touches_them() -> None:
    found = terms(Line("sudo tee", "/etc/hosts"), paths="/etc/*")
    assert found is not None
    assert found.reason == "sudo, tee on /etc/hosts needs an approval"
    assert terms(Transfer("read", "/etc/hosts"), paths="/etc/*")
    assert terms(Line("sudo tee", "/srv/hosts"), paths="/etc/*") is None


def test_conditions_on_tables_are_for_statements_alone() -> None:
    assert terms(Line("rm", "/srv/a"), verbs="rm", tables="orders")
    assert terms(Way(who(), "local db:5432"), verbs="local", paths="/etc/*")
