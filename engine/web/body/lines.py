"""Text in runs of whole lines, for what has no better border."""

from collections.abc import Iterator

from hoopaddon.stream import HELD_BYTES as HELD_LINE_BYTES
from hoopaddon.stream import long_line_cut, whole_characters
from hoopaddon.web.body.runs import PIECE_BYTES, Document, Run


class LineSplitter:
    """Lines; one that is too long is cut where a value is least likely to go on."""

    def __init__(self) -> None:
        self._document = Document("body")
        self._held = bytearray()

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        for start in range(0, len(data), PIECE_BYTES):
            self._held += data[start : start + PIECE_BYTES]
            cut = max(self._held.rfind(b"\n"), self._held.rfind(b"\r")) + 1
            if len(self._held) - cut > HELD_LINE_BYTES:
                cut = long_line_cut(bytes(self._held), cut)
            if cut := min(cut, whole_characters(bytes(self._held))):
                yield self._run(cut)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held:
            yield self._run(len(self._held))

    def _run(self, length: int) -> Run:
        data = bytes(self._held[:length])
        del self._held[:length]
        return Run(data, self._document)
