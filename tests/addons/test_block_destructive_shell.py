"""block_destructive against its two collections of command lines, and those lines against a real shell."""

from collections.abc import Iterator

import pytest

from hoopaddon import Verdict
from hoopaddon.adapters.ssh.commands import SshExec, SshInput
from hoopaddon.adapters.ssh.sftp.command import SftpOperation
from hoopaddon.addons.block_destructive import BlockDestructive
from hoopaddon.hazards import RULES
from hoopaddon.shell.facts import facts_of
from hoopaddon.testing import Bench, session
from tests.addons.corpus.shell_destructive import OTHERS
from tests.addons.corpus.shell_evaluated import ELSEWHERE, EVALUATED
from tests.addons.corpus.shell_innocent import INNOCENT
from tests.addons.corpus.shell_rm import RM
from tests.addons.real_shell import runs_rm

OPTIONS = [f"block_{name}" for name in RULES]

# A default PATH would find the real program.
NOT_RUN_HERE = ("command -p", "env -i", "no-preserve-root")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(BlockDestructive()) as bench:
        yield bench


@pytest.fixture(scope="module")
def one_rule_each() -> Iterator[dict[str, Bench]]:
    """For each rule a bench on which that alone is on."""
    benches = {
        name: Bench(BlockDestructive(), options={option: option == f"block_{name}" for option in OPTIONS})
        for name in RULES
    }
    yield benches
    for bench in benches.values():
        bench.close()


def judged(bench: Bench, text: str) -> Verdict:
    return bench.judge(SshExec(session(protocol="ssh"), text))


def test_the_collections_are_large_enough() -> None:
    assert len(set(RM)) == len(RM) >= 180
    assert len(set(OTHERS)) == len(OTHERS) >= 180
    assert len({*EVALUATED, *ELSEWHERE}) == len(EVALUATED) + len(ELSEWHERE) >= 60
    assert len(set(INNOCENT)) == len(INNOCENT) >= 120
    assert {rule for rule, _ in OTHERS} == {name for name, rule in RULES.items() if rule.on}


@pytest.mark.parametrize("text", [*RM, *EVALUATED, *ELSEWHERE])
def test_every_spelling_of_rm_is_refused(text: str, bench: Bench) -> None:
    facts_of(text)
    assert judged(bench, text).reason


@pytest.mark.parametrize(
    "text", [text for text in (*RM, *EVALUATED) if not any(part in text for part in NOT_RUN_HERE)]
)
def test_a_real_shell_would_have_run_it(text: str) -> None:
    assert runs_rm("bash", text)


@pytest.mark.parametrize(("rule", "text"), OTHERS)
def test_destructive(rule: str, text: str, bench: Bench, one_rule_each: dict[str, Bench]) -> None:
    facts_of(text)
    assert not judged(bench, text).passes
    assert not judged(one_rule_each[rule], text).passes


@pytest.mark.parametrize("text", [*RM, *(text for _, text in OTHERS)])
def test_a_reason_is_one_short_line(text: str, bench: Bench) -> None:
    reason = judged(bench, text).reason
    assert "refused" in reason
    assert "\n" not in reason
    assert len(reason) < 200


@pytest.mark.parametrize("text", INNOCENT)
def test_innocent(text: str, bench: Bench) -> None:
    assert judged(bench, text).reason == ""


@pytest.mark.parametrize("text", [text for text in INNOCENT if "\n" not in text])
def test_innocent_at_a_prompt(text: str, bench: Bench) -> None:
    assert bench.judge(SshInput(session(protocol="ssh"), text)).reason == ""


def test_with_all_rules_off_everything_passes() -> None:
    with Bench(BlockDestructive(), options=dict.fromkeys(OPTIONS, False)) as bench:
        assert all(judged(bench, text).passes for text in [*RM, *(text for _, text in OTHERS)])


@pytest.mark.parametrize("text", ["rm -rf / '", "if true", "a | | b", "echo $(", "ls )", "x=(", "f() f()", "\x00"])
def test_what_cannot_be_read_is_not_judged(text: str) -> None:
    with Bench(BlockDestructive(), options=dict.fromkeys(OPTIONS, False)) as bench:
        assert not judged(bench, text).passes


def test_a_shell_at_a_prompt_passes_and_its_lines_are_judged(bench: Bench) -> None:
    assert bench.judge(SshInput(session(protocol="ssh"), "bash")).passes
    assert not bench.judge(SshInput(session(protocol="ssh"), "rm -rf /")).passes
    assert not bench.judge(SshInput(session(protocol="ssh"), "history -c")).passes


def test_what_is_unsure_at_a_prompt_passes_unless_asked_for(bench: Bench) -> None:
    assert bench.judge(SshInput(session(protocol="ssh"), "ls", "unsure")).passes
    with Bench(BlockDestructive(), options={"block_unsure_input": True}) as strict:
        assert not strict.judge(SshInput(session(protocol="ssh"), "ls", "unsure")).passes


def test_allowed_paths() -> None:
    with Bench(BlockDestructive(), options={"block_allow_paths": ["/var/lib/app, /opt/app"]}) as bench:
        assert judged(bench, "rm -rf /var/lib/app/cache").passes
        assert judged(bench, "cp x /var/lib/app/y").passes
        assert judged(bench, "echo x > /var/lib/app/y").passes
        assert judged(bench, "chmod -R 755 /var/lib/app/x").passes
        assert not judged(bench, "rm -rf /var/lib/app").passes
        assert not judged(bench, "rm -rf /var/lib/app/../x").passes
        assert not judged(bench, "rm -rf /var/lib/application").passes
        assert not judged(bench, "rm -rf /var/lib/app/x /etc").passes
        assert not judged(bench, "rm -rf /var/lib/app/$x").passes


@pytest.mark.parametrize(
    ("verbs", "path", "passes"),
    [
        (["read"], "/etc/passwd", True),
        (["write", "create", "truncate"], "/etc/passwd", False),
        (["write"], "/home/me/.ssh/authorized_keys", False),
        (["write"], "/home/me/.bashrc", False),
        (["remove"], "/home/me/.bash_history", False),
        (["write"], "/dev/sda", False),
        (["write"], "/tmp/../etc/passwd", False),
        (["chmod"], "/etc/shadow", False),
        (["write", "create"], "/home/me/notes.txt", True),
        (["mkdir"], "/srv/upload", True),
        (["list"], "/", True),
    ],
)
def test_files(verbs: list[str], path: str, passes: bool, bench: Bench) -> None:
    assert bench.judge(SftpOperation(session(protocol="ssh"), verbs, path)).passes is passes


def test_a_rename_is_judged_by_both_paths(bench: Bench) -> None:
    assert not bench.judge(SftpOperation(session(protocol="ssh"), ["rename"], "/tmp/x", "/etc/passwd")).passes
    assert bench.judge(SftpOperation(session(protocol="ssh"), ["rename"], "/tmp/x", "/tmp/y")).passes
