"""Judges commands, edits rows and output: every policy in order, and nothing passes when one breaks.

Whatever a policy raises means that it is broken, SystemExit and KeyboardInterrupt too: the gateway has handlers of
its own for the operator's signals.

A chain is built once per change of the addon list and never changes. A command whose policies are all plain
functions is judged inline and `judge` returns its verdict; when a policy awaits, `judge` returns an awaitable of
it. The same holds for `edit_rows` and `edit_output`, which return None when they are done.
"""

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Iterable
from typing import Any

from hoopaddon.approval import Approver
from hoopaddon.command import ALLOWED, Command, Outcome, TraceLine, Verdict
from hoopaddon.errors import Denied, HoopaddonError, PeerError, Refused, Unparsable
from hoopaddon.identity.open_sessions import OpenSessions
from hoopaddon.output import Output
from hoopaddon.policy.approvers import ShadowApprover, UntimedApprover
from hoopaddon.policy.deadline import call, stepwise
from hoopaddon.policy.policies import Policy, steps
from hoopaddon.policy.shadow_twins import shadow_command, shadow_result
from hoopaddon.policy.step import Step
from hoopaddon.policy.watchdog import DeadlineExceeded, Watchdog
from hoopaddon.rows import Rows
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S = 5.0
MAX_REWRITES = 8

_now_ns = time.perf_counter_ns


