"""Every dependency is declared, imported, and has its reason on the page; nothing else is."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(name: str) -> str:
    """A distribution's name as the index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: list[str]) -> set[str]:
    return {normal(found[0]) for text in requirements if (found := re.match(r"[\w.-]+", text))}


def rows_of(title: str) -> set[str]:
    """What the table below a heading has rows for."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    _, *rows = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {normal(name) for row in rows for name in row.split(", ")}


def imported() -> set[str]:
    """The distributions that the package imports from."""
    tops = set()
    for folder in ("engine", "adapters", "addons"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    tops |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    tops.add(node.module.partition(".")[0])
    of_import = packages_distributions()
    third_party = tops - sys.stdlib_module_names - {"hoopaddon"}
    found = {top: {normal(name) for name in of_import.get(top, [top])} for top in third_party}
    # A namespace package is of several: any that is declared will do.
    return {min(names & RUN_TIME, default=min(names)) for names in found.values()}


RUN_TIME = names_of(PROJECT["project"]["dependencies"])


OPTIONAL = names_of([text for texts in PROJECT["project"]["optional-dependencies"].values() for text in texts])


IMPORTED_BY_PYTHON = {"tzdata"}
"""What `zoneinfo` looks for by itself."""


def test_what_is_imported_is_what_is_declared() -> None:
    assert imported() | IMPORTED_BY_PYTHON == RUN_TIME | OPTIONAL


def test_every_dependency_has_its_reason() -> None:
    assert rows_of("At run time") == RUN_TIME | OPTIONAL
    assert rows_of("For development") == names_of(PROJECT["dependency-groups"]["dev"])


def test_what_the_drivers_suites_want_is_named() -> None:
    said = PAGE.partition("In the group `drivers`")[2]
    assert [name for name in names_of(PROJECT["dependency-groups"]["drivers"]) if name not in said] == []
