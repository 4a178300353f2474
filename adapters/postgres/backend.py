"""The server's half of a session: answers are matched with what was asked, rows and text go through the policies.

Runs of messages that nobody edits leave in one piece, as they came.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from hoopaddon.adapters.postgres import codec
from hoopaddon.adapters.postgres.codec import INT32, Diagnostics
from hoopaddon.adapters.postgres.command import PostgresQuery
from hoopaddon.adapters.postgres.copying import CopyRows, copy_reader
from hoopaddon.adapters.postgres.description import Field, with_formats
from hoopaddon.adapters.postgres.link import Link, refusal
from hoopaddon.adapters.postgres.pipeline import Answer, Expected
from hoopaddon.adapters.postgres.rows import PostgresRows
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.output import Output

MAX_MESSAGE_BYTES = 1024 * 1024 * 1024
"""PostgreSQL's own limit; only rows that a policy looks at are kept whole, and only one at a time."""

_DATA_ROW = ord("D")
_length_at = INT32.unpack_from

# The fields of an error or notice that can quote data: message, detail, hint, internal query, context (54.8).
_QUOTING_FIELDS = (b"M", b"D", b"H", b"q", b"W")

_SCHEMA_TAGS = ("CREATE", "ALTER", "DROP", "SELECT INTO")


