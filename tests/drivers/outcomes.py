"""A pytest plugin for the drivers' suites: writes how each test ended to the file $HOOPADDON_OUTCOMES.

It is loaded by its bare name into a foreign suite, so it imports nothing of this project.
"""

import json
import os
from pathlib import Path

import pytest

_WORST = ("passed", "skipped", "failed")
_outcomes: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test ends as the worst of its set-up, call and tear-down."""
    known = _outcomes.get(report.nodeid, "passed")
    _outcomes[report.nodeid] = max(known, report.outcome, key=_WORST.index)


def pytest_sessionfinish() -> None:
    """Hand the outcomes over."""
    Path(os.environ["HOOPADDON_OUTCOMES"]).write_text(json.dumps(_outcomes))
