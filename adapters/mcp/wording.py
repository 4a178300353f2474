"""A request as text that policies, people and records see: `read_file {"path": "/etc/hosts"}`."""

import json
import re
from collections.abc import Mapping
from typing import Any

from hoopaddon.adapters.mcp.strict import NotStrict, loads
from hoopaddon.errors import Unparsable

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:$-]{0,127}")
# What is not shown, or changes how what follows is shown; beyond the BMP the language tags, which spell ASCII unseen.
_UNSEEN = re.compile(
    "[\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def text_of(name: str, value: Mapping[str, Any]) -> str:
    """The name and the value, with escapes for what would not be seen.

    In a name they stand for everything that is not ASCII: letters of several scripts look alike.
    """
    shown = name if _PLAIN.fullmatch(name) else seen(json.dumps(name))
    return f"{shown} {seen(json.dumps(value, ensure_ascii=False, default=dict))}"


def seen(text: str) -> str:
    """JSON with an escape in the place of each character that nobody would see."""
    return _UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(found[0]))


def _units(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


def parts_of(text: str) -> tuple[str, dict[str, Any]]:
    """The name and the value of a text in this form. Raises `Unparsable`."""
    text = text.strip()
    try:
        if text.startswith('"'):
            name, end = json.JSONDecoder().raw_decode(text)
        else:
            name, end = text.partition(" ")[0], len(text.partition(" ")[0])
        rest = text[end:].strip()
        value = loads(rest.encode("utf-8"), fold=True) if rest else {}
    except (NotStrict, ValueError) as e:
        reason = str(e) if isinstance(e, NotStrict) else "not JSON"
        raise Unparsable(f"write NAME and its arguments as a JSON object: {reason}") from None
    if not name or not isinstance(value, dict):
        raise Unparsable("write NAME and its arguments as a JSON object")
    return name, value
