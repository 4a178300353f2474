"""Server-sent events (HTML standard, section 9.2.6), one at a time: what JSON an event carries stays JSON.

An event leaves when it ends, and nothing waits longer: a client can do nothing with a part of one.
"""

import re
from collections.abc import Iterator

from hoopaddon.errors import PeerError
from hoopaddon.web.body.jsonruns import document_run
from hoopaddon.web.body.media import is_json
from hoopaddon.web.body.runs import Document, Run, Unfit

_LINE_END = rb"(?>\r\n|\n|\r)"
_ENDS_EVENT = re.compile(_LINE_END + _LINE_END)
_LINES = re.compile(rb"[^\r\n]*+(?:\r\n|\n|\r|\Z)")
_DATA = re.compile(rb"data(?:: ?|(?=[\r\n]|\Z))")


class EventSplitter:
    """The data of each event as JSON where it is that; all else as lines of text."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._text = Document("body")

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        searched = max(0, len(self._held) - 3)
        self._held += data
        start = 0
        while end := _ENDS_EVENT.search(self._held, max(start, searched)):
            yield from self._event(bytes(self._held[start : end.end()]))
            start = end.end()
        del self._held[:start]
        if len(self._held) > self._limit_bytes:
            raise PeerError("server", "sends an event that is too long", limit=self._limit_bytes)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held:
            yield from self._event(bytes(self._held))
            self._held.clear()

    def _event(self, event: bytes) -> Iterator[Run]:
        lines = _LINES.findall(event)
        numbers = [number for number, line in enumerate(lines) if _DATA.match(line)]
        values = [_DATA.sub(b"", lines[number].rstrip(b"\r\n"), count=1) for number in numbers]
        data = b"\n".join(values)
        if not is_json(data):
            yield Run(event, self._text)
            return
        first, last = numbers[0], numbers[-1] + 1
        others = [line for number, line in enumerate(lines) if first <= number < last and number not in numbers]
        # Fields of one event mean the same in any order.
        for text in (b"".join(lines[:first]), b"".join(others)):
            if text:
                yield Run(text, self._text)
        yield _data_run(b"".join(lines[number] for number in numbers), data)
        if text := b"".join(lines[last:]):
            yield Run(text, self._text if text.strip(b"\r\n") else None)


def _data_run(lines: bytes, data: bytes) -> Run:
    run = document_run(data, Document("json"))
    line_end = lines[len(lines.rstrip(b"\r\n")) :]
    line_end = line_end[:2] if line_end.startswith(b"\r\n") else line_end[:1]
    rebuild = run.rebuild

    def event(text: str) -> bytes:
        if rebuild is None:
            raise Unfit("it is no JSON")
        parts = re.split(rb"\r\n|\n|\r", rebuild(text))
        return (line_end or b"\n").join(b"data: " + part for part in parts) + line_end

    return Run(lines, run.document, data.decode("utf-8", "surrogateescape"), event)
