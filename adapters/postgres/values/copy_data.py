"""The data of a COPY … TO STDOUT as `Rows`, whatever the messages that it is cut into.

PostgreSQL sends a row per CopyData message; then nothing is copied, and what no policy edits leaves as it came. The
protocol lets a server cut its data anywhere (section 54.2.6); then each row is put into a message of its own.
"""

import struct
from collections.abc import Sequence

from hoopaddon.adapters.postgres.protocol.encodings import embeds_ascii
from hoopaddon.adapters.postgres.protocol.runs import each_ends_with, run_of
from hoopaddon.adapters.postgres.values.copy_binary import BinarySplitter, CopyBinaryRows
from hoopaddon.adapters.postgres.values.copy_format import CopyFormat
from hoopaddon.adapters.postgres.values.copy_rows import CopyLineRows, Span, WholeLines
from hoopaddon.adapters.postgres.values.copy_text import line_grammar
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column

_HEAD = struct.Struct("!BI")
_COPY_DATA = ord("d")
_NEWLINE = ord("\n")

MAX_ROW_BYTES = 64 * 1024 * 1024

type CopyRows = CopyLineRows | CopyBinaryRows


class CopyReader:
    """Takes a COPY's messages and gives its rows, of which at most one is kept waiting for its end.

    `types` are the columns' OIDs where the session knows them: without them, a mask in binary data is NULL, and one
    in text or CSV data is any text.
    """

    def __init__(
        self,
        format: CopyFormat,
        columns: Sequence[Column],
        types: Sequence[int] = (),
        *,
        limit_bytes: int = MAX_ROW_BYTES,
    ) -> None:
        self.format = format
        self.columns = tuple(columns)
        self._types = tuple(types)
        self._limit = limit_bytes
        self._waiting = bytearray()
        self._header_due = format.header and format.kind != "binary"
        self._grammar = line_grammar(CopyFormat() if format.kind == "binary" else format)
        self._tuples = BinarySplitter(len(self.columns))

    def read(self, command: Command, data: bytes, starts: Sequence[int] = ()) -> CopyRows:
        """The rows that end in these whole CopyData messages; their `wire()` is what goes to the client.

        `starts` are where the messages begin, for whom knows.
        """
        if lines := self._whole_lines(data, starts):
            return CopyLineRows(command, self.columns, data, lines, self._grammar, self._types, self.format.encoding)
        batch = _Batch(data)
        position, size = 0, len(data)
        while position < size:
            kind, length = _head(data, position)
            end = position + 1 + length
            if kind != _COPY_DATA or length < 4 or end > size:
                raise PeerError("server", "a CopyData message that is not whole")
            self._take(batch, position, data[position + 5 : end])
            position = end
        return self._rows(command, batch)

    def finish(self, command: Command) -> CopyRows:
        """The rest, when the data has ended: a line without a newline, or a binary COPY that was cut short."""
        batch = _Batch(b"")
        if self._waiting:
            rest = bytes(self._waiting)
            self._waiting.clear()
            # A tuple that is not whole is no row, so nobody can look into it.
            if self.format.kind == "binary":
                raise PeerError("server", "binary COPY data that ends in a row")
            batch.reframe(0)
            self._add(batch, rest, 0)
        return self._rows(command, batch)

    def _rows(self, command: Command, batch: "_Batch") -> CopyRows:
        data, encoding = batch.data(), self.format.encoding
        if self.format.kind == "binary":
            return CopyBinaryRows(command, self.columns, data, batch.spans, self._types, encoding)
        return CopyLineRows(command, self.columns, data, batch.spans, self._grammar, self._types, encoding)

    def _take(self, batch: "_Batch", position: int, payload: bytes) -> None:
        if self.format.kind == "binary":
            self._take_tuples(batch, position, payload)
        else:
            self._take_lines(batch, position, payload)
        if len(self._waiting) > self._limit:
            raise PeerError("server", "a row of COPY data that is too long", limit=self._limit)

    # -- text and CSV

    def _whole_lines(self, data: bytes, starts: Sequence[int]) -> WholeLines | None:
        """The rows where each is a message, as PostgreSQL sends them; None where that is not so, or hard to tell."""
        if self.format.kind == "binary" or self._waiting or self._header_due or len(data) > self._limit:
            return None
        starts = starts or _starts(data)
        newlines = data.count(b"\n")
        if newlines != len(starts):
            newlines -= sum([data.count(b"\n", start, start + 5) for start in starts])
        if not starts or newlines != len(starts) or not each_ends_with(data, starts, _NEWLINE):
            return None
        lines = WholeLines(starts, len(data))
        # Between quotes a newline does not end a row. Quotes in the messages' lengths are none.
        ends = self._grammar.ends_at_newlines
        return lines if ends(data) or ends(b"\n".join(lines.lines(data))) else None

    def _take_lines(self, batch: "_Batch", position: int, payload: bytes) -> None:
        row_end, at = self._grammar.row_end, 0
        while at < len(payload):
            end = row_end(payload, at)
            if end == len(payload) and at == 0 and not self._waiting and not batch.reframed:
                self._add_whole(batch, position, end)
                return
            if embeds_ascii(self.format.encoding):
                raise PeerError("server", "rows that are not a message each, in an encoding that hides their ends")
            batch.reframe(position)
            if end < 0:
                self._waiting += payload[at:]
                return
            row = payload[at:end]
            if self._waiting:
                row = bytes(self._waiting) + row
                self._waiting.clear()
            self._add(batch, row, 0)
            at = end

    def _add_whole(self, batch: "_Batch", position: int, size: int) -> None:
        """A message that is a row as it stands."""
        if size > self._limit:
            raise PeerError("server", "a row of COPY data that is too long", limit=self._limit)
        if self._header_due:
            self._header_due = False
        else:
            batch.spans.append((position, position + 5, position + 5 + size))

    def _add(self, batch: "_Batch", piece: bytes, begin: int) -> None:
        """A piece of the data, to be put into a message of its own; its row begins at `begin`."""
        if len(piece) > self._limit:
            raise PeerError("server", "a row of COPY data that is too long", limit=self._limit)
        row = begin < len(piece) and not self._header_due
        self._header_due = False
        batch.add(piece, begin, row)

    # -- binary

    def _take_tuples(self, batch: "_Batch", position: int, payload: bytes) -> None:
        if not self._waiting and not batch.reframed and payload:
            _, begin, end = self._tuples.next(payload, 0)
            if end == len(payload):
                if end - begin > self._limit:
                    raise PeerError("server", "a row of COPY data that is too long", limit=self._limit)
                if begin < end:
                    batch.spans.append((position, position + 5 + begin, position + 5 + end))
                return
            batch.reframe(position)
            if end > 0:
                self._add(batch, payload[:end], begin)
                payload = payload[end:]
        self._waiting += payload
        batch.reframe(position)
        self._drain_tuples(batch)

    def _drain_tuples(self, batch: "_Batch") -> None:
        at, waiting = 0, self._waiting
        while at < len(waiting):
            start, begin, end = self._tuples.next(waiting, at)
            if end < 0:
                break
            self._add(batch, bytes(waiting[start:end]), begin - start)
            at = end
        del waiting[:at]


