"""What each answer of the server means: it is matched with what was asked, and goes through the policies."""

from collections.abc import Awaitable, Callable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.copying import copy_reader
from hoopaddon.adapters.postgres.session.link import Link, refusal
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected
from hoopaddon.adapters.postgres.session.wording import Wording
from hoopaddon.adapters.postgres.values.copy_data import CopyRows
from hoopaddon.adapters.postgres.values.description import Field, with_formats
from hoopaddon.adapters.postgres.values.rows import PostgresRows
from hoopaddon.errors import HoopaddonError, PeerError

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
        self.handlers: dict[int, Callable[[bytes], bytes]] = {
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

    @property
    def wants_rows(self) -> bool:
        """Whether any policy looks at rows."""
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
            head.statement.typed = True
        return b"" if head.silent else message

    def count_rows(self, count: int, size: int) -> Expected:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if head.command is not None:
            head.command.rows += count
            head.command.bytes += size
        return head

    def rows(self, data: bytes, position: int, end: int, count: int) -> bytes | None:
        """The rows as the policies leave them; None where they stay as they are."""
        head = self.count_rows(count, end - position)
        if head.lookup is not None:
            head.lookup.add(data[position:end], self._link.encoding)
            return b""
        if not self.wants_rows or head.command is None:
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
            return self._now_or_later(_wire_after(pending, rows))
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
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        tag = message[5:-1].decode("ascii", "replace")
        if tag.startswith(_SCHEMA_TAGS):
            self._link.catalogue.stale = True
        elif tag in _FORGETTING_TAGS:
            self._link.prepared.forget_all(head.sent_at)
        if head.command is not None:
            head.command.tag = tag
        if head.lookup is not None:
            head.lookup.done()
        if head.kind is Answer.QUERY:
            head.fields, head.copy = None, None
        else:
            self._executed(head)
        return b"" if head.silent else message

    def _function_result(self, message: bytes) -> bytes:
        self._head(Answer.QUERY)
        return message

    def _portal_suspended(self, message: bytes) -> bytes:
        self._executed(self._head(Answer.EXECUTE))
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
        head = self._answered(Answer.QUERY, Answer.SYNC)
        link = self._link
        link.status = message[5:6]
        link.copying_command = None
        if link.copy_starts or link.copying_in:
            link.copy_decided()
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
        head = self._answered(Answer.CLOSE)
        if head.closes is not None:
            self._link.prepared.forget(head.closes, head.sent_at)
        return b"" if head.silent else message

    # -- text beside the rows

    def _error(self, message: bytes) -> bytes:
        link = self._link
        while link.expected and link.expected[0].kind is Answer.COPY_END:
            link.expected.popleft()
        if not link.expected:
            return self._now_or_later(self._wording.diagnosed(message, "error"))
        head = link.expected[0]
        if head.kind in (Answer.SYNC, Answer.QUERY):
            self._copy_failed()
            return self._now_or_later(self._wording.diagnosed(message, "error", head.command))
        self._skip_to_sync()
        if head.silent and link.expected and link.expected[0].silent:
            # The gateway asked in a pipeline of its own, so the client has nothing to do with it.
            return b""
        if head.kind is Answer.REFUSAL and head.verdict is not None:
            answer = refusal(head.verdict)
        else:
            answer = self._now_or_later(self._wording.diagnosed(message, "error", head.command))
        if head.command is not None:
            link.end(head.command)
        return answer

    def _copy_failed(self) -> None:
        """No copy data is taken any more. A Sync before the first of it ends the pipeline; one behind was ignored."""
        link = self._link
        link.copying_command = None
        if link.copy_data_sent:
            link.withheld_syncs = 0
        if link.expected and link.expected[0].kind is Answer.QUERY:
            # A simple query needs no Sync, and has its own ReadyForQuery to come.
            link.withheld_syncs = 0
        link.copy_decided()

    def _skip_to_sync(self) -> None:
        """The server ignores what was sent up to the next Sync: so nothing answers it, and no name was given."""
        link = self._link
        skipped: list[Expected] = []
        while link.expected and link.expected[0].kind is not Answer.SYNC:
            skipped.append(link.expected.popleft())
        if not link.expected:
            link.skipping = True
        self._copy_failed()
        for expected in reversed(skipped):
            if expected.undo is not None:
                expected.undo()
        for expected in skipped[1:]:
            if expected.command is not None:
                link.end(expected.command, "skipped after an error earlier in its pipeline")

    def _notice(self, message: bytes) -> bytes:
        command = self._link.expected[0].command if self._link.expected else None
        return self._now_or_later(self._wording.diagnosed(message, "notice", command))

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
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        link = self._link
        later = list(link.expected)[1:]
        ends = [index for index, expected in enumerate(later) if expected.kind is Answer.COPY_END]
        ignored = later[: ends[0]] if ends else later
        if any(expected.kind is not Answer.SYNC for expected in ignored):
            raise PeerError("client", "messages that do not belong into copy data")
        link.copy_begins(ended=bool(ends))
        link.copying_command = head.command
        link.expected.clear()
        link.expected.append(head)
        link.expected.extend(later[ends[0] :] if ends else ())
        if not ends:
            link.unsynced = head.kind is Answer.EXECUTE
        return message

    def _copy_out(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if self.wants_rows and head.command is not None:
            head.copy = copy_reader(head.command, message[5:], self._link)
        return message

    def copy_data(self, data: bytes, position: int, end: int) -> bytes | None:
        head = self.count_rows(0, end - position)
        if head.copy is None or head.command is None:
            return None
        return self._copied(head, head.copy.read(head.command, data[position:end]))

    def _copy_done(self, message: bytes) -> bytes:
        head = self._head(Answer.QUERY, Answer.EXECUTE)
        if head.copy is None or head.command is None:
            return message
        rows = head.copy.finish(head.command)
        head.copy = None
        if len(rows) == 0:
            return message
        return self._copied(head, rows, message)

    def _copied(self, head: Expected, rows: CopyRows, behind: bytes = b"") -> bytes:
        if head.command is not None:
            head.command.rows += len(rows)
        pending = self._link.gateway.chain.edit_rows(rows)
        return rows.wire() + behind if pending is None else self._now_or_later(_wire_after(pending, rows, behind))


async def _wire_after(pending: Awaitable[None], rows: PostgresRows | CopyRows, behind: bytes = b"") -> bytes:
    await pending
    return rows.wire() + behind


def same_shape(one: tuple[Field, ...], other: tuple[Field, ...]) -> bool:
    """Whether rows of both descriptions can be read by either."""
    return [field.type_oid for field in one] == [field.type_oid for field in other]
