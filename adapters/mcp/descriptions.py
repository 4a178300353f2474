"""What a server says of itself and its tools goes into a model's prompt: nothing in it may be unseen by people."""

import re
from collections.abc import Mapping
from typing import Any

from hoopaddon.escapes import CONTROL_SEQUENCE

_HIDDEN = re.compile(
    # Terminals' control sequences, and control characters that are no layout.
    rf"{CONTROL_SEQUENCE}|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    # No width, or an order that is not the one that is read.
    "|[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]"
    # Tags spell ASCII unseen; more than one selector of a glyph's variant spells bytes.
    "|[\U000e0000-\U000e0fff]|[\ufe00-\ufe0f]{2,}"
    # Joiners that join nothing; between letters and in emoji some scripts need them.
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])|[\u200c\u200d]{2,}"
    # A marker of direction beside what has only one.
    "|(?<=[\x00-\x7f])[\u200e\u200f](?=[\x00-\x7f])"
)
_FAR = re.compile(r"[ \t]{80,}|\n{12,}")
# What a program compares with is not to be changed, only to be refused.
_EXACT = frozenset({"name", "pattern", "const", "enum", "default", "uri", "uriTemplate", "required", "$ref"})


def clean(text: str) -> tuple[str, int]:
    """The text without what people would not see in it, and how many characters that were."""
    seen = _HIDDEN.sub("", text)
    near = _FAR.sub(lambda gap: "\n\n" if "\n" in gap[0] else " ", seen)
    return near, len(text) - len(near)


def hides(text: str) -> bool:
    """Whether something in the text would not be seen."""
    return _HIDDEN.search(text) is not None


class Cleaning:
    """One pass over a description as JSON. `removed` counts characters; `unclean`: what is left cannot be used.

    Names and values that programs compare with are not changed: where one of those hides something, the whole of it
    is `unclean`.
    """

    def __init__(self) -> None:
        self.removed = 0
        self.unclean = False

    def of(self, value: Any, name: str = "") -> Any:
        """The value, cleaned."""
        if isinstance(value, str):
            if name in _EXACT:
                self.unclean = self.unclean or hides(value)
                return value
            kept, removed = clean(value)
            self.removed += removed
            return kept
        if isinstance(value, Mapping):
            self.unclean = self.unclean or any(hides(key) for key in value)
            return {key: self.of(child, key) for key, child in value.items()}
        if isinstance(value, list):
            return [self.of(child, name) for child in value]
        return value
