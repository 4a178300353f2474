"""What a command does not need is not imported for it: it answers at once."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import hoopaddon.hazards
import hoopaddon.store

_HEAVY = {"asyncssh", "hoopaddon.detect", "hoopaddon.gateway", "mitmproxy.addons", "pglast", "requests"}
_PROGRAM = """
import sys
from hoopaddon.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("\\nimported:", *sys.modules)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["token", "--user", "ann", "--confdir", "confdir"],
        ["login", "--confdir", "confdir"],
        ["whoami", "--confdir", "confdir"],
        ["logout", "--confdir", "confdir"],
        ["approvals", "list", "--confdir", "confdir"],
        ["access", "list", "--confdir", "confdir"],
        ["sessions", "list", "--confdir", "confdir"],
        ["mcp", "--help"],
    ],
    ids=" ".join,
)
def test_only_what_is_needed_is_imported(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    imported = set(done.stdout.rpartition("imported:")[2].split())
    assert "hoopaddon.cli.main" in imported, done.stderr
    assert not imported & _HEAVY


@pytest.mark.parametrize("package", [hoopaddon.store, hoopaddon.hazards], ids=lambda package: package.__name__)
def test_every_part_is_there(package: ModuleType) -> None:
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018
