"""Scripts by path, as `-s` finds them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import hoopaddon.addons
from hoopaddon.errors import ConfigError


def load(path: str | Path) -> ModuleType:
    file = Path(path)
    if not file.is_file():
        file = Path(hoopaddon.addons.__path__[0]) / path
    if not file.is_file():
        raise ConfigError("no such script", file=str(path))
    name = f"__mitmproxy_script__.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module
