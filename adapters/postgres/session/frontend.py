"""The client's half of a session: every message is judged, or fated with one that is, before it goes out.

A simple Query is judged as one command, however many statements it holds. In the extended protocol the command
is judged at Execute, where its values are known; a Bind is held back until then, because planning can already
run functions. A Bind whose Execute does not follow in the same breath is judged when it has to go out, and again
at each Execute.

A refusal has to leave the server where the client believes it to be. Outside any transaction the gateway answers
by itself. Otherwise it sends an Execute that must fail, so that the server really rolls back or aborts, and puts
its own error in the place of the server's.
"""

import re
from collections.abc import Callable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.protocol.framing import Framing
from hoopaddon.adapters.postgres.protocol.function_call import call_text
from hoopaddon.adapters.postgres.session.held_bind import HeldBind
from hoopaddon.adapters.postgres.session.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.session.parameters import BoundParameters
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Portal, Statement
from hoopaddon.adapters.postgres.session.prepared import MAX_NAMES, OWN_NAME, TOO_MANY, is_plain
from hoopaddon.adapters.postgres.session.questions import ask_settings, ask_types, refresh_catalogue
from hoopaddon.adapters.postgres.session.reading import depends_on_answers, may_change_settings, why_unreadable
from hoopaddon.adapters.postgres.session.suspension import Suspension
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import PeerError

MAX_MESSAGE_BYTES = 256 * 1024 * 1024

COPY_IN = re.compile(r"\bcopy\b.*\bstdin\b", re.IGNORECASE | re.DOTALL)
"""No COPY FROM STDIN is written without these words; that other texts have them too only costs a round trip."""

PROVOKE_ERROR = codec.Execute(b"refused by hoopaddon " + OWN_NAME, 0).serialize()


