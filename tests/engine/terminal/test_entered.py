"""Lines of one shell: what an earlier one has left is known of a later one, and nothing less is seen for it."""

import pytest

from hoopaddon.adapters.ssh.commands import SshInput
from hoopaddon.terminal.command import HIDDEN, KNOWN, UNSURE, TypedLine, is_finished
from hoopaddon.terminal.entered import MOST_JOINED, Entered
from tests.engine.terminal.pty_shell import session


def last(*lines: str) -> TypedLine:
    """The last of lines that are all sent."""
    entered = Entered(session(), SshInput)
    for line in lines:
        command = entered.command(line)
        entered.went(command)
    return command


@pytest.mark.parametrize(
    "lines",
    [
        ("X=rm", "$X -r y"),
        ("X=r; Y=m", "true", "$X$Y y"),
        ("alias ll=rm", "ll y"),
        ("gone() { rm y; }", "gone"),
        ("echo 'rm y' > f", "sh f"),
        ("if true; then", "x='", "'; rm y", "fi"),
        ("f() {", "if true; then", "y='", "'; rm y; z='", "'; fi", "}", "f"),
        ("cat <<E", "it's", "E", "x='", "'; rm y; '", "'"),
    ],
)
def test_what_lines_before_have_left_is_known(lines: tuple[str, ...]) -> None:
    assert "rm" in last(*lines).verbs


def test_what_is_computed_without_them_is_still_said_to_be() -> None:
    programs = last("X=ls", ". ./changes", "$X -r y").programs
    assert any(program.dynamic and not program.name for program in programs)


def test_the_folder_is_known_until_it_cannot_be() -> None:
    assert [program.folder for program in last("cd /etc", "rm x").programs] == ["", "/etc"]
    assert [program.folder for program in last("cd /etc", "cd $X", "rm x").programs] == [""]
    assert [program.folder for program in last("cd /etc", "ssh other", "rm x").programs] == [""]
    assert [program.folder for program in last("cd /etc", "sudo -i", "rm x").programs] == [""]


def test_a_refused_line_leaves_nothing() -> None:
    entered = Entered(session(), SshInput)
    assert entered.command("X=rm; echo 'rm y' > f").verbs
    assert "rm" not in entered.command("$X y; sh f").verbs


def test_what_is_hidden_is_no_line() -> None:
    entered = Entered(session(), SshInput)
    entered.went(entered.command("if true; then"))
    command = entered.command("secret", HIDDEN)
    entered.went(command)
    assert (command.text, command.parameters, command.programs) == ("", (HIDDEN,), ())
    assert entered.command("fi").text == "if true; then\nfi"


def test_what_goes_on_too_long_is_unsure_from_there() -> None:
    command = last("cat <<E", "x" * MOST_JOINED, "E", "echo 'a")
    assert command.parameters == (UNSURE,)
    entered = Entered(session(), SshInput)
    entered.went(entered.command("cat <<E\n" + "x" * MOST_JOINED))
    entered.given_up()
    assert entered.command("ls").parameters == (KNOWN,)


def test_what_is_remembered_is_bounded() -> None:
    entered = Entered(session(), SshInput)
    for number in range(150):
        entered.went(entered.command(f"a{number}=rm"))
    assert "rm" not in entered.command("$a0 x").verbs
    assert "rm" in entered.command("$a149 x").verbs


@pytest.mark.parametrize("line", ["touch x # a; rm b", "ls # $(rm b)", "ls #; rm b"])
def test_a_comment_that_was_typed_may_run(line: str) -> None:
    command = last(line)
    assert {"rm", line.split()[0]} <= command.verbs
    assert any(program.opaque and not program.name for program in command.programs)


def test_what_recalls_other_lines_is_unsure() -> None:
    for line in ("!!", "!rm", "echo a; !-2", "^a^b", "fc"):
        opaque = [program for program in last(line).programs if program.opaque and not program.name]
        assert len(opaque) == 1, line
    assert not any(program.opaque for program in last("echo 'a!b'; [ a != b ]").programs)


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("ls", True),
        ("f() {\nif x; then\ny='", False),
        ("while x", False),
        ("cat <<E\nfoo", False),
        ("cat <<E\nfoo\nE", True),
        ("ls \\", False),
        ("ls # \\", True),
        ("print(1 +", True),
        ("fi", True),
    ],
)
def test_whether_a_shell_waits_for_more(text: str, finished: bool) -> None:
    assert is_finished(text) is finished
