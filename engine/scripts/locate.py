"""Where the script is that somebody names."""

import difflib
from importlib.resources import files
from pathlib import Path

from hoopaddon.errors import ConfigError

_SHIPPED = "hoopaddon.addons"


def locate(named: str) -> Path:
    """The file for `-s NAMED`: in the working directory (or as the path says), then among the shipped addons.

    Raises `ConfigError` when it is in neither place.
    """
    own = Path(named.strip("'\" ")).expanduser()
    if own.is_file():
        return own.absolute()
    if own.is_dir():
        raise ConfigError(f"{named} is a folder; name a script in it")
    shipped = shipped_scripts()
    if own.name == str(own) and (found := shipped.get(own.name) or shipped.get(f"{own.name}.py")):
        return found
    raise ConfigError(f"no such script: {named}", hint=_hint(own, shipped))


def shipped_scripts() -> dict[str, Path]:
    """The shipped policies by file name."""
    found = (Path(str(entry)) for entry in files(_SHIPPED).iterdir())
    return {path.name: path for path in sorted(found) if path.suffix == ".py" and not path.name.startswith("_")}


def _hint(own: Path, shipped: dict[str, Path]) -> str:
    where = own.parent if own.is_absolute() else Path.cwd() / own.parent
    looked = f"looked in {where} and among the shipped policies ({', '.join(shipped) or 'none'})"
    beside = [path.name for path in where.glob("*.py")] if where.is_dir() else []
    close = difflib.get_close_matches(own.name, [*shipped, *beside], n=1) or difflib.get_close_matches(
        f"{own.name}.py", [*shipped, *beside], n=1
    )
    return f"{looked}; did you mean {close[0]}?" if close else looked
