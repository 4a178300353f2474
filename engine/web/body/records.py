"""Tables and forms in runs of whole records: CSV and TSV (RFC 4180), and form fields."""

from collections.abc import Iterator

from hoopaddon.errors import PeerError
from hoopaddon.web.body.runs import PIECE_BYTES, Document, Run


class RecordSplitter:
    """Ends a run behind one of these marks; not between quotes, where the format has them."""

    def __init__(self, kind: str, marks: bytes, limit_bytes: int, *, quotes: bool) -> None:
        self._document = Document(kind)
        self._marks = [marks[n : n + 1] for n in range(len(marks))]
        self._limit_bytes = limit_bytes
        self._quotes = quotes
        self._inside = False
        self._held = bytearray()

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            cut = self._border(piece)
            before = len(self._held)
            self._held += piece
            if cut:
                yield self._run(before + cut)
            elif len(self._held) > self._limit_bytes:
                raise PeerError("server", "sends a record that is too long", limit=self._limit_bytes)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held:
            yield self._run(len(self._held))

    def _border(self, data: bytes) -> int:
        """Where the last record ends in this data; 0 where none does."""
        end, inside = len(data), False
        if self._quotes:
            inside = self._inside = self._inside ^ bool(data.count(b'"') & 1)
        while True:
            quote = data.rfind(b'"', 0, end) if self._quotes else -1
            if not inside:
                cut = max(data.rfind(mark, quote + 1, end) for mark in self._marks)
                if cut >= 0:
                    return cut + 1
            if quote < 0:
                return 0
            end, inside = quote, not inside

    def _run(self, length: int) -> Run:
        data = bytes(self._held[:length])
        del self._held[:length]
        return Run(data, self._document)
