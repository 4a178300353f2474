"""Scripts by their path, for a test of a policy that is one."""

from pathlib import Path

import pytest

from hoopaddon import ConfigError
from hoopaddon.testing import load


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("x = 1\ny = (\n", 2, "SyntaxError"),
        ("\nraise ValueError('no')\n", 2, "ValueError: no"),
        ("import nothing_here", 1, "nothing_here"),
        ("import sys\nsys.exit('no')\n", 2, "SystemExit: no"),
    ],
)
def test_a_script_that_cannot_be_loaded_says_where(tmp_path: Path, source: str, line: int, says: str) -> None:
    script = tmp_path / "rule.py"
    script.write_text(source)
    with pytest.raises(ConfigError, match=says) as caught:
        load(script)
    assert (Path(caught.value.file).name, caught.value.line) == ("rule.py", line)


def test_a_script_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such script"):
        load(tmp_path / "nowhere.py")
