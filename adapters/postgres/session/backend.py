"""The server's half of a session: its stream is cut into messages, and runs of them that nobody edits leave in one
piece, as they came."""

from collections.abc import Awaitable

from hoopaddon.adapters.postgres.protocol.codec import INT32
from hoopaddon.adapters.postgres.protocol.runs import run_of
from hoopaddon.adapters.postgres.session.answers import Answers
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.errors import PeerError

MAX_MESSAGE_BYTES = 1024 * 1024 * 1024
"""PostgreSQL's own limit; only rows that a policy looks at are kept whole, and only one at a time."""

_DATA_ROW = ord("D")
_COPY_DATA = ord("d")
_ROWS = (_DATA_ROW, _COPY_DATA)
_length_at = INT32.unpack_from


class Backend:
    """Takes the server's bytes; see the module."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._answers = Answers(link)
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._pass = 0

    @property
    def wait(self) -> Awaitable[None] | None:
        """What a policy awaits before anything further can be looked at."""
        return self._answers.wait

    def data(self, data: bytes) -> None:
        """Take the server's bytes. Raises `PeerError` for what no server may send here."""
        if self._pass:
            data = self._pass_on(data)
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need or self.wait is not None:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        elif self.wait is not None:
            self._keep(data, 5)
            return
        if data:
            self._advance(data)

    @property
    def mid_message(self) -> bool:
        """Whether the client has the beginning of a message: whatever comes next it takes for the rest."""
        return self._pass > 0 and self._answers.withheld is None

    def advance(self) -> None:
        """Go on after the wait."""
        self._answers.wait = None
        data = b"".join(self._parts)
        self._parts.clear()
        if data:
            self._advance(data)
        elif self._answers.withheld is not None:
            self._answers.withheld.stop()

    def _keep(self, data: bytes, need: int) -> None:
        if data:
            self._parts.append(data)
            self._have, self._need = len(data), need

    def _pass_on(self, data: bytes) -> bytes:
        """Forward the rest of a message that began to leave before it was whole."""
        head = data[: self._pass]
        self._pass -= len(head)
        if self._answers.withheld is None:
            self._link.to_client.append(head)
        return data[len(head) :]

    def _advance(self, data: bytes) -> None:
        """Look at whole messages. `start` is where the run begins that leaves as it is."""
        position = start = 0
        size = len(data)
        out = self._link.to_client
        answers = self._answers
        while size - position >= 5:
            kind = data[position]
            length: int = _length_at(data, position + 1)[0]
            if not 4 <= length <= MAX_MESSAGE_BYTES:
                raise PeerError("server", "a message of an impossible length", limit=MAX_MESSAGE_BYTES)
            end = position + 1 + length
            if end > size:
                break
            if kind in (_DATA_ROW, _COPY_DATA):
                starts: list[int] = []
                end = run_of(data, position, starts)
                if kind == _DATA_ROW:
                    edited = answers.rows(data, position, end, len(starts))
                else:
                    edited = answers.copy_data(data, position, end, starts)
            else:
                handler = answers.handlers.get(kind)
                if handler is None:
                    raise PeerError("server", "a message of a type that no server sends here")
                message = data[position:end]
                edited = handler(message)
                if edited is message:
                    edited = None
            if edited is not None:
                out.append(data[start:position])
                out.append(edited)
                start = end
            position = end
            if answers.wait is not None:
                break
        out.append(data[start:position])
        self._keep_rest(data, position)
        if answers.withheld is not None and answers.wait is None:
            # Its end was not among what has come.
            answers.withheld.stop()
        self._link.check_drained()

    def _keep_rest(self, data: bytes, position: int) -> None:
        """Keep what is no whole message yet; of a row that nobody looks at, forward what may leave."""
        rest = data[position:]
        need = 1 + _length_at(rest, 1)[0] if len(rest) >= 5 else 5
        if self.wait is not None or not need > len(rest) >= 5 or rest[0] not in _ROWS:
            self._keep(rest, need)
        elif self._answers.withheld is not None:
            self._pass = need - len(rest)
        elif not self._answers.wants_rows:
            self._answers.count_rows(1 if rest[0] == _DATA_ROW else 0, need)
            self._link.to_client.append(rest)
            self._pass = need - len(rest)
        else:
            self._keep(rest, need)