class _Batch:
    """The messages of one batch and the rows in them: the server's own as long as each is a row, else made anew."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts: list[bytes] = []
        self._size = 0
        self.spans: list[Span] = []
        self.reframed = False

    def reframe(self, position: int) -> None:
        """From this offset on, messages are made anew."""
        if not self.reframed:
            self.reframed = True
            self._parts.append(self._data[:position])
            self._size = position

    def add(self, piece: bytes, begin: int, row: bool) -> None:
        """A message with this piece of the data."""
        start = self._size + 5
        if row:
            self.spans.append((self._size, start + begin, start + len(piece)))
        self._parts.append(_HEAD.pack(_COPY_DATA, len(piece) + 4))
        self._parts.append(piece)
        self._size = start + len(piece)

    def data(self) -> bytes:
        return b"".join(self._parts) if self.reframed else self._data


def _starts(data: bytes) -> list[int]:
    """Where each CopyData message begins; none where one is not whole."""
    starts: list[int] = []
    whole = data[:1] == b"d" and run_of(data, 0, starts) == len(data)
    return starts if whole else []


def _head(data: bytes, position: int) -> tuple[int, int]:
    try:
        kind, length = _HEAD.unpack_from(data, position)
    except struct.error:
        raise PeerError("server", "a CopyData message that is not whole") from None
    return kind, length
