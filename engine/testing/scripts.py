"""Scripts by path, found and imported as `-s` does it."""

import os
from types import ModuleType

from hoopaddon.scripts.imports import ScriptImports
from hoopaddon.scripts.load import explain
from hoopaddon.scripts.locate import locate


def load(path: str | os.PathLike[str]) -> ModuleType:
    """The script at `path`, or the shipped one of that name, imported anew: what `judge` takes as a policy.

    Raises ConfigError that says where the script is wrong.
    """
    imports = ScriptImports(locate(os.fspath(path)))
    try:
        module = imports.run()
    except (Exception, SystemExit) as e:
        imports.unload()
        raise explain(e, imports) from e
    # It stays imported: a hook may import a module beside the script when it is called.
    return module
