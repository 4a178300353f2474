"""What each answer of the server means: it is matched with what was asked, and goes through the policies."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.copying import copy_reader
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected
from hoopaddon.adapters.postgres.session.withholding import Withheld
from hoopaddon.adapters.postgres.session.wording import Wording
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.adapters.postgres.values.copy_data import CopyRows
from hoopaddon.adapters.postgres.values.description import Field, with_formats
from hoopaddon.adapters.postgres.values.rows import PostgresRows
from hoopaddon.errors import HoopaddonError, PeerError

# Bound once: every answer is matched with these.
_QUERY: Final = Answer.QUERY
_EXECUTE: Final = Answer.EXECUTE
_BIND: Final = Answer.BIND
_DESCRIBE: Final = Answer.DESCRIBE
_SYNC: Final = Answer.SYNC
_COPY_END: Final = Answer.COPY_END
_FORGETTING_TAGS = ("DEALLOCATE ALL", "DISCARD ALL")
_SCHEMA_TAGS = ("CREATE", "ALTER", "DROP", "SELECT INTO")


class Answers:
    """Gives for each message what the client gets in its place; None where rows stay as they came.

    Where a policy awaits, that is nothing for now, and `wait` puts it out later.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wording = Wording(link)
        self.wait: Awaitable[None] | None = None
        self.withheld: Withheld | None = None
        """The result that is kept from the client now, to its end."""
        self._normal: Mapping[int, Callable[[bytes], bytes]] = {
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
            ord("V"): self._function_result,
            ord("G"): self._copy_in,
            ord("H"): self._copy_out,
            ord("c"): self._copy_done,
        }
        self.handlers: Mapping[int, Callable[[bytes], bytes]] = self._normal

    @property
    def wants_rows(self) -> bool:
        """Whether any policy looks at rows."""
        return self._link.gateway.chain.wants_rows

    # -- what a policy does not let through

    def _withhold(self, error: HoopaddonError) -> bytes:
        """From here on the client gets nothing more of what the server is answering, but an error at its end."""
        if isinstance(error, PeerError) or not self._link.owed:
            raise error
        self.withheld = Withheld(self._link, error, self._normal, self._withheld_is_over)
        self.handlers = self.withheld.handlers
        return b""

    def _withheld_is_over(self) -> None:
        self.withheld = None
        self.handlers = self._normal

    def _withhold_rows(self, error: HoopaddonError, rows: PostgresRows | CopyRows, size: int) -> bytes:
        """The same for rows that were counted."""
        rows.command.rows -= len(rows)
        rows.command.bytes -= size
        return self._withhold(error)

    # -- what was asked

    def _head(self, kind: Answer, other: Answer | None = None) -> Expected:
        """What the server is answering, which has to be of this kind, or of the other."""
        expected = self._link.expected
        while expected:
            head = expected[0]
            found = head.kind
            if found is kind or found is other:
                return head
            if found is not _COPY_END:
                break
            expected.popleft()
        raise PeerError("server", "an answer that nothing asked for")

    def _answered(self, kind: Answer, other: Answer | None = None) -> Expected:
        """The same, and this was the last of its answers."""
        head = self._head(kind, other)
        self._link.expected.popleft()
        return head

    # -- rows

    def _row_description(self, message: bytes) -> bytes:
        head = self._head(_QUERY, _DESCRIBE)
        fields, columns = self._link.described(message[5:])
        if head.kind is _QUERY:
            head.fields, head.columns = fields, columns
            return message
        self._link.expected.popleft()
        if head.must_match is not None and not same_shape(head.must_match, fields):
            return self._withhold(HoopaddonError("a policy rewrote the statement to one with other columns"))
        for described in (head.statement, head.portal):
            if described is not None:
                described.fields, described.columns = fields, columns
        return b"" if head.silent else message

    def _no_data(self, message: bytes) -> bytes:
        head = self._answered(_DESCRIBE)
        for described in (head.statement, head.portal):
            if described is not None:
                described.fields, described.columns = (), ()
        return b"" if head.silent else message

    def _parameter_description(self, message: bytes) -> bytes:
        head = self._head(_DESCRIBE)
        if head.statement is not None:
            head.statement.types = codec.parameter_types(message[5:])
            head.statement.typed = True
        return b"" if head.silent else message

    def count_rows(self, count: int, size: int) -> Expected:
        head = self._head(_QUERY, _EXECUTE)
        if head.command is not None:
            head.command.rows += count
            head.command.bytes += size
        return head

    def rows(self, data: bytes, position: int, end: int, count: int) -> bytes | None:
        """The rows as the policies leave them; None where they stay as they are."""
        if self.withheld is not None:
            return b""
        head = self.count_rows(count, end - position)
        if head.lookup is not None:
            head.lookup.add(data[position:end], self._link.encoding)
            return b""
        if not self.wants_rows or head.command is None:
            return None
        if head.fields is None:
            self._describe_portal(head)
        if head.fields is None:
            return self._withhold(HoopaddonError("rows came without the description that policies need to read them"))
        link = self._link
        values = link.catalogue.values(link.encoding)
        rows = PostgresRows(head.command, head.columns, head.fields, data[position:end], count, link.encoding, values)
        try:
            pending = link.gateway.chain.edit_rows(rows)
        except HoopaddonError as e:
            return self._withhold_rows(e, rows, end - position)
        if pending is not None:
            return self._now_or_later(self._wire_after(pending, rows, end - position))
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

    # -- ends

    def _command_complete(self, message: bytes) -> bytes:
        head = self._head(_QUERY, _EXECUTE)
        tag = codec.text_of(message[5:].removesuffix(b"\0"), "ascii", "replace")
        if tag.startswith(_SCHEMA_TAGS):
            self._link.catalogue.stale = True
        elif tag in _FORGETTING_TAGS:
            self._link.prepared.forget_all(head.sent_at)
        if head.command is not None:
            head.command.tag = tag
        if head.lookup is not None:
            head.lookup.done()
        if head.kind is _QUERY:
            head.fields, head.copy = None, None
        else:
            self._executed(head)
        return b"" if head.silent else message

    def _function_result(self, message: bytes) -> bytes:
        self._head(_QUERY)
        return message

    def _portal_suspended(self, message: bytes) -> bytes:
        self._executed(self._head(_EXECUTE))
        return message

    def _executed(self, head: Expected) -> None:
        self._link.expected.popleft()
        if self._link.copy_starts:
            self._link.copy_decided()
        if head.command is not None:
            if head.portal is not None:
                head.portal.decisions = head.command.decisions
            self._link.end(head.command)

    def _ready_for_query(self, message: bytes) -> bytes:
        head = self._answered(_QUERY, _SYNC)
        link = self._link
        link.status = message[5:6]
        link.copying_command = None
        if link.copy_starts or link.copying_in:
            link.copy_decided()
        if head.command is not None:
            link.end(head.command)
        if link.status == b"I":
            # Portals live as long as their transaction; those bound since are not the server's business yet.
            link.portals.forget_before(head.segment)
        return b"" if head.silent else message

    def _parse_complete(self, message: bytes) -> bytes:
        head = self._answered(Answer.PARSE)
        if head.statement is not None:
            head.statement.certain = True
        return b"" if head.silent else message

    def _bind_complete(self, message: bytes) -> bytes:
        head = self._answered(_BIND)
        if head.portal is not None:
            head.portal.certain = True
        if head.command is not None:
            self._link.end(head.command)
        return b"" if head.silent else message

    def _close_complete(self, message: bytes) -> bytes:
        head = self._answered(Answer.CLOSE)
        if head.closes is not None:
            self._link.prepared.forget(head.closes, head.sent_at)
        return b"" if head.silent else message

    # -- text beside the rows

    def _error(self, message: bytes) -> bytes:
        link = self._link
        if not link.owed:
            return self._now_or_later(self._wording.error(message))
        if link.expected[0].kind in (_SYNC, _QUERY):
            link.copy_failed()
            return self._now_or_later(self._wording.error(message, link.expected[0].command))
        head = link.skip_to_sync()
        if head.silent and link.expected and link.expected[0].silent:
            # The gateway asked in a pipeline of its own, so the client has nothing to do with it.
            return b""
        if head.answer:
            return head.answer
        if head.command is None:
            return self._now_or_later(self._wording.error(message))
        return self._now_or_later(self._failed(message, head.command))

    def _failed(self, message: bytes, command: PostgresQuery) -> bytes | Awaitable[bytes]:
        """The error of a command that is over with it."""
        answer = self._wording.error(message, command)
        if isinstance(answer, bytes):
            self._link.end(command)
            return answer

        async def later() -> bytes:
            try:
                return await answer
            finally:
                self._link.end(command)

        return later()

    def _notice(self, message: bytes) -> bytes:
        head = self._link.expected[0] if self._link.owed else None
        if head is None or head.silent:
            # No command of the client's could fail in its place.
            return self._now_or_later(self._wording.stray_notice(message))
        try:
            noticed = self._wording.notice(message, head.command)
        except HoopaddonError as e:
            return self._withhold(e)
        if isinstance(noticed, bytes):
            return noticed
        return self._now_or_later(self._unless_withheld(noticed))

    async def _unless_withheld(self, pending: Awaitable[bytes]) -> bytes:
        try:
            return await pending
        except HoopaddonError as e:
            return self._withhold(e)

    def _notification(self, message: bytes) -> bytes:
        return self._now_or_later(self._wording.notification(message))

    def _now_or_later(self, result: bytes | Awaitable[bytes]) -> bytes:
        """The bytes, or nothing for now: what is awaited goes out when it is there, and nothing before it."""
        if isinstance(result, bytes):
            return result

        async def later() -> None:
            self._link.to_client.append(await result)

        self.wait = later()
        return b""

    def _parameter_status(self, message: bytes) -> bytes:
        self._link.parameter(*codec.parameter_status(message[5:]))
        return self._now_or_later(self._wording.parameter(message))

    # -- copy

    def _copy_in(self, message: bytes) -> bytes:
        """From here to the client's CopyDone the server ignores Sync and Flush, those under way included."""
        head = self._head(_QUERY, _EXECUTE)
        link = self._link
        later = list(link.expected)[1:]
        ends = [index for index, expected in enumerate(later) if expected.kind is _COPY_END]
        ignored = later[: ends[0]] if ends else later
        if any(expected.kind is not _SYNC for expected in ignored):
            raise PeerError("client", "messages that do not belong into copy data")
        link.copy_begins(ended=bool(ends))
        link.copying_command = head.command
        link.expected.clear()
        link.expected.append(head)
        link.expected.extend(later[ends[0] :] if ends else ())
        if not ends:
            link.unsynced = head.kind is _EXECUTE
        return message

    def _copy_out(self, message: bytes) -> bytes:
        head = self._head(_QUERY, _EXECUTE)
        if self.wants_rows and head.command is not None:
            try:
                head.copy = copy_reader(head.command, message[5:], self._link)
            except HoopaddonError as e:
                return self._withhold(e)
        return message

    def copy_data(self, data: bytes, position: int, end: int, starts: list[int]) -> bytes | None:
        """The same for copy data; `starts` are where its messages begin, counted from `position`."""
        if self.withheld is not None:
            return b""
        head = self.count_rows(0, end - position)
        if head.copy is None or head.command is None:
            return None
        return self._copied(head.copy.read(head.command, data[position:end], starts), end - position)

    def _copy_done(self, message: bytes) -> bytes:
        head = self._head(_QUERY, _EXECUTE)
        if head.copy is None or head.command is None:
            return message
        rows = head.copy.finish(head.command)
        head.copy = None
        if len(rows) == 0:
            return message
        return self._copied(rows, 0, message)

    def _copied(self, rows: CopyRows, size: int, behind: bytes = b"") -> bytes:
        rows.command.rows += len(rows)
        try:
            pending = self._link.gateway.chain.edit_rows(rows)
        except HoopaddonError as e:
            return self._withhold_rows(e, rows, size)
        if pending is not None:
            return self._now_or_later(self._wire_after(pending, rows, size, behind))
        return rows.wire() + behind

    async def _wire_after(
        self, pending: Awaitable[None], rows: PostgresRows | CopyRows, size: int, behind: bytes = b""
    ) -> bytes:
        try:
            await pending
        except HoopaddonError as e:
            return self._withhold_rows(e, rows, size)
        return rows.wire() + behind


def same_shape(one: tuple[Field, ...], other: tuple[Field, ...]) -> bool:
    """Whether rows of both descriptions can be read by either."""
    return [field.type_oid for field in one] == [field.type_oid for field in other]
