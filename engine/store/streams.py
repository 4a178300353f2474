"""Text that streams to a client (a terminal's screen, what a program prints), as a journal holds it.

An event of type `output` has `text`, or, where what was sent is not UTF-8, `base64`: the bytes as they were sent.
Text in memory stands for its bytes by the error handler `surrogateescape`, as the policies see it.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

TERMINAL: Final = "terminal"
RESIZE: Final = "resize"
"""Of an output whose text is the terminal's size from now on, `COLUMNSxROWS`."""
STREAMED: Final = frozenset({"stdout", "stderr", TERMINAL})
TEXTS: Final = STREAMED | {"body", "json", "log", "file_read", "file_written"}
"""What comes in pieces; an answer's body and a file do, too, though nobody watches them come."""


def encoded(text: str) -> bytes:
    """The bytes that the text stands for. A surrogate that stands for none, as only a policy makes, is spelt out."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def fields_of(text: str, data: bytes) -> dict[str, str]:
    """What an event says of this text, whose bytes are `data`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"base64": base64.b64encode(data).decode()}
    return {"text": text}


def bytes_of(event: Mapping[str, Any]) -> bytes:
    """What was sent; nothing for an event that says it in no way that a gateway writes."""
    if isinstance(said := event.get("base64"), str):
        try:
            return base64.b64decode(said, validate=True)
        except (binascii.Error, ValueError):
            return b""
    said = event.get("text")
    return encoded(said) if isinstance(said, str) else b""


def text_of(event: Mapping[str, Any]) -> str:
    """The same for reading: what is not UTF-8 in it becomes U+FFFD."""
    return bytes_of(event).decode("utf-8", "replace")


def size_of(text: str) -> tuple[int, int] | None:
    """The columns and rows that a resize says."""
    columns, _, rows = text.partition("x")
    if not (columns.isascii() and columns.isdecimal() and rows.isascii() and rows.isdecimal()):
        return None
    return (int(columns[:5]), int(rows[:5])) if int(columns[:5]) and int(rows[:5]) else None