class Frontend:
    """Takes the client's bytes; see the module."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._framing = Framing("client", MAX_MESSAGE_BYTES)
        self._held = HeldBind(link)
        self._again = False
        self.suspension = Suspension(link)
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
            ord("X"): self._terminate,
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
        if framing.pending and not self._held and refresh_catalogue(link):
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
                    self.suspension.for_copy()
                    break
            handler = self._handlers.get(kind)
            if handler is None:
                raise PeerError("client", "a message of a type that no client sends here")
            self._again = False
            if link.crowded and link.owed and not (link.copying_in or link.copy_starts):
                self._retry_when_drained()
            elif not self._held.heavy or self._release():
                handler(message)
            if self._again:
                framing.put_back(message)

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
        return PostgresQuery(link.session, raw.decode(link.encoding, "replace"), (), prepared=link.prepared.by_name)

    # -- simple protocol

    def _query(self, message: bytes) -> None:
        link = self._link
        if self._held and not self._release():
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
            command.verdict = verdict
            self._refuse_query(command, verdict)
            return
        self._judge_query(command, message, noted_at)

    def _judge_query(self, command: PostgresQuery, message: bytes, noted_at: int) -> None:
        """`noted_at` is the moment before the names in its text were noted."""
        decision = self._link.gateway.chain.judge(command)
        if isinstance(decision, Verdict):
            self._judged_query(command, message, noted_at, decision)
        else:
            self.suspension.for_verdict(
                command, decision, lambda verdict: self._judged_query(command, message, noted_at, verdict)
            )

    def _judged_query(self, command: PostgresQuery, message: bytes, noted_at: int, verdict: Verdict) -> None:
        command.verdict = verdict
        if self._skipped(command):
            return
        if not verdict.passes:
            self._refuse_query(command, verdict)
            return
        link = self._link
        link.started(command)
        self._may_begin_copy(command.text)
        expected = Expected(Answer.QUERY, command)
        expected.sent_at = noted_at
        link.expect(expected)
        if command.text is not command.original_text:
            # A call that was rewritten is a query, and its result has rows.
            message = codec.query(command.text.encode(link.encoding))
        link.to_server.append(message)

    def _refuse_query(self, command: PostgresQuery, verdict: Verdict) -> None:
        link = self._link
        link.end(command, verdict.reason)
        if not link.owed and not link.unsynced and link.status != b"T":
            link.say_refused(verdict)
            link.to_client.append(codec.ready_for_query(link.status))
            return
        link.to_server.append(PROVOKE_ERROR + codec.SYNC)
        link.expect(self._refusal(verdict))
        link.expect(Expected(Answer.SYNC))
        # What was sent before this Sync no longer shares the fate of what comes behind it.
        link.segment += 1
        link.unsynced = link.settings_stale = False

    @staticmethod
    def _refusal(verdict: Verdict) -> Expected:
        expected = Expected(Answer.REFUSAL)
        expected.verdict = verdict
        return expected

    # -- extended protocol

    def _parse(self, message: bytes) -> None:
        link = self._link
        parse = codec.Parse.parse(message[5:])
        if depends_on_answers(link, parse.text):
            if not self._held or self._release():
                self._retry_when_known()
            return
        verdict = why_unreadable(link, parse.text) or self._unclear(parse.name)
        command_text = parse.text.decode(link.encoding, "replace")
        name, prepared = parse.name.decode("ascii", "replace"), link.prepared
        before = prepared.sent_before(name, command_text)
        if verdict is None and name:
            verdict = prepared.remember(name, command_text)
        if verdict is not None:
            self._refuse_extended(self._new_command(parse.text), verdict)
            return
        statement = Statement(parse.name, command_text, parse.types, link.segment)
        unname, sent_at = link.statements.set(parse.name, statement), prepared.now

        def undo() -> None:
            unname()
            prepared.take_back(name, command_text, before, sent_at)

        self._held.emit(message, Expected(Answer.PARSE, statement=statement, undo=undo))

    def _bind(self, message: bytes) -> None:
        link = self._link
        if self._held and not self._release():
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
        if depends_on_answers(link, b"".join(value for value in bind.values if value)):
            self._retry_when_known()
            return
        if statement.misses_types(bind) and link.gateway.chain.policies:
            ask_types(link, statement)
            self._retry_when_drained()
            return
        if verdict := self._unclear(bind.portal):
            self._refuse_extended(None, verdict)
            return
        portal = Portal(statement, bind, link.segment)
        undo = link.portals.set(bind.portal, portal)
        self._held.hold(message, Expected(Answer.BIND, portal=portal, undo=undo), portal)

    def _describe(self, message: bytes) -> None:
        link = self._link
        named = codec.Named.parse(message[5:])
        statement = link.statements.get(named.name) if named.what == b"S" else None
        portal = link.portals.get(named.name) if named.what == b"P" else None
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
        execute = codec.Execute.parse(message[5:])
        portal = link.portals.get(execute.portal)
        if self._held and self._held.portal is not portal and not self._release():
            return
        if portal is None:
            name = execute.portal.decode(link.encoding, "replace")
            self._refuse_name("34000", f'portal "{name}" does not exist')
            return
        if not portal.certain and portal.segment != link.segment:
            self._retry_when_drained()
            return
        self._judge(portal, lambda command, verdict: self._judged_execute(portal, command, message, verdict))

    def _judge(self, portal: Portal, then: Callable[[PostgresQuery, Verdict], bool]) -> bool:
        """Judge what this portal runs; the result of `then`, or False while the verdict is awaited."""
        link = self._link
        statement = portal.statement
        parameters = BoundParameters(portal.bind, statement, link.catalogue.values(link.encoding, "client"))
        command = PostgresQuery(link.session, statement.text, parameters, prepared=link.prepared.by_name)
        command.continues(portal.decisions)
        decision = link.gateway.chain.judge(command)
        if isinstance(decision, Verdict):
            return then(command, decision)
        self.suspension.for_verdict(command, decision, lambda verdict: then(command, verdict))
        return False

    def _judged_execute(self, portal: Portal, command: PostgresQuery, message: bytes, verdict: Verdict) -> bool:
        command.verdict = verdict
        if self._skipped(command):
            return False
        if (
            verdict.passes
            and command.text is not command.original_text
            and not self._held.rewrite(portal, command.text)
        ):
            verdict = command.verdict = Verdict(
                Outcome.FAILED, "a portal that is already bound cannot be rewritten", verdict.addon
            )
        if not verdict.passes:
            self._refuse_extended(command, verdict)
            return False
        link = self._link
        self._describe_if_needed(portal)
        self._held.let_go()
        link.started(command)
        link.settings_stale |= may_change_settings(command)
        self._may_begin_copy(command.text)
        link.send(message, Expected(Answer.EXECUTE, command, portal=portal))
        return True

    def _may_begin_copy(self, text: str) -> None:
        if COPY_IN.search(text):
            self._link.copy_starts, self._link.copy_data_sent = True, False

    def _describe_if_needed(self, portal: Portal) -> None:
        """Rows are only readable with their description; ask for it where the client does not."""
        if portal.described or portal.statement.described or not self._link.gateway.chain.wants_rows:
            return
        portal.described = True
        self._held.emit(
            codec.describe(b"P", portal.bind.portal), Expected(Answer.DESCRIBE, portal=portal, silent=True)
        )

    def _release(self) -> bool:
        """Judge the Bind that is held, for it has to go out before its Execute. False: not now, or refused."""
        portal = self._held.portal
        if portal is None:
            return True
        released = self._judge(portal, lambda command, verdict: self._judged_bind(portal, command, verdict))
        if not released and self.suspension.wait is not None:
            self._again = True
        return released

    def _skipped(self, command: PostgresQuery) -> bool:
        """Whether the pipeline broke while the verdict was awaited: then the command does not run."""
        if self._link.skipping:
            self._link.end(command, "skipped after an error earlier in its pipeline")
        return self._link.skipping

    def _judged_bind(self, portal: Portal, command: PostgresQuery, verdict: Verdict) -> bool:
        command.verdict = verdict
        if self._skipped(command):
            return False
        if (
            verdict.passes
            and command.text is not command.original_text
            and not self._held.rewrite(portal, command.text)
        ):
            verdict = command.verdict = Verdict(Outcome.FAILED, "this portal cannot be rewritten", verdict.addon)
        if not verdict.passes:
            self._refuse_extended(command, verdict)
            return False
        portal.decisions = command.decisions
        self._link.started(command)
        self._describe_if_needed(portal)
        self._held.let_go(command)
        return True

    def _unclear(self, name: bytes) -> Verdict | None:
        """The refusal of a name that the server may take for another one, or of one too many."""
        link = self._link
        if not is_plain(name):
            reason = "names of statements and portals have to be ASCII, of at most 63 characters, at this gateway"
            return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
        return TOO_MANY if len(link.statements) + len(link.portals) >= MAX_NAMES else None

    def _refuse_name(self, code: str, reason: str) -> None:
        self._refuse_extended(None, Verdict(Outcome.REFUSED, reason, code=code))

    def _refuse_extended(self, command: PostgresQuery | None, verdict: Verdict) -> None:
        """As if the server had raised an error here: what is held never goes, what follows up to Sync is skipped."""
        link = self._link
        if command is not None:
            command.verdict = verdict
            link.end(command, verdict.reason)
        self._held.drop()
        link.send(PROVOKE_ERROR, self._refusal(verdict))
        link.skipping = True

    def _sync(self, message: bytes) -> None:
        link = self._link
        if link.skipping:
            self._held.drop()
        if self._held and not self._release() and self._again:
            return
        if link.copying_in or link.copy_starts:
            # In copy data the server ignores it, and anywhere else it answers: so it waits until that is known.
            link.withheld_sync = True
            link.to_server.append(codec.FLUSH)
            return
        link.sync()

    def _flush(self, message: bytes) -> None:
        if self._held and not self._release():
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
        link = self._link
        # Where there was no copy data to end, the server ignores this.
        link.copying_in = link.copy_starts = link.withheld_sync = False
        link.to_server.append(message)
        if link.owed:
            link.expect(Expected(Answer.COPY_END))

    def _function_call(self, message: bytes) -> None:
        if self._held and not self._release():
            return
        link = self._link
        if link.unsynced and link.owed:
            self._retry_when_drained()
            return
        text, arguments = call_text(message[5:])
        command = PostgresQuery(link.session, text, arguments, prepared=link.prepared.by_name)
        if link.allows_function_calls:
            self._judge_query(command, message, link.prepared.now)
            return
        reason = "the FunctionCall message is refused by this gateway, which cannot see into it; use SQL instead"
        command.verdict = Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
        self._refuse_query(command, command.verdict)

    def _terminate(self, message: bytes) -> None:
        self._link.to_server.append(message)
        self._link.finished = True
