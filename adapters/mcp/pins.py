"""The tools of each server as they were accepted, so that one that changes afterwards is noticed (a "rug pull").

The first description of a tool is taken as it comes. A later one is held until a person accepts it: the model has
been told of the tool by its description, and people have allowed the tool for what it said.
"""

import fcntl
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoopaddon.adapters.mcp.strict import NotStrict, dumps, loads
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.private_file import read_private, replace_private

FOLDER = "mcp-tools"
_SHOWN = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_MAX_TOOLS = 2000
_LARGE_BYTES = 4096


class PinsUnusable(HoopaddonError):
    """The file of accepted tools cannot be read or written: nobody can say which tool has changed."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A tool whose description is not the accepted one. Each is what the server says of it."""

    name: str
    accepted: Mapping[str, Any]
    now: Mapping[str, Any]
    digest: str
    seen_at: float


def digest_of(tool: Mapping[str, Any]) -> str:
    """What identifies a tool's description, schemas and annotations included, whatever the order of their names."""
    shown = {name: tool[name] for name in _SHOWN if name in tool}
    return hashlib.sha256(dumps(_sorted(shown))).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(child) for child in value] if isinstance(value, list) else value


class Pins:
    """The file of one server, which several sessions may use at once."""

    def __init__(self, confdir: Path, server: str, address: str) -> None:
        self._server, self._address = server, address
        mark = hashlib.sha256(f"{server}\0{address}".encode()).hexdigest()[:32]
        self.path = confdir / FOLDER / f"{mark}.json"
        self._stamp: tuple[int, int, int] | None = None
        self._state: dict[str, Any] = {}

    @classmethod
    def all(cls, confdir: Path) -> Iterator["Pins"]:
        """Those of every server that has been seen, by name."""
        found = []
        for path in (confdir / FOLDER).glob("*.json"):
            state = _read(path)
            found.append(cls(confdir, str(state.get("server", "")), str(state.get("address", ""))))
        yield from sorted(found, key=lambda pins: (pins.server, pins.address))

    @property
    def server(self) -> str:
        return self._server

    @property
    def address(self) -> str:
        """The command line or URL that the server is known by."""
        return self._address

    def note(self, tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
        """What the server lists now; the names of those that are not as they were accepted. Raises `PinsUnusable`."""
        with self._changing() as known:
            for tool in tools:
                name, digest = str(tool["name"]), digest_of(tool)
                kept = known.get(name)
                if kept is None:
                    if len(known) >= _MAX_TOOLS:
                        raise PinsUnusable(f"the server has had more than {_MAX_TOOLS} tools")
                    known[name] = {"digest": digest, "tool": _kept(tool), "since": time.time()}
                elif kept["digest"] == digest:
                    kept.pop("changed", None)
                elif kept.get("changed", {}).get("digest") != digest:
                    kept["changed"] = {"digest": digest, "tool": _kept(tool), "since": time.time()}
        return self.held()

    def held(self) -> frozenset[str]:
        """The tools that have changed, as the file stands now. Raises `PinsUnusable`."""
        return frozenset(name for name, kept in self._tools().items() if "changed" in kept)

    def tools(self) -> dict[str, Mapping[str, Any]]:
        """The accepted tools by name. Raises `PinsUnusable`."""
        return {name: kept["tool"] for name, kept in self._tools().items()}

    def changed(self) -> list[Changed]:
        """What waits for a person. Raises `PinsUnusable`."""
        return [
            Changed(name, kept["tool"], kept["changed"]["tool"], kept["changed"]["digest"], kept["changed"]["since"])
            for name, kept in sorted(self._tools().items())
            if "changed" in kept
        ]

    def accept(self, name: str, digest: str) -> bool:
        """Take the description with this digest as accepted; False where it is not the one that waits."""
        with self._changing() as known:
            changed = known.get(name, {}).get("changed", {})
            if changed.get("digest") != digest:
                return False
            known[name] = changed
            return True

    # -- the file

    def _tools(self) -> dict[str, dict[str, Any]]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._stamp, self._state = None, {}
            return {}
        except OSError as e:
            raise PinsUnusable(f"the accepted tools cannot be read: {e.strerror}") from None
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        if stamp != self._stamp:
            self._state, self._stamp = _read(self.path), stamp
        tools: dict[str, dict[str, Any]] = self._state.get("tools", {})
        return tools

    @contextmanager
    def _changing(self) -> Iterator[dict[str, dict[str, Any]]]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                before = _read(self.path) if self.path.exists() else {}
                known = before.get("tools", {})
                yield known
                after = {"server": self._server, "address": self._address, "tools": known}
                if dumps(after) != dumps(_read(self.path) if self.path.exists() else {}):
                    replace_private(self.path, dumps(after))
        except OSError as e:
            raise PinsUnusable(f"the accepted tools cannot be kept: {e.strerror}") from None


def _kept(tool: Mapping[str, Any]) -> dict[str, Any]:
    """What people are shown of a tool; of a large schema only what tells it from another."""
    kept = {name: tool[name] for name in _SHOWN if name in tool}
    for name, value in kept.items():
        if len(data := dumps(value)) > _LARGE_BYTES:
            kept[name] = f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"
    return kept


def _read(path: Path) -> dict[str, Any]:
    try:
        state = loads(read_private(path))
    except (ConfigError, NotStrict, OSError) as e:
        raise PinsUnusable(f"the accepted tools cannot be read: {e}") from None
    if not isinstance(state, dict) or not isinstance(state.get("tools", {}), dict):
        raise PinsUnusable("the file of accepted tools is damaged")
    return state
