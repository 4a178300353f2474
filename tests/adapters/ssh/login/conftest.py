"""What the log says at normal verbosity is part of what these tests look at."""

import logging

import pytest


@pytest.fixture(autouse=True)
def normal_verbosity(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
