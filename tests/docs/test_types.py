"""The policies on the pages are typed, as their readers' own will be."""

import subprocess
import sys
from pathlib import Path

from tests.docs.pages import blocks, pages


def test_every_policy_on_the_pages_is_typed(tmp_path: Path) -> None:
    shown: dict[str, str] = {}
    for page in pages():
        for block in blocks(page):
            if block.language == "python" and not block.run.startswith(("raises", "no, a provider")):
                file = tmp_path / f"block_{len(shown)}.py"
                file.write_text(block.text)
                shown[file.name] = block.place
    assert shown
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *shown],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, (shown, checked.stdout)