class Backend:
    """Takes the server's bytes; see the module."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._pass = 0
        self.wait: Awaitable[None] | None = None
        self._handlers: dict[int, Callable[[bytes], bytes]] = {
            ord("T"): self._row_description,
            ord("C"): self._command_complete,
            ord("Z"): self._ready_for_query,
            ord("1"): self._parse_complete,
            ord("2"): self._bind_complete,
            ord("3"): self._close_complete,
            ord("n"): self._no_data,
            ord("t"): self._parameter_description,
            ord("s"): self._portal_suspended,
            ord("I"): self._command_complete,
            ord("E"): self._error,
            ord("N"): self._notice,
            ord("A"): self._notification,
            ord("S"): self._parameter_status,
            ord("G"): self._copy_in,
            ord("H"): self._copy_out,
            ord("d"): self._copy_data,
            ord("c"): self._copy_done,
        }

    # -- cutting

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

    def advance(self) -> None:
        """Go on after a wait."""
        data = b"".join(self._parts)
        self._parts.clear()
        if data:
            self._advance(data)

    def _keep(self, data: bytes, need: int) -> None:
        if data:
            self._parts.append(data)
            self._have, self._need = len(data), need

    def _pass_on(self, data: bytes) -> bytes:
        """Forward the rest of a message that began to leave before it was whole."""
        head = data[: self._pass]
        self._pass -= len(head)
        self._link.to_client.append(head)
        return data[len(head) :]

    def _advance(self, data: bytes) -> None:
        """Look at whole messages. `start` is where the run begins that leaves as it is."""
        position = start = 0
        size = len(data)
        out = self._link.to_client
        while size - position >= 5:
            kind = data[position]
            length: int = _length_at(data, position + 1)[0]
            if not 4 <= length <= MAX_MESSAGE_BYTES:
                raise PeerError("server", "a message of an impossible length", limit=MAX_MESSAGE_BYTES)
            end = position + 1 + length
            if end > size:
                break
            if kind == _DATA_ROW:
                end, count = _run_of_rows(data, position, end, size)
                edited = self._rows(data, position, end, count)
            else:
                handler = self._handlers.get(kind)
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
            if self.wait is not None:
                break
        out.append(data[start:position])
        self._keep_rest(data, position)
        self._link.check_drained()

    def _keep_rest(self, data: bytes, position: int) -> None:
        """Keep what is no whole message yet; of a row that nobody looks at, forward what there is."""
        rest = data[position:]
        need = 1 + _length_at(rest, 1)[0] if len(rest) >= 5 else 5
        if self.wait is None and need > len(rest) >= 5 and rest[0] == _DATA_ROW and not self._wants_rows:
            self._count_rows(1, need)
            self._link.to_client.append(rest)
            self._pass = need - len(rest)
        else:
            self._keep(rest, need)

    @property
    def _wants_rows(self) -> bool:
        return self._link.gateway.chain.wants_rows

    # -- what was asked

    def _head(self, *kinds: Answer) -> Expected:
        """What the server is answering, which has to be of one of these kinds."""
        expected = self._link.expected
        while expected and expected[0].kind is Answer.COPY_END:
            expected.popleft()
        if not expected or expected[0].kind not in kinds:
            raise PeerError("server", "an answer that nothing asked for")
        return expected[0]

    def _answered(self, *kinds: Answer) -> Expected:
        """The same, and this was the last of its answers."""
        head = self._head(*kinds)
        self._link.expected.popleft()
        return head

    # -- rows

    def _row_description(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.DESCRIBE)
        fields, columns = self._link.described(message[5:])
        if head.kind is Answer.QUERY:
            head.fields, head.columns = fields, columns
            return message
        self._link.expected.popleft()
        if head.must_match is not None and not same_shape(head.must_match, fields):
            raise HoopaddonError("a policy rewrote the statement to one with other columns")
        for described in (head.statement, head.portal):
            if described is not None:
                described.fields, described.columns = fields, columns
        return b"" if head.silent else message

    def _no_data(self, message: bytes) -> bytes:
        head = self._answered(Answer.DESCRIBE)
        for described in (head.statement, head.portal):
            if described is not None:
                described.fields, described.columns = (), ()
        return b"" if head.silent else message

    def _parameter_description(self, message: bytes) -> bytes:
        head = self._head(Answer.DESCRIBE)
        if head.statement is not None:
            head.statement.types = codec.parameter_types(message[5:])
        return message

    def _count_rows(self, count: int, size: int) -> Expected:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if head.command is not None:
            head.command.rows += count
            head.command.bytes += size
        return head

    def _rows(self, data: bytes, position: int, end: int, count: int) -> bytes | None:
        """The rows as the policies leave them; None where they stay as they are."""
        head = self._count_rows(count, end - position)
        if not self._wants_rows or head.command is None:
            return None
        if head.fields is None:
            self._describe_portal(head)
        if head.fields is None:
            raise HoopaddonError("rows came without the description that policies need to read them")
        link = self._link
        values = link.catalogue.values(link.encoding)
        rows = PostgresRows(head.command, head.columns, head.fields, data[position:end], count, link.encoding, values)
        pending = self._link.gateway.chain.edit_rows(rows)
        if pending is not None:
            self.wait = self._finish_rows(rows, pending)
            return b""
        return rows.wire() if rows.edited else None

    def _describe_portal(self, head: Expected) -> None:
        portal = head.portal
        if portal is None:
            return
        if portal.fields is not None:
            head.fields, head.columns = portal.fields, portal.columns
        elif portal.statement.fields is not None:
            # Describing a statement cannot tell the formats: they are the Bind's.
            head.fields = with_formats(portal.statement.fields, portal.bind.result_formats)
            head.columns = portal.statement.columns
            portal.fields, portal.columns = head.fields, head.columns

    async def _finish_rows(self, rows: PostgresRows, pending: Awaitable[None]) -> None:
        await pending
        self._link.to_client.append(rows.wire())

    # -- ends

    def _command_complete(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        tag = message[5:-1].decode("ascii", "replace")
        if tag.startswith(_SCHEMA_TAGS):
            self._link.catalogue.stale = True
        if head.command is not None:
            head.command.tag = tag
        if head.kind is Answer.QUERY:
            head.fields, head.copy = None, None
        else:
            self._executed(head)
        return message

    def _portal_suspended(self, message: bytes) -> bytes:
        self._executed(self._head(Answer.EXECUTE))
        return message

    def _executed(self, head: Expected) -> None:
        self._link.expected.popleft()
        if head.command is not None:
            if head.portal is not None:
                head.portal.decisions.update(head.command.decisions)
            self._link.end(head.command)

    def _ready_for_query(self, message: bytes) -> bytes:
        head = self._answered(Answer.QUERY, Answer.SYNC)
        link = self._link
        link.status = message[5:6]
        link.copying_in, link.copying_command = False, None
        if head.command is not None:
            link.end(head.command)
        if link.status == b"I":
            # Portals live as long as their transaction; those bound since are not the server's business yet.
            link.portals.discard(lambda portal: portal.segment < head.segment)
        return b"" if head.silent else message

    def _parse_complete(self, message: bytes) -> bytes:
        head = self._answered(Answer.PARSE)
        if head.statement is not None:
            head.statement.certain = True
        return b"" if head.silent else message

    def _bind_complete(self, message: bytes) -> bytes:
        head = self._answered(Answer.BIND)
        if head.portal is not None:
            head.portal.certain = True
        if head.command is not None:
            self._link.end(head.command)
        return b"" if head.silent else message

    def _close_complete(self, message: bytes) -> bytes:
        return b"" if self._answered(Answer.CLOSE).silent else message

    # -- text beside the rows

    def _error(self, message: bytes) -> bytes:
        link = self._link
        diagnostics = Diagnostics.parse(message[5:])
        while link.expected and link.expected[0].kind is Answer.COPY_END:
            link.expected.popleft()
        if not link.expected:
            return self._diagnosed(message, diagnostics, "error", None)
        head = link.expected[0]
        if head.kind is Answer.SYNC:
            return self._diagnosed(message, diagnostics, "error", None)
        if head.kind is Answer.QUERY:
            return self._diagnosed(message, diagnostics, "error", head.command)
        self._skip_to_sync()
        if head.kind is Answer.REFUSAL and head.verdict is not None:
            answer = refusal(head.verdict)
        else:
            answer = self._diagnosed(message, diagnostics, "error", head.command)
        if head.command is not None:
            link.end(head.command)
        return answer

    def _skip_to_sync(self) -> None:
        """The server ignores what was sent up to the next Sync: so nothing answers it, and no name was given."""
        link = self._link
        skipped: list[Expected] = []
        while link.expected and link.expected[0].kind is not Answer.SYNC:
            skipped.append(link.expected.popleft())
        link.copying_in, link.copying_command = False, None
        if not link.expected:
            link.skipping = True
        for expected in reversed(skipped):
            if expected.restore is not None:
                expected.restore()
        for expected in skipped[1:]:
            if expected.command is not None:
                link.end(expected.command, "skipped after an error earlier in its pipeline")

    def _notice(self, message: bytes) -> bytes:
        head = self._link.expected[0].command if self._link.expected else None
        return self._diagnosed(message, Diagnostics.parse(message[5:]), "notice", head)

    def _diagnosed(self, message: bytes, diagnostics: Diagnostics, kind: str, command: PostgresQuery | None) -> bytes:
        """An error or a notice as the policies leave it."""
        outputs: dict[bytes, Output] = {}
        waits: list[Awaitable[None]] = []
        if self._link.gateway.chain.wants_output:
            for letter in _QUOTING_FIELDS:
                if letter in diagnostics.fields:
                    text = diagnostics.fields[letter].decode(self._link.encoding, "replace")
                    outputs[letter] = output = Output(self._link.session, kind, text, command)
                    if pending := self._link.gateway.chain.edit_output(output):
                        waits.append(pending)
        if not waits:
            return self._rewritten(message, diagnostics, outputs, kind, command)
        self.wait = self._finish_diagnosed(waits, message, diagnostics, outputs, kind, command)
        return b""

    async def _finish_diagnosed(
        self,
        waits: list[Awaitable[None]],
        message: bytes,
        diagnostics: Diagnostics,
        outputs: dict[bytes, Output],
        kind: str,
        command: PostgresQuery | None,
    ) -> None:
        for pending in waits:
            await pending
        self._link.to_client.append(self._rewritten(message, diagnostics, outputs, kind, command))

    def _rewritten(
        self,
        message: bytes,
        diagnostics: Diagnostics,
        outputs: dict[bytes, Output],
        kind: str,
        command: PostgresQuery | None,
    ) -> bytes:
        encoding = self._link.encoding
        changed = False
        for letter, output in outputs.items():
            data = output.text.replace("\0", "").encode(encoding, "replace")
            changed |= data != diagnostics.fields[letter]
            diagnostics.fields[letter] = data
        if kind == "error" and command is not None:
            fields = diagnostics.fields
            command.error = f"{fields.get(b'C', b'').decode()} {fields.get(b'M', b'').decode(encoding, 'replace')}"
        return diagnostics.serialize(message[:1]) if changed else message

    def _notification(self, message: bytes) -> bytes:
        if not self._link.gateway.chain.wants_output:
            return message
        notification = codec.Notification.parse(message[5:])
        encoding = self._link.encoding
        output = Output(self._link.session, "notification", notification.payload.decode(encoding, "replace"))

        def rewritten() -> bytes:
            data = output.text.replace("\0", "").encode(encoding, "replace")
            return message if data == notification.payload else replace(notification, payload=data).serialize()

        pending = self._link.gateway.chain.edit_output(output)
        if pending is None:
            return rewritten()

        async def finish() -> None:
            await pending
            self._link.to_client.append(rewritten())

        self.wait = finish()
        return b""

    def _parameter_status(self, message: bytes) -> bytes:
        self._link.parameter(*codec.parameter_status(message[5:]))
        return message

    # -- copy

    def _copy_in(self, message: bytes) -> bytes:
        """From here to the client's CopyDone the server ignores Sync and Flush, those under way included."""
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        link = self._link
        later = list(link.expected)[1:]
        ends = [index for index, expected in enumerate(later) if expected.kind is Answer.COPY_END]
        link.copying_in = not ends
        link.copying_command = head.command
        link.expected.clear()
        link.expected.append(head)
        link.expected.extend(later[ends[0] :] if ends else ())
        if not ends:
            link.unsynced = head.kind is Answer.EXECUTE
        return message

    def _copy_out(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if self._wants_rows and head.command is not None:
            head.copy = copy_reader(head.command, message[5:], self._link)
        return message

    def _copy_data(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if head.command is not None:
            head.command.bytes += len(message) - 5
        if head.copy is None:
            return message
        return self._copied(head, head.copy.feed(message[5:]))

    def _copy_done(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if head.copy is None:
            return message
        return self._copied(head, head.copy.finish()) + message

    def _copied(self, head: Expected, rows: CopyRows | None) -> bytes:
        if rows is None:
            return b""
        if head.command is not None:
            head.command.rows += len(rows)
        pending = self._link.gateway.chain.edit_rows(rows)
        if pending is None:
            return rows.wire()

        async def finish() -> None:
            await pending
            self._link.to_client.append(rows.wire())

        self.wait = finish()
        return b""


def _run_of_rows(data: bytes, position: int, end: int, size: int) -> tuple[int, int]:
    """The end of the run of whole DataRows that begins at `position`, whose first one ends at `end`; their number."""
    count = 1
    while size - end >= 5 and data[end] == _DATA_ROW:
        length: int = _length_at(data, end + 1)[0]
        if length < 4:
            raise PeerError("server", "a message of an impossible length")
        after = end + 1 + length
        if after > size:
            break
        end = after
        count += 1
    return end, count


def same_shape(one: tuple[Field, ...], other: tuple[Field, ...]) -> bool:
    """Whether rows of both descriptions can be read by either."""
    return [field.type_oid for field in one] == [field.type_oid for field in other]
