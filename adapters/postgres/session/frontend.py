"""The client's half of a session: every message is judged, or fated with one that is, before it goes out.

A simple Query is judged as one command, however many statements it holds. In the extended protocol the command
is judged at Execute, where its values are known; a Bind is held back until then, because planning can already
run functions. A Bind whose Execute does not follow in the same breath is judged when it has to go out, and again
at each Execute.
"""

from collections.abc import Callable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.protocol.framing import Framing
from hoopaddon.adapters.postgres.protocol.function_call import call_text
from hoopaddon.adapters.postgres.session.judging import Judging
from hoopaddon.adapters.postgres.session.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Portal, Statement
from hoopaddon.adapters.postgres.session.prepared import MAX_NAMES, TOO_MANY, is_plain
from hoopaddon.adapters.postgres.session.questions import (
    ask_settings,
    ask_types,
    hold_to_reading,
    refresh_catalogue,
)
from hoopaddon.adapters.postgres.session.reading import depends_on_answers, values_depend_on_answers, why_unreadable
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import PeerError

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_TERMINATE = ord("X")


class Frontend:
    """Takes the client's bytes; see the module."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._framing = Framing("client", MAX_MESSAGE_BYTES)
        self._judging = Judging(link)
        self._held = self._judging.held
        self._again = False
        self.suspension = self._judging.suspension
        self._handlers: dict[int, Callable[[bytes], None]] = {
            ord("Q"): self._query,
            ord("P"): self._parse,
            ord("B"): self._bind,
            ord("D"): self._describe,
            ord("E"): self._execute,
            ord("S"): self._sync,
            ord("H"): self._flush,
            ord("C"): self._close,
            ord("d"): self._copy_data,
            ord("c"): self._copy_end,
            ord("f"): self._copy_end,
            ord("F"): self._function_call,
            _TERMINATE: self._terminate,
        }

    @property
    def backlog(self) -> int:
        """Bytes that wait to be looked at."""
        return self._framing.pending

    @property
    def holding(self) -> bool:
        """Whether a Bind is held back for its Execute."""
        return bool(self._held)

    def data(self, data: bytes) -> None:
        """Take the client's bytes. Raises `PeerError` for what no client may send."""
        self._framing.feed(data)
        if self.suspension.wait is None:
            self.advance()

    def advance(self) -> None:
        """Look at the messages at hand, up to one that has to wait."""
        framing = self._framing
        link = self._link
        if link.stopping is not None:
            self.suspension.for_stop()
            return
        if framing.pending and not self._held and (hold_to_reading(link) or refresh_catalogue(link)):
            self.suspension.for_answers()
        while self.suspension.wait is None and (message := framing.next()) is not None:
            kind = message[0]
            if link.skipping and kind not in b"SX":
                continue
            if kind not in b"dcfSHX":
                if link.copying_in:
                    raise PeerError("client", "a message that does not belong into copy data")
                if link.copy_starts:
                    framing.put_back(message)
                    if link.unsynced:
                        link.to_server.append(codec.FLUSH)
                    self.suspension.for_copy()
                    break
            handler = self._handlers.get(kind)
            if handler is None:
                raise PeerError("client", "a message of a type that no client sends here")
            self._again = False
            if self._has_to_wait(kind):
                self._retry_when_drained()
            elif not self._held.heavy or self._released():
                handler(message)
            if self._again:
                framing.put_back(message)

    def _has_to_wait(self, kind: int) -> bool:
        """Whether the server has to answer before this message is looked at: too much is in flight, or what was sent
        may have turned off the read-only transactions that a policy asks for."""
        link = self._link
        if not link.owed or link.copying_in or link.copy_starts:
            return False
        return link.crowded or (link.session.read_only and not link.unsynced and kind != _TERMINATE)

    def _released(self) -> bool:
        """Judge the Bind that is held and let it go; False where it is refused, or this message has to wait."""
        released = self._judging.release()
        self._again = not released and self.suspension.wait is not None
        return released

    def _retry_when_drained(self) -> None:
        """Look at this message again once the server has answered everything."""
        if self._link.unsynced:
            self._link.to_server.append(codec.FLUSH)
        self._again = True
        self.suspension.for_answers()

    def _retry_when_known(self) -> None:
        """Look at this text again once it is known how the server will read it."""
        link = self._link
        if link.settings_stale:
            ask_settings(link)
        self._retry_when_drained()

    def _new_command(self, raw: bytes) -> PostgresQuery:
        link = self._link
        text = codec.text_of(raw, link.encoding, "replace")
        return PostgresQuery(link.session, text, (), prepared=link.prepared.by_name)

    # -- simple protocol

    def _query(self, message: bytes) -> None:
        link = self._link
        if self._held and not self._released():
            return
        if link.unsynced and link.owed:
            # After an error in this pipeline the server would skip the query; so that has to be known first.
            self._retry_when_drained()
            return
        raw = codec.query_text(message[5:])
        if depends_on_answers(link, raw):
            self._retry_when_known()
            return
        command = self._new_command(raw)
        noted_at = link.prepared.now
        verdict = why_unreadable(link, raw)
        if verdict is not None:
            self._judging.refuse_query(command, verdict)
            return
        self._judging.query(command, message, noted_at)

    # -- extended protocol

    def _parse(self, message: bytes) -> None:
        link = self._link
        parse = codec.Parse.parse(message[5:])
        if depends_on_answers(link, parse.text):
            if not self._held or self._released():
                self._retry_when_known()
            return
        verdict = why_unreadable(link, parse.text) or self._unclear(parse.name)
        command_text = codec.text_of(parse.text, link.encoding, "replace")
        name, prepared = parse.name.decode("ascii", "replace"), link.prepared
        before = prepared.sent_before(name, command_text)
        if verdict is None and name:
            verdict = prepared.remember(name, command_text)
        if verdict is not None:
            self._judging.refuse(self._new_command(parse.text), verdict)
            return
        statement = Statement(parse.name, command_text, parse.types, link.segment)
        unname, sent_at = link.statements.set(parse.name, statement), prepared.now

        def undo() -> None:
            unname()
            prepared.take_back(name, command_text, before, sent_at)

        self._held.emit(message, Expected(Answer.PARSE, statement=statement, undo=undo))

    def _bind(self, message: bytes) -> None:
        link = self._link
        if self._held and not self._released():
            return
        bind = codec.Bind.parse(message[5:])
        statement = link.statements.get(bind.statement)
        if statement is None:
            name = bind.statement.decode(link.encoding, "replace")
            reason = (
                f'prepared statement "{name}" does not exist' if name else "unnamed prepared statement does not exist"
            )
            self._refuse_name("26000", reason)
            return
        if not statement.certain and statement.segment != link.segment:
            self._retry_when_drained()
            return
        if values_depend_on_answers(link, bind):
            self._retry_when_known()
            return
        if statement.misses_types(bind) and link.gateway.chain.policies:
            ask_types(link, statement)
            self._retry_when_drained()
            return
        if verdict := self._unclear(bind.portal):
            self._judging.refuse(None, verdict)
            return
        portal = Portal(statement, bind, link.segment)
        undo = link.portals.set(bind.portal, portal)
        self._held.hold(message, Expected(Answer.BIND, portal=portal, undo=undo), portal)

    def _describe(self, message: bytes) -> None:
        link = self._link
        what, name = codec.what_and_name(message[5:])
        statement = link.statements.get(name) if what == b"S" else None
        portal = link.portals.get(name) if what == b"P" else None
        undo = None
        if (described := statement or portal) is not None and not described.described:
            described.described = True
            undo = described.forget_description
        self._held.emit(message, Expected(Answer.DESCRIBE, statement=statement, portal=portal, undo=undo))

    def _close(self, message: bytes) -> None:
        link = self._link
        named = codec.Named.parse(message[5:])
        expected = Expected(Answer.CLOSE)
        if named.what == b"S":
            link.statements.forget(named.name)
            expected.closes, expected.sent_at = named.name.decode("ascii", "replace"), link.prepared.now
        else:
            link.portals.forget(named.name)
        self._held.emit(message, expected)

    def _execute(self, message: bytes) -> None:
        link = self._link
        portal_name = codec.portal_to_execute(message[5:])
        portal = link.portals.get(portal_name)
        if self._held and self._held.portal is not portal and not self._released():
            return
        if portal is None:
            name = portal_name.decode(link.encoding, "replace")
            self._refuse_name("34000", f'portal "{name}" does not exist')
            return
        if not portal.certain and portal.segment != link.segment:
            self._retry_when_drained()
            return
        self._judging.execute(portal, message)

    def _unclear(self, name: bytes) -> Verdict | None:
        """The refusal of a name that the server may take for another one, or of one too many."""
        link = self._link
        if not is_plain(name):
            reason = "names of statements and portals have to be ASCII, of at most 63 characters, at this gateway"
            return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
        return TOO_MANY if len(link.statements) + len(link.portals) >= MAX_NAMES else None

    def _refuse_name(self, code: str, reason: str) -> None:
        self._judging.refuse(None, Verdict(Outcome.REFUSED, reason, code=code))

    def _sync(self, message: bytes) -> None:
        link = self._link
        if link.skipping:
            self._held.drop()
        if self._held and not self._released() and self._again:
            return
        if link.copying_in or link.copy_starts:
            # In copy data the server ignores it, and anywhere else it answers: so it waits until that is known.
            link.withheld_syncs += 1
            link.to_server.append(codec.FLUSH)
            return
        link.sync()

    def _flush(self, message: bytes) -> None:
        if self._held and not self._released():
            return
        self._link.to_server.append(message)

    # -- copy, calls, goodbye

    def _copy_data(self, message: bytes) -> None:
        link = self._link
        if link.copying_command is not None:
            link.copying_command.bytes += len(message) - 5
        link.copy_data_sent = True
        link.to_server.append(message)

    def _copy_end(self, message: bytes) -> None:
        self._link.end_copy(message)

    def _function_call(self, message: bytes) -> None:
        if self._held and not self._released():
            return
        link = self._link
        if link.unsynced and link.owed:
            self._retry_when_drained()
            return
        text, arguments = call_text(message[5:])
        command = PostgresQuery(link.session, text, arguments, prepared=link.prepared.by_name)
        if link.allows_function_calls:
            self._judging.query(command, message, link.prepared.now)
            return
        reason = "the FunctionCall message is refused by this gateway, which cannot see into it; use SQL instead"
        self._judging.refuse_query(command, Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED))

    def _terminate(self, message: bytes) -> None:
        self._link.to_server.append(message)
        self._link.finished = True
