"""The kit makes every public kind of command, as the gateway's own adapters make them."""

from functools import partial

import pytest

from hoopaddon import ConfigError, FileOperation, Forward, Refused, ShellCommand, Unparsable
from hoopaddon.testing import file_operation, forward, held, judge, session, shell_command


class Notes:
    """Notes which of its hooks was called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def ssh_exec(self, command: ShellCommand) -> None:
        self.called.append("ssh_exec")

    def ssh_input(self, command: ShellCommand) -> None:
        self.called.append("ssh_input")
        if any(program.opaque for program in command.programs):
            raise Refused("not known")

    def sftp_operation(self, command: FileOperation) -> None:
        self.called.append("sftp_operation")

    def ssh_forward(self, command: Forward) -> None:
        self.called.append("ssh_forward")


def test_each_kind_of_command_has_its_hook() -> None:
    notes = Notes()
    assert judge(notes, shell_command("ls")).passes
    assert judge(notes, shell_command("ls", typed=True)).passes
    assert not judge(notes, shell_command("ls", unsure=True)).passes
    assert judge(notes, file_operation("read", "/a")).passes
    assert judge(notes, forward("agent")).passes
    assert notes.called == ["ssh_exec", "ssh_input", "ssh_input", "sftp_operation", "ssh_forward"]


def test_a_line_is_read() -> None:
    for typed in (False, True):
        line = shell_command("sudo rm -rf /srv/shop", typed=typed, user="ann", groups="dev", labels={"env": "prod"})
        assert line.verbs >= {"sudo", "rm"}
        assert "/srv/shop" in line.objects
        assert line.session.target.protocol == "ssh"
        assert (line.session.user.subject, line.session.target.labels["env"]) == ("ann", "prod")
    with pytest.raises(Unparsable):
        _ = shell_command("ls (").programs


def test_a_file_operation() -> None:
    moved = file_operation("rename", "/srv/a", "/srv/b")
    assert (moved.path, moved.new_path) == ("/srv/a", "/srv/b")
    assert moved.verbs == {"rename"}
    assert moved.objects == {"/srv/a", "/srv/b"}
    assert moved.text == "rename /srv/a /srv/b"
    assert file_operation({"write", "create"}, "/srv/a").text == "create+write /srv/a"


def test_a_forward() -> None:
    way = forward("local", "db.internal", 5432)
    assert (way.host, way.port) == ("db.internal", 5432)
    assert way.verbs == {"local"}
    assert way.objects == {"db.internal:5432"}
    with pytest.raises(ValueError, match=r"'dynamic' is no forward: agent, local, remote"):
        forward("dynamic")


def test_a_session_that_is_given() -> None:
    who = session("ann", protocol="ssh")
    assert shell_command("ls", session=who).session is who
    for make in (partial(shell_command, "ls"), partial(file_operation, "read", "/a"), partial(forward, "local")):
        with pytest.raises(TypeError, match="user: belongs to the session that was given"):
            make(session=who, user="b")


def test_protocols_without_such_commands() -> None:
    with pytest.raises(ConfigError, match="postgres has no command lines"):
        shell_command("ls", protocol="postgres")
    for typed in (
        lambda: shell_command("ls", typed=True, protocol="postgres"),
        lambda: forward("agent", protocol="postgres"),
    ):
        with pytest.raises(ConfigError, match="postgres has no files, forwards or terminals"):
            typed()
    with pytest.raises(ConfigError, match="there is no adapter for 'telnet'"):
        file_operation("read", "/a", protocol="telnet")


def test_what_is_held_of_them() -> None:
    class Asks:
        async def sftp_operation(self, command: FileOperation) -> None:
            await command.approve(f"{command.path} matters", within_s=5)

    asked = held(Asks(), file_operation("write", "/etc/hosts"))
    assert asked is not None
    assert asked.reason == "/etc/hosts matters"
