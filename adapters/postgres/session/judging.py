"""Judges commands and lets them go out, or leaves the server where the client believes it to be.

A refusal outside any transaction is answered by the gateway itself. Otherwise it sends an Execute that must fail, so
that the server really rolls back or aborts, and puts its own error in the place of the server's.
"""

import re
from collections.abc import Callable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.held_bind import HeldBind
from hoopaddon.adapters.postgres.session.link import PROVOKE_ERROR, Link, refusal
from hoopaddon.adapters.postgres.session.parameters import parameters_of
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Portal, Statement
from hoopaddon.adapters.postgres.session.reading import may_change_settings
from hoopaddon.adapters.postgres.session.suspension import Suspension
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Outcome, Verdict

COPY_IN = re.compile(r"\bstdin\b", re.IGNORECASE)
"""No COPY FROM STDIN is written without this word; that other texts have it too only costs a round trip."""


class Judging:
    """Where the client's messages wait for their verdict: the Bind that is held, and the suspension."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.held = HeldBind(link)
        self.suspension = Suspension(link)

    # -- simple protocol

    def query(self, command: PostgresQuery, message: bytes, noted_at: int) -> None:
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
            self.refuse_query(command, verdict)
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

    def refuse_query(self, command: PostgresQuery, verdict: Verdict) -> None:
        """Refuse a command of the simple protocol."""
        command.verdict = verdict
        link = self._link
        link.end(command, verdict.reason)
        if link.session.ended:
            # What the client hears next is the last.
            return
        if not link.owed and not link.unsynced and link.status != b"T":
            link.say_refused(verdict)
            link.to_client.append(codec.ready_for_query(link.status))
            return
        link.provoke(refusal(verdict))

    # -- extended protocol

    def _judge(self, portal: Portal, then: Callable[[PostgresQuery, Verdict], bool]) -> bool:
        """Judge what this portal runs; the result of `then`, or False while the verdict is awaited."""
        link = self._link
        statement = portal.statement
        parameters = parameters_of(portal.bind, statement, link.catalogue.values(link.encoding, "client"))
        command = PostgresQuery(link.session, statement.text, parameters, prepared=link.prepared.by_name)
        command.continues(portal.decisions)
        decision = link.gateway.chain.judge(command)
        if isinstance(decision, Verdict):
            return then(command, decision)
        self.suspension.for_verdict(command, decision, lambda verdict: then(command, verdict))
        return False

    def execute(self, portal: Portal, message: bytes) -> None:
        """Judge what this Execute runs."""
        self._judge(portal, lambda command, verdict: self._judged_execute(portal, command, message, verdict))

    def _judged_execute(self, portal: Portal, command: PostgresQuery, message: bytes, verdict: Verdict) -> bool:
        command.verdict = verdict
        if self._skipped(command):
            return False
        verdict = self._rewritten(portal, command, verdict)
        if not verdict.passes:
            self.refuse(command, verdict)
            return False
        link = self._link
        self._describe_if_needed(portal)
        self.held.let_go()
        link.started(command)
        if command.text is not command.original_text:
            link.settings_stale |= may_change_settings(command)
            self._may_begin_copy(command.text)
        else:
            self._note_effects(portal.statement, command)
        link.send(message, Expected(Answer.EXECUTE, command, portal=portal))
        return True

    def _rewritten(self, portal: Portal, command: PostgresQuery, verdict: Verdict) -> Verdict:
        """The verdict, once the text that a policy has put in the place of the client's is in its place."""
        if not verdict.passes or command.text is command.original_text:
            return verdict
        if self.held.rewrite(portal, command.text):
            return verdict
        return Verdict(Outcome.FAILED, "a portal that is already bound cannot be rewritten", verdict.addon)

    def _note_effects(self, statement: Statement, command: PostgresQuery) -> None:
        """What a statement's text says does not change from one Execute to the next."""
        if statement.effects is None:
            statement.effects = may_change_settings(command), bool(COPY_IN.search(statement.text))
        changes_settings, begins_copy = statement.effects
        self._link.settings_stale |= changes_settings
        if begins_copy:
            self._link.copy_starts, self._link.copy_data_sent = True, False

    def _may_begin_copy(self, text: str) -> None:
        if "stdin" in text.lower() and COPY_IN.search(text):
            self._link.copy_starts, self._link.copy_data_sent = True, False

    def _describe_if_needed(self, portal: Portal) -> None:
        """Rows are only readable with their description; ask for it where the client does not."""
        if portal.described or portal.statement.described or not self._link.gateway.chain.wants_rows:
            return
        portal.described = True
        self.held.emit(
            codec.describe(b"P", portal.bind.portal), Expected(Answer.DESCRIBE, portal=portal, silent=True)
        )

    def release(self) -> bool:
        """Judge the Bind that is held, for it has to go out before its Execute. False: not now, or refused."""
        portal = self.held.portal
        if portal is None:
            return True
        return self._judge(portal, lambda command, verdict: self._judged_bind(portal, command, verdict))

    def _skipped(self, command: PostgresQuery) -> bool:
        """Whether the pipeline broke while the verdict was awaited: then the command does not run."""
        if self._link.skipping:
            self._link.end(command, "skipped after an error earlier in its pipeline")
        return self._link.skipping

    def _judged_bind(self, portal: Portal, command: PostgresQuery, verdict: Verdict) -> bool:
        command.verdict = verdict
        if self._skipped(command):
            return False
        verdict = self._rewritten(portal, command, verdict)
        if not verdict.passes:
            self.refuse(command, verdict)
            return False
        portal.decisions = command.decisions
        self._link.started(command)
        self._describe_if_needed(portal)
        self.held.let_go(command)
        return True

    def refuse(self, command: PostgresQuery | None, verdict: Verdict) -> None:
        """As if the server had raised an error here: what is held never goes, what follows up to Sync is skipped."""
        link = self._link
        if command is not None:
            command.verdict = verdict
            link.end(command, verdict.reason)
        self.held.drop()
        if link.session.ended:
            return
        expected = Expected(Answer.REFUSAL)
        expected.answer = refusal(verdict)
        link.send(PROVOKE_ERROR, expected)
        link.skipping = True
