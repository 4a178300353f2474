"""A pytest plugin for the drivers' suites: writes how each test ended to the file $HOOPADDON_OUTCOMES.

It is loaded by its bare name into a foreign suite, so it imports nothing of this project. Each line is a test's
phase and its outcome, written at once: what a suite that hangs had reached is known as well.
"""

import json
import os
from pathlib import Path

import pytest

_file = Path(os.environ["HOOPADDON_OUTCOMES"]).open("a", buffering=1)  # noqa: SIM115 - open until the process ends


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Set-up, call and tear-down each leave a line."""
    _file.write(json.dumps([report.nodeid, report.outcome]) + "\n")
