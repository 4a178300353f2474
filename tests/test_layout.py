"""The tree keeps its shape: who imports whom, what is installed, how long a file may be."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from hoopaddon.compiled import stale

ROOT = Path(__file__).parents[1]
PACKAGE_OF_FOLDER = {"engine": "hoopaddon", "adapters": "hoopaddon.adapters", "addons": "hoopaddon.addons"}
PUBLIC = ("hoopaddon", "hoopaddon.detect", "hoopaddon.hazards", "hoopaddon.store", "hoopaddon.testing")
LINES_PER_FILE = 400
LINES_PER_FUNCTION = 40

# A file may be here, with the reason why splitting it or its functions would make it harder to read.
LONGER: dict[str, str] = {}


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


SOURCE = list(python_files("engine", "adapters", "addons"))
EVERYTHING = [*SOURCE, *python_files("examples", "tests", "demo", "benchmarks")]


def offenders(paths: Iterable[Path], wrong: Callable[[Path], Any]) -> dict[str, Any]:
    """What is wrong with each file that has something wrong."""
    return {name_of(path): found for path in paths if (found := wrong(path))}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, *, for_types: bool = False) -> list[str]:
    """The dotted names that a file imports when it runs, wherever in it; for `from a import b`, `a.b`.

    With `for_types`, those that only a type checker sees as well.
    """
    found: list[str] = []

    def walk(node: ast.AST) -> None:
        match node:
            case ast.If() if for_types:
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for other in node.orelse:
                    walk(other)
                return
            case ast.Import():
                found.extend(alias.name for alias in node.names)
            case ast.ImportFrom():
                found.extend(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(tree_of(path))
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def public_names(module: str) -> frozenset[str]:
    return frozenset(getattr(import_module(module), "__all__", ()))


def is_public(name: str) -> bool:
    """Whether a policy may import this: a public module, or a name that one exports."""
    module, _, attribute = name.rpartition(".")
    return name in PUBLIC or (module in PUBLIC and attribute in public_names(module))


def test_policies_import_only_what_is_public() -> None:
    def wrong(name: str) -> bool:
        return (within(name, "hoopaddon") and not is_public(name)) or within(name, "mitmproxy.proxy")

    found = offenders(
        python_files("addons", "examples"), lambda path: [n for n in imports(path, for_types=True) if wrong(n)]
    )
    assert found == {}


def test_an_adapter_imports_no_other_adapter_and_no_addon() -> None:
    def wrong(path: Path) -> list[str]:
        parts = path.relative_to(ROOT / "adapters").parts
        own = f"hoopaddon.adapters.{parts[0]}" if len(parts) > 1 else "hoopaddon.adapters"
        foreign = [n for n in imports(path) if within(n, "hoopaddon.adapters") and not within(n, own)]
        return foreign + [n for n in imports(path) if within(n, "hoopaddon.addons")]

    assert offenders(python_files("adapters"), wrong) == {}


def test_the_engine_knows_no_adapter_and_no_addon() -> None:
    # The packages themselves are where installed policies and adapters are looked up; their members are taboo.
    foreign = ("hoopaddon.adapters.", "hoopaddon.addons.", "adapters", "addons", "demo", "tests")

    def wrong(path: Path) -> list[str]:
        return [name for name in imports(path) if name.startswith(foreign)]

    assert offenders(python_files("engine"), wrong) == {}


def test_imports_are_absolute() -> None:
    def relative(path: Path) -> list[int]:
        return [n.lineno for n in ast.walk(tree_of(path)) if isinstance(n, ast.ImportFrom) and n.level]

    assert offenders(EVERYTHING, relative) == {}


def test_no_check_vanishes_under_optimisation() -> None:
    # `python -O` drops an assert, and an assert on a peer's data is a crash that the peer chooses.
    def asserts(path: Path) -> list[int]:
        return [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]

    assert offenders(SOURCE, asserts) == {}


def test_files_are_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in EVERYTHING}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_PER_FILE and name not in LONGER} == {}


def test_functions_are_short() -> None:
    def long(path: Path) -> dict[str, int]:
        functions = (n for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        return {f.name: lines for f in functions if (lines := body_lines(f)) > LINES_PER_FUNCTION}

    assert offenders([path for path in EVERYTHING if name_of(path) not in LONGER], long) == {}


def test_every_exception_is_still_needed() -> None:
    assert [name for name in LONGER if not (ROOT / name).exists()] == []


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function, its signature and docstring aside."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return ((body[-1].end_lineno or 0) - body[0].lineno + 1) if body else 0


def test_every_folder_of_code_is_a_listed_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = project["tool"]["setuptools"]["packages"]
    found = {package_of(path.parent) for path in SOURCE}
    assert sorted(listed) == sorted(found)


def test_what_is_installed_is_what_is_in_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for entry in distribution("hoopaddon").entry_points:
        assert import_module(entry.module)
    for package in project["tool"]["setuptools"]["packages"]:
        installed = Path(import_module(package).__path__[0])
        source = next(path.parent for path in SOURCE if package_of(path.parent) == package)
        here = {path.name for path in source.glob("*.py")}
        assert {path.name for path in installed.glob("*.py")} == here
        assert all((installed / name).resolve() == (source / name).resolve() for name in here)
    assert (ROOT / "engine" / "py.typed").exists()


def test_what_is_compiled_is_there_and_does_not_recurse() -> None:
    # A compiled function that calls itself has no limit but the stack's end: data that nests could crash the process.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    compiled = project["tool"]["hoopaddon"]["compiled"]
    by_name = {f"{package_of(path.parent)}.{path.stem}": path for path in SOURCE}

    def recursive(path: Path) -> list[str]:
        functions = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        return [f.name for f in functions if f.name in {called(n) for n in ast.walk(f) if isinstance(n, ast.Call)}]

    assert compiled == sorted(compiled)
    assert [name for name in compiled if name not in by_name] == []
    assert offenders([by_name[name] for name in compiled], recursive) == {}


def test_what_is_compiled_counts_no_slice_from_its_end() -> None:
    # Of bytes that are too short for it, b""[1:-1], mypyc makes an internal error where Python makes b"".
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    compiled = project["tool"]["hoopaddon"]["compiled"]
    by_name = {f"{package_of(path.parent)}.{path.stem}": path for path in SOURCE}

    def from_the_end(path: Path) -> list[int]:
        slices = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Slice)]
        return [s.lineno for s in slices if isinstance(s.upper, ast.UnaryOp) and isinstance(s.upper.op, ast.USub)]

    assert offenders([by_name[name] for name in compiled], from_the_end) == {}


def test_what_is_compiled_has_no_abstract_base_classes() -> None:
    # Those of mypyc share the memory of who is no instance: asked for one class, it answers for another.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    compiled = project["tool"]["hoopaddon"]["compiled"]
    by_name = {f"{package_of(path.parent)}.{path.stem}": path for path in SOURCE}

    def abstract(path: Path) -> list[str]:
        return [name for name in imports(path) if within(name, "abc")]

    assert offenders([by_name[name] for name in compiled], abstract) == {}


def called(call: ast.Call) -> str:
    """The name of the function, or of the own method, that a call calls; empty for what belongs to another."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            return name
    return ""


def test_the_busiest_modules_are_compiled_from_what_is_in_the_tree() -> None:
    assert stale() == [], "their sources are newer than what runs: `make setup` compiles them again"


def package_of(folder: Path) -> str:
    top, *rest = folder.relative_to(ROOT).parts
    return ".".join([PACKAGE_OF_FOLDER[top], *rest])


def test_nothing_names_a_home_folder() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name] or EVERYTHING
    home = re.compile(rb"/(?:home|Users)/(?!me/|you/|user/)[a-z]|/root/")
    named = [name_of(f) for f in files if f.is_file() and f != Path(__file__) and home.search(f.read_bytes())]
    assert named == []
