"""Compiles the modules that run for every message, where it is asked to: `HOOPADDON_COMPILE=1 pip install .`

mypyc turns typed Python into an extension with the same meaning (pyproject.toml lists the modules). Everything
works without, at a third of the speed on small statements. It needs a C compiler, Python's headers and mypy.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = Path("build", "sources")
COMPILER = ["mypy>=1.15"] if os.environ.get("HOOPADDON_COMPILE") == "1" else []


class BuildBesideTheSources(build_ext):
    """An editable install puts extensions into its own tree of links, and nothing among the sources."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.inplace = False


def lay_out() -> None:
    """The three source folders as the one package that they are: mypyc reads a module's name off its path."""
    package = SOURCES / "hoopaddon"
    package.mkdir(parents=True, exist_ok=True)
    folders = [ROOT / "adapters", ROOT / "addons"]
    wanted = {path.name: path for path in [*(ROOT / "engine").iterdir(), *folders] if path.name != "__pycache__"}
    for link in package.iterdir():
        link.unlink()
    for name, path in wanted.items():
        (package / name).symlink_to(path)


def extensions() -> list[Any]:
    """The compiled modules; none where nobody asked for them, or while mypy is still to be installed for it."""
    if not COMPILER:
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []

    lay_out()
    modules = [str(SOURCES / f"{name.replace('.', '/')}.py") for name in PROJECT["tool"]["hoopaddon"]["compiled"]]
    # What the modules import from elsewhere need not be there when they are compiled.
    flags = [
        "--config-file=",
        "--no-site-packages",
        "--ignore-missing-imports",
        "--follow-imports=silent",
        "--python-version=3.12",
    ]
    made: list[Any] = mypycify([*flags, *modules], opt_level="2", debug_level="0", group_name="hoopaddon.extensions")
    return made


setup(ext_modules=extensions(), setup_requires=COMPILER, cmdclass={"build_ext": BuildBesideTheSources})
