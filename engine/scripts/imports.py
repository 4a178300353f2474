"""A script's own imports, apart from everybody else's.

Each time that a script is loaded, it and the modules beside it live in a package of their own, so that two scripts
may both have a `helpers.py`, a changed helper is really read again, and the version before goes on working with
the helper that it was loaded with. Names from elsewhere are imported as usual.
"""

import builtins
import importlib
import importlib.abc
import itertools
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from hoopaddon.scripts.versions import Version, look_again, read

_PREFIX = "hoopaddon_script_"
_numbers = itertools.count(1)

# A copy of these beside a script would be another Refused than the one that the gateway knows.
_NEVER_LOCAL = frozenset({"hoopaddon", "mitmproxy"}) | sys.stdlib_module_names


class ScriptImports:
    """One loading of one script: its package, and which files it was made of."""

    def __init__(self, script: Path) -> None:
        self.script = script
        self.folder = script.parent
        self.package = f"{_PREFIX}{next(_numbers)}"
        self.versions: dict[Path, Version | None] = {}
        """Every file that was read, and those that were looked for and are not there."""
        self._main = f"{self.package}.{script.stem.replace('.', '_')}"
        self._builtins = {**vars(builtins), "__import__": self._import}

    def run(self) -> ModuleType:
        """Execute the script. Raises whatever it raises; `unload` afterwards is up to the caller."""
        importlib.invalidate_caches()
        package = ModuleType(self.package)
        package.__path__ = [str(self.folder)]
        sys.modules[self.package] = package
        _loadings[self.package] = self
        return importlib.import_module(self._main)

    def unload(self) -> None:
        """Forget the modules; what still runs of them keeps what it has."""
        _loadings.pop(self.package, None)
        for name in [n for n in sys.modules if n == self.package or n.startswith(f"{self.package}.")]:
            del sys.modules[name]

    def plain(self, text: str) -> str:
        """An error message without the name of the private package in it."""
        return text.replace(f"{self.package}.", "")

    def owns(self, module_name: str) -> bool:
        return module_name.startswith(f"{self.package}.")

    def _import(
        self,
        name: str,
        namespace: Mapping[str, Any] | None = None,
        local_names: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What `import` does in the script and its helpers."""
        top = name.partition(".")[0]
        if level or not self._is_local(top):
            return builtins.__import__(name, namespace, local_names, fromlist or (), level)
        found = builtins.__import__(f"{self.package}.{name}", namespace, local_names, fromlist or (), 0)
        return found if fromlist else sys.modules[f"{self.package}.{top}"]

    def _is_local(self, top: str) -> bool:
        if top in _NEVER_LOCAL:
            return False
        if f"{self.package}.{top}" in sys.modules:
            return True
        candidates = [self.folder / f"{top}.py", self.folder / top / "__init__.py"]
        if any(path.is_file() for path in candidates):
            return True
        if top in sys.modules or find_spec(top) is not None:
            return False
        self.versions.update(dict.fromkeys(candidates))
        return (self.folder / top).is_dir()

    def find(self, fullname: str, path: Sequence[str]) -> ModuleSpec | None:
        """Where a module of the private package is, if it is a Python source."""
        if fullname == self._main:
            return self._spec(fullname, self.script)
        name = fullname.rpartition(".")[2]
        for folder in map(Path, path):
            if (package := folder / name / "__init__.py").is_file():
                return self._spec(fullname, package, [str(package.parent)])
            if (module := folder / f"{name}.py").is_file():
                return self._spec(fullname, module)
        return None

    def _spec(self, fullname: str, file: Path, inside: list[str] | None = None) -> ModuleSpec | None:
        loader = _FreshLoader(fullname, file, self)
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=inside)

    def code(self, loader: "_FreshLoader", file: Path) -> CodeType:
        try:
            content, self.versions[file] = read(file)
        except OSError:
            self.versions[file] = look_again(file, None)
            raise
        return loader.source_to_code(content, str(file))

    def prepare(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._builtins


class _FreshLoader(SourceFileLoader):
    """Compiles what is in the file now; a cached compilation may be of the version saved a moment before."""

    def __init__(self, fullname: str, file: Path, imports: ScriptImports) -> None:
        super().__init__(fullname, str(file))
        self._file = file
        self._imports = imports

    def get_code(self, fullname: str) -> CodeType:
        return self._imports.code(self, self._file)

    def exec_module(self, module: ModuleType) -> None:
        self._imports.prepare(module)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        loading = _loadings.get(fullname.partition(".")[0])
        return loading.find(fullname, path) if loading and path is not None else None


_loadings: dict[str, ScriptImports] = {}
sys.meta_path.insert(0, _Finder())
