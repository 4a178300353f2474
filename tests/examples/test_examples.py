"""What holds for every example: it imports public names only, says what it does, and is tested."""

import ast
import sys
from pathlib import Path

import pytest

import hoopaddon
from hoopaddon import hazards

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
TESTS = "".join(path.read_text() for path in Path(__file__).parent.glob("test_policies*.py"))

pytestmark = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def test_imports_only_public_names_and_the_standard_library(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            if node.module == "hoopaddon":
                assert {alias.name for alias in node.names} <= set(hoopaddon.__all__)
            elif node.module == "hoopaddon.hazards":
                assert {alias.name for alias in node.names} <= set(hazards.__all__)
            else:
                assert node.module.partition(".")[0] in sys.stdlib_module_names


def test_says_what_it_does_and_how_to_run_it(script: Path) -> None:
    doc = ast.get_docstring(ast.parse(script.read_text()))
    assert doc
    assert "hoopaddon -s" in doc
    assert f"-s {script.name}" in doc


def test_is_tested(script: Path) -> None:
    assert f"def test_{script.stem}" in TESTS
    assert f'example("{script.stem}")' in TESTS
