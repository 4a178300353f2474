"""What a test does when this machine lacks what it needs."""

import shutil
from pathlib import Path
from typing import NoReturn

import pytest

INSTALL = "scripts/install-test-servers"


def missing(what: str) -> NoReturn:
    """Skip the test: this machine has no `what`. Where nothing may be skipped, conftest makes it a failure."""
    pytest.skip(f"needs {what}: {INSTALL} installs it")


def program(name: str, *folders: Path) -> Path:
    """Where the program is, on PATH or in one of the folders; the test is skipped without it."""
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    found = shutil.which(name)
    return Path(found) if found else missing(name)