class PolicyFailed(HoopaddonError):
    """A policy broke while it looked at a session, rows or output; nothing of that may pass."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"policy {policy} failed")
        self.policy = policy


class Chain:
    """The policies in force, compiled to one table per event.

    `timeout_s` bounds each single hook; waiting for an approval does not count.
    """

    def __init__(
        self,
        policies: Iterable[Policy] = (),
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        approver: Approver | None = None,
        watchdog: Watchdog | None = None,
        sessions: OpenSessions | None = None,
    ) -> None:
        self.policies = tuple(policies)
        self.timeout_s = timeout_s
        self._timeout_ns = int(timeout_s * 1e9)
        self._approver = approver
        self._watchdog = watchdog or Watchdog(timeout_s)
        self.sessions = sessions or OpenSessions()
        self._ending: set[asyncio.Task[None]] = set()
        self._command_tables: dict[type[Command], tuple[Step, ...]] = {}
        self._session_start = self._table("session_start")
        self._session_end = self._table("session_end")
        self._rows = self._table("rows")
        self._output = self._table("output")
        self._command_end = self._table("command_end")
        self.wants_rows = bool(self._rows)
        """Whether any policy looks at rows; without one they are forwarded unseen."""
        self.wants_output = bool(self._output)
        self._shown = tuple(step for step in self._output if step.observer)

    def _table(self, hook: str) -> tuple[Step, ...]:
        return steps(self.policies, hook, lambda policy: policy.hook(hook))

    def _command_table(self, kind: type[Command]) -> tuple[Step, ...]:
        table = steps(self.policies, "command", lambda policy: policy.command_hook(kind))
        self._command_tables[kind] = table
        return table

    # -- commands

    def judge(self, command: Command) -> Verdict | Awaitable[Verdict]:
        """Decide on the command as it stands now; sets and returns its verdict."""
        table = self._command_tables.get(type(command))
        if table is None:
            table = self._command_table(type(command))
        if command.session.ended:
            return _session_over(command)
        return self._judge_from(command, table, 0, 0)

    def _judge_from(
        self, command: Command, table: tuple[Step, ...], position: int, rewrites: int
    ) -> Verdict | Awaitable[Verdict]:
        watchdog = self._watchdog
        trace = command.trace
        left = _now_ns()
        while position < len(table):
            step = table[position]
            subject = command if not step.shadow else shadow_command(command, step)
            subject._approver = self._approver if not step.shadow else ShadowApprover()
            subject._policy = step.name
            # What one policy leaves is what the next one enters: the clock is read once between them.
            entered = watchdog.entered_ns = left
            try:
                result = step.call(subject)
                if result is not None and inspect.isawaitable(result):
                    watchdog.entered_ns = 0
                    return self._judge_async(command, subject, table, position, rewrites, result, entered)
                left = _now_ns()
                late = left - entered > self._timeout_ns
                watchdog.entered_ns = 0
            except BaseException as e:
                watchdog.entered_ns = 0
                if verdict := self._raised(command, step, entered, e):
                    return verdict
                left = _now_ns()
            else:
                if late:
                    if verdict := self._timed_out(command, step, entered):
                        return verdict
                elif subject._rewritten:
                    rewrites += 1
                    if verdict := self._rewritten(command, subject, step, entered, rewrites):
                        return verdict
                    position = position + 1 if step.shadow else 0
                    left = _now_ns()
                    continue
                else:
                    trace.append(TraceLine(step.name, step.hook, "passed", "", (left - entered) // 1000))
            position += 1
        return _passed(command)

    async def _judge_async(
        self,
        command: Command,
        subject: Command,
        table: tuple[Step, ...],
        position: int,
        rewrites: int,
        pending: Awaitable[Any],
        entered: int,
    ) -> Verdict:
        step = table[position]
        verdict: Verdict | None = None
        try:
            await self._within_deadline(subject, pending)
        except TimeoutError:
            verdict = self._timed_out(command, step, entered)
        except BaseException as e:
            _pass_cancellation_on(e)
            verdict = self._raised(command, step, entered, e)
        else:
            if subject._rewritten:
                rewrites += 1
                verdict = self._rewritten(command, subject, step, entered, rewrites)
                position = position if step.shadow else -1
            else:
                outcome = "approved" if subject._decisions else "passed"
                self._trace(command, step, entered, outcome)
        if verdict:
            return verdict
        rest = self._judge_from(command, table, position + 1, rewrites)
        return rest if isinstance(rest, Verdict) else await rest

    async def _within_deadline(self, subject: Command | None, pending: Awaitable[Any]) -> None:
        async with asyncio.timeout(self.timeout_s) as deadline:
            if subject is not None and subject._approver is not None:
                subject._approver = UntimedApprover(subject._approver, deadline, self.timeout_s)
            await stepwise(self._watchdog, pending)
        if deadline.expired():
            # The hook has swallowed its cancellation; what it decided, it decided too late.
            raise TimeoutError

    def _rewritten(
        self, command: Command, subject: Command, step: Step, entered: int, rewrites: int
    ) -> Verdict | None:
        """Prepare the command to be judged again from the start; the refusal of one that never settles."""
        subject._rewritten = False
        self._trace(command, step, entered, "rewrote")
        if step.observer:
            return self._fail(command, step, entered, "an observer cannot rewrite a command")
        if rewrites > MAX_REWRITES:
            return self._fail(command, step, entered, "its text is rewritten again and again")
        if not step.shadow:
            command.forget_approvals()
        return None

    def _raised(self, command: Command, step: Step, entered: int, error: BaseException) -> Verdict | None:
        """The verdict that an exception of a policy means; None in shadow, where it means nothing."""
        if isinstance(error, DeadlineExceeded):
            return self._timed_out(command, step, entered)
        if not isinstance(error, Refused):
            log_failure(step, error)
            return self._fail(command, step, entered, f"policy {step.name} failed")
        outcome = Outcome.DENIED if isinstance(error, Denied) else Outcome.REFUSED
        self._trace(command, step, entered, outcome, error.reason)
        if step.shadow:
            return None
        code, position = (error.code, error.position) if isinstance(error, Unparsable) else ("", None)
        command.verdict = Verdict(outcome, error.reason, step.name, code, position)
        return command.verdict

    def _timed_out(self, command: Command, step: Step, entered: int) -> Verdict | None:
        logger.error("%s: %s took longer than policy_timeout (%g s)", step.name, step.hook, self.timeout_s)
        return self._fail(command, step, entered, f"policy {step.name} did not answer in time")

    def _fail(self, command: Command, step: Step, entered: int, reason: str) -> Verdict | None:
        self._trace(command, step, entered, Outcome.FAILED, reason)
        if step.shadow:
            return None
        command.verdict = Verdict(Outcome.FAILED, reason, step.name)
        return command.verdict

    @staticmethod
    def _trace(command: Command, step: Step, entered: int, outcome: str, reason: str = "") -> None:
        if step.shadow and outcome != "passed":
            outcome = f"would have {outcome}"
        elapsed = (_now_ns() - entered) // 1000
        command.trace.append(TraceLine(step.name, step.hook, outcome, reason, elapsed))

    def end_command(self, command: Command) -> None:
        """Tell every policy how the command ended. A policy that breaks here cannot change that any more."""
        for step in self._command_end:
            self._watchdog.entered_ns = _now_ns()
            try:
                result = step.call(command)
                if result is not None and inspect.isawaitable(result):
                    self._finish_later(step, result)
            except BaseException as e:
                log_failure(step, e)
            finally:
                self._watchdog.entered_ns = 0

    def _finish_later(self, step: Step, pending: Awaitable[Any]) -> None:
        """An async `command_end` runs beside the session, which does not wait for it."""

        async def finish() -> None:
            try:
                await self._within_deadline(None, pending)
            except BaseException as e:
                _pass_cancellation_on(e)
                log_failure(step, e)

        task = asyncio.ensure_future(finish())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # -- sessions

    async def start_session(self, session: Session) -> None:
        """Raises `Refused` when a policy does not want the session or ends it, `PolicyFailed` when one breaks."""
        for step in self._session_start:
            try:
                await self._tell(step, session)
            except Refused:
                if not step.shadow:
                    raise
            except BaseException as e:
                _pass_cancellation_on(e)
                log_failure(step, e)
                if not step.shadow:
                    raise PolicyFailed(step.name) from None
        if session.ended:
            raise Refused(session.ended)
        self.sessions.begin(session)

    async def end_session(self, session: Session) -> None:
        """Tell every policy that the session is over."""
        self.sessions.over(session)
        for step in self._session_end:
            try:
                await self._tell(step, session)
            except BaseException as e:
                _pass_cancellation_on(e)
                log_failure(step, e)

    async def _tell(self, step: Step, session: Session) -> None:
        result = call(self._watchdog, step.call, session)
        if inspect.isawaitable(result):
            await self._within_deadline(None, result)

    # -- what comes back

    def edit_rows(self, rows: Rows) -> Awaitable[None] | None:
        """Let the policies edit a batch. Raises `Refused` or `PolicyFailed`: then no row of it may pass."""
        return self._edit(self._rows, rows, 0)

    def edit_output(self, output: Output) -> Awaitable[None] | None:
        """Let the policies edit a run of text. Raises as `edit_rows` does."""
        return self._edit(self._output, output, 0)

    def show_output(self, output: Output) -> Awaitable[None] | None:
        """Let observers see a text of the gateway's own, which no policy edits. Raises as `edit_rows` does."""
        return self._edit(self._shown, output, 0)

    def _edit(self, table: tuple[Step, ...], subject: Rows | Output, position: int) -> Awaitable[None] | None:
        watchdog = self._watchdog
        while position < len(table):
            step = table[position]
            position += 1
            seen = shadow_result(subject, step) if step.shadow else subject
            seen.read_only = step.observer
            entered = watchdog.entered_ns = _now_ns()
            try:
                result = step.call(seen)
                if result is not None and inspect.isawaitable(result):
                    return self._edit_async(table, subject, position, result, entered)
                if watchdog.overdue:
                    raise DeadlineExceeded
            except BaseException as e:
                self._no_edit(subject, step, entered, e)
            finally:
                watchdog.entered_ns = 0
        return None

    async def _edit_async(
        self,
        table: tuple[Step, ...],
        subject: Rows | Output,
        position: int,
        pending: Awaitable[Any],
        entered: int,
    ) -> None:
        step = table[position - 1]
        try:
            await self._within_deadline(None, pending)
        except BaseException as e:
            _pass_cancellation_on(e)
            self._no_edit(subject, step, entered, e)
        if rest := self._edit(table, subject, position):
            await rest

    def _no_edit(self, subject: Rows | Output, step: Step, entered: int, error: BaseException) -> None:
        if isinstance(error, PeerError):
            # Bytes that are no rows are the target's fault, not that of the policy which reads them first.
            raise error
        refused = isinstance(error, Refused)
        if subject.command is not None:
            outcome, reason = (Outcome.REFUSED, str(error)) if refused else (Outcome.FAILED, "")
            self._trace(subject.command, step, entered, outcome, reason)
        if not refused:
            log_failure(step, error)
        if step.shadow:
            return
        if isinstance(error, Refused):
            error.by = step.name
            raise error
        raise PolicyFailed(step.name) from None


def _pass_cancellation_on(error: BaseException) -> None:
    """A cancellation that this task was asked for is no failure of the policy that it meets."""
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
        raise error


def _passed(command: Command) -> Verdict:
    if command.session.ended:
        return _session_over(command)
    command.verdict = Verdict(Outcome.APPROVED, _approved_by(command)) if command._decisions else ALLOWED
    return command.verdict


def _session_over(command: Command) -> Verdict:
    command.verdict = Verdict(Outcome.REFUSED, command.session.ended)
    return command.verdict


def _approved_by(command: Command) -> str:
    names = {name for _, decision in command.decisions for name in decision.approvers}
    return f"approved by {', '.join(sorted(names))}" if names else "approved"


def place(error: BaseException) -> str:
    """Where an exception was raised, as `file:line`."""
    where, trace = "", error.__traceback__
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where or "an unknown place"


def log_failure(step: Step, error: BaseException) -> None:
    """Name the place, not the message: what a policy raises may quote the data that it was given."""
    logger.error("%s: %s raised %s at %s", step.name, step.hook, type(error).__name__, place(error))
