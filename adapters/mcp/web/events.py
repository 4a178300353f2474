"""Server-sent events (HTML Living Standard, section 9.2), in pieces as they come."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hoopaddon.errors import PeerError

_DATA = "data"
_KNOWN = {
    "": re.compile(r".*", re.DOTALL),
    "event": re.compile(r"[ -~]{0,128}"),
    "id": re.compile(r"[A-Za-z0-9_.~:/+=|,;-]{1,512}"),
    "retry": re.compile(r"[0-9]{1,10}"),
}
"""Fields that clients know, and what they can be; comments keep a connection alive, and their text is for nobody.

Others are left out: what is one to some readers (behind a byte order mark, say) is none to others.
"""
_NOTHING = re.compile(r"(?!)")


@dataclass(slots=True)
class Event:
    """One event: its fields but for the data, in their order, and the data."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    data: str = ""

    @property
    def type(self) -> str:
        """What kind of event it is: that which it says last; empty for a message."""
        return next((value for name, value in reversed(self.fields) if name == "event"), "")

    def write(self) -> bytes:
        """The event as it is sent."""
        lines = [f"{name}: {value}" if name else ":" for name, value in self.fields]
        if self.data:
            lines += [f"data: {line}" for line in self.data.split("\n")]
        return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape")


class Events:
    """Events out of bytes. Raises `PeerError` for one that is longer than `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._waiting = bytearray()
        self._event = Event()
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that end in the data."""
        self._waiting += data
        if len(self._waiting) + self._size > self._limit + len(data):
            raise PeerError("server", "an event is too long", limit=self._limit)
        *lines, rest = self._lines()
        self._waiting = bytearray(rest)
        for line in lines:
            yield from self._line(line)

    def _lines(self) -> list[bytes]:
        # A carriage return at the end may be half of a line's end.
        held = b"\r" if self._waiting.endswith(b"\r") else b""
        text = bytes(self._waiting[: len(self._waiting) - len(held)])
        parts = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        parts[-1] += held
        return parts

    def _line(self, line: bytes) -> Iterator[Event]:
        if not line:
            event, self._event = self._event, Event()
            event.data, self._data, self._size = "\n".join(self._data), [], 0
            if event.fields or event.data:
                yield event
            return
        self._size += len(line)
        if self._size > self._limit:
            raise PeerError("server", "an event is too long", limit=self._limit)
        name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
        value = value.removeprefix(" ")
        if name == _DATA:
            self._data.append(value)
        elif _KNOWN.get(name, _NOTHING).fullmatch(value):
            self._event.fields.append((name, value))
