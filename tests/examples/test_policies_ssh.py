"""Every example for SSH does what its docstring says, tried with the kit that users get."""

from pathlib import Path
from types import ModuleType

import pytest

from hoopaddon.testing import file_operation, judge, load, shell_command

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def example(name: str) -> ModuleType:
    return load(EXAMPLES / f"{name}.py")


# -- only_these_programs


@pytest.mark.parametrize(
    ("text", "groups", "passes"),
    [
        ("ls -l | grep x", ["agents"], True),
        ("ls; uptime", ["agents"], False),
        ("ls $(uptime)", ["agents"], False),
        ("grep x <(uptime)", ["agents"], False),
        ("$x", ["agents"], False),
        ("x=1; ls", ["agents"], True),
        ("ls (", ["agents"], False),
        ("uptime", ["ops"], True),
    ],
)
def test_only_these_programs(text: str, groups: list[str], passes: bool) -> None:
    options = {"program_groups": ["agents"], "programs": ["ls,cat", "grep"]}
    for typed in (False, True):
        asked = shell_command(text, typed=typed, groups=groups)
        assert judge(example("only_these_programs"), asked, options=options).passes is passes


# -- no_writes_outside_home


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("echo x > notes", True),
        ("echo x > ~/notes 2>/dev/null", True),
        ("cp x /tmp/y", True),
        ("cat /etc/hosts", True),
        ("echo x > /etc/hosts", False),
        ("echo x | tee /etc/hosts", False),
        ("echo x > ../other", False),
        ("cd /srv && echo x > y", False),
        ("echo x > $F", False),
        ("cp x /srv/upload/y", True),
    ],
)
def test_no_writes_outside_home(text: str, passes: bool) -> None:
    options = {"writable": ["/srv/upload"]}
    asked = shell_command(text, user="me")
    assert judge(example("no_writes_outside_home"), asked, options=options).passes is passes


@pytest.mark.parametrize(
    ("verb", "paths", "passes"),
    [
        ("read", ["/etc/hosts"], True),
        ("write", ["/etc/hosts"], False),
        ("write", ["/home/me/x"], True),
        ("rename", ["/home/me/x", "/etc/hosts"], False),
    ],
)
def test_no_writes_outside_home_over_sftp(verb: str, paths: list[str], passes: bool) -> None:
    asked = file_operation(verb, *paths, user="me")
    assert judge(example("no_writes_outside_home"), asked).passes is passes
