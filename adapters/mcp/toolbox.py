"""The tools of one server as one client may know them: which are offered, which are held, what is said of them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any
from unicodedata import normalize

from hoopaddon.adapters.mcp.descriptions import Cleaning, hides
from hoopaddon.adapters.mcp.pins import Pins, PinsUnusable

logger = logging.getLogger(__name__)

_HINTS = {
    "readOnlyHint": "read_only",
    "destructiveHint": "destructive",
    "idempotentHint": "idempotent",
    "openWorldHint": "open_world",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """What has to be known of a tool when it is called."""

    annotations: Mapping[str, bool]
    arguments: frozenset[str]
    structured: bool
    """Whether its result has a schema."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The patterns of tools' names that the operator offers, and those that are not offered all the same."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        # Servers that fold names would take Delete_File for delete_file, and so one in letters of full width.
        folded = normalize("NFKC", name).casefold().strip()
        if any(fnmatchcase(folded, pattern.casefold()) for pattern in self.denied):
            return False
        return not self.allowed or any(fnmatchcase(name, pattern) for pattern in self.allowed)


EVERYTHING = Offer()


class Toolbox:
    """See the module. `pins` is None where nobody keeps what was accepted."""

    def __init__(self, pins: Pins | None, offer: Offer = EVERYTHING) -> None:
        self._pins = pins
        self._offer = offer
        self._tools: dict[str, Tool] = {}
        self._withheld: frozenset[str] = frozenset()

    def find(self, name: str) -> Tool | None:
        """What is known of the tool from this session; None where the client has called it without having seen it."""
        return self._tools.get(name)

    def was_listed(self, name: str) -> bool:
        """Whether the server has shown the tool, now or in an earlier session."""
        if name in self._tools:
            return True
        try:
            return self._pins is not None and name in self._pins.tools()
        except PinsUnusable:
            return False

    def refusal(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Why the tool cannot be called with these arguments, whatever the policies say; empty where it can."""
        if hides(name) or not name.isprintable() or name != name.strip():
            return "the tool's name has something in it that nobody would see"
        if not self._offer.has(name):
            return f"the tool {_shown(name)} is not offered here"
        if name in self._withheld:
            return f"the tool {_shown(name)} was not in the list of tools that you were given"
        try:
            held = self._pins.held() if self._pins is not None else frozenset()
        except PinsUnusable as e:
            return f"nobody can say whether the tool has changed: {e}"
        if name in held:
            return changed(name)
        tool = self._tools.get(name)
        known = tool.arguments if tool is not None else frozenset()
        for argument in arguments:
            if argument not in known and (close := _same_name(argument, known)):
                # Some servers take Path for path, and a policy that looks at path would not.
                return f"the argument {close} is spelt in another case"
        return ""

    def listed(self, tools: Sequence[Any]) -> list[dict[str, Any]]:
        """The tools of one page of a list, as the client may see them. Raises `PinsUnusable`."""
        offered = [tool for tool in tools if _is_tool(tool) and self._offer.has(tool["name"])]
        held = self._pins.note(offered) if self._pins is not None else frozenset()
        shown = []
        for tool in offered:
            name = tool["name"]
            cleaning = Cleaning()
            cleaned = cleaning.of(tool)
            if cleaning.unclean:
                logger.warning("the tool %s is left out: its name or schema hides characters", _shown(name))
                continue
            if cleaning.removed:
                logger.warning("%d hidden characters taken out of the tool %s", cleaning.removed, _shown(name))
            if name in held:
                logger.warning("the tool %s has changed, and is held until a person accepts it", _shown(name))
                self._tools.pop(name, None)
                shown.append({"name": name, "description": changed(name), "inputSchema": {"type": "object"}})
                continue
            self._tools[name] = _known(tool)
            shown.append(cleaned)
        return shown

    def given(self, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> None:
        """A policy has taken some out of a list: these cannot be called either, until they are listed again."""
        kept = {tool["name"] for tool in after}
        gone = {tool["name"] for tool in before} - kept
        self._withheld = (self._withheld - kept) | gone


def changed(name: str) -> str:
    """What clients are told of a tool that is held."""
    return (
        f"The tool {_shown(name)} has changed since it was accepted, and is held until a person accepts it: "
        "hoopaddon mcp tools list"
    )


def _is_tool(tool: Any) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("name"), str) and 0 < len(tool["name"]) <= 256


def _known(tool: Mapping[str, Any]) -> Tool:
    said = tool.get("annotations")
    hints = {
        name: said[hint]
        for hint, name in _HINTS.items()
        if isinstance(said, Mapping) and isinstance(said.get(hint), bool)
    }
    schema = tool.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    names = frozenset(properties) if isinstance(properties, Mapping) else frozenset()
    return Tool(MappingProxyType(hints), names, isinstance(tool.get("outputSchema"), Mapping))


def _same_name(name: str, names: frozenset[str]) -> str:
    folded = name.casefold()
    return next((other for other in names if other.casefold() == folded), "")


def _shown(name: str) -> str:
    return "?" if hides(name) else name[:64]
