"""Parts of a package that are imported when somebody first asks for them (PEP 562).

A package's `__init__` runs before any of its modules: what needs one small module would wait for all.
"""

import sys
from collections.abc import Mapping
from importlib import import_module


def part(package: str, name: str, modules: Mapping[str, str]) -> object:
    """The part `name` of the package; `modules` has the names, separated by spaces, that come from each module."""
    for module, names in modules.items():
        if name in names.split():
            found: object = getattr(import_module(module), name)
            setattr(sys.modules[package], name, found)
            return found
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
