"""A command on its way to a target: what it says, what was decided, and how it ended."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from mypy_extensions import mypyc_attr

from hoopaddon.approval import ApprovalRequest, Approver, Decision, Question
from hoopaddon.errors import Denied
from hoopaddon.facts import Facts
from hoopaddon.session import Session

type Answered = tuple[tuple[Question, Decision], ...]
"""Questions about a command, each with its answer."""

DEFAULT_APPROVAL_WITHIN_S = 300.0


class Outcome(StrEnum):
    """What the policies decided, and what became of it."""

    PENDING = "pending"
    ALLOWED = "allowed"
    APPROVED = "approved"
    REFUSED = "refused"
    DENIED = "denied"
    FAILED = "failed"
    """A policy broke or ran out of time; the command was refused."""

    @property
    def passes(self) -> bool:
        return self in (Outcome.ALLOWED, Outcome.APPROVED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The chain's decision on one command. `reason` is safe to show to the client."""

    outcome: Outcome
    reason: str = ""
    addon: str = ""
    code: str = ""
    """The target's own error code where the refusal has one (PostgreSQL: SQLSTATE)."""
    position: int | None = None

    @property
    def passes(self) -> bool:
        return self.outcome.passes


PENDING = Verdict(Outcome.PENDING)
ALLOWED = Verdict(Outcome.ALLOWED)


class TraceLine:
    """What one addon did with one event, and how long it took.

    `outcome` is `passed`, `edited`, `rewrote`, `approved`, `refused`, `denied` or `failed`; after `would have ` in
    shadow.
    """

    # Not a dataclass, whose __init__ stays interpreted: several are made for every command.
    __slots__ = ("addon", "hook", "microseconds", "outcome", "reason")

    def __init__(self, addon: str, hook: str, outcome: str, reason: str, microseconds: int) -> None:
        self.addon = addon
        self.hook = hook
        self.outcome = outcome
        self.reason = reason
        self.microseconds = microseconds

    def __repr__(self) -> str:
        return f"<TraceLine {self.addon}.{self.hook} {self.outcome} {self.reason!r} {self.microseconds} µs>"


_ATTRIBUTES = (
    "_approver",
    "_decisions",
    "_given",
    "_notes",
    "_policy",
    "_rewritten",
    "_tell",
    "bytes",
    "duration_s",
    "error",
    "number",
    "original_text",
    "parameters",
    "rows",
    "session",
    "started_at",
    "tag",
    "text",
    "trace",
    "verdict",
)


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class Command:
    """One command, judged before any byte of it reaches the target.

    `text` is what the target would run and `parameters` the values bound to it. A subclass for a protocol
    adds what only that protocol has and names its hook: `class PostgresQuery(Command, hook="postgres_query")`.
    The last six attributes are filled in by the time of `command_end`.
    """

    hook: ClassVar[str] = "command"
    protocol: ClassVar[str] = ""
    types: ClassVar[dict[str, type["Command"]]] = {}
    """Every kind of command by the name of its hook."""
    only_opens: ClassVar[bool] = False
    """Whether it does nothing by itself: what is done in what it opens are commands of their own."""
    is_message: ClassVar[bool] = False
    """Whether it is a message on a connection that a command before it has opened."""

    __slots__ = _ATTRIBUTES

    def __init_subclass__(cls, *, hook: str = "", protocol: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if hook:
            cls.hook = hook
            Command.types[hook] = cls
        if protocol:
            cls.protocol = protocol

    def __init__(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> None:
        session.commands += 1
        self.session = session
        self.text = text
        self.original_text = text
        self.parameters = parameters
        self.number = session.commands
        self.started_at = time.time()
        self.trace: list[TraceLine] = []
        self.verdict = PENDING
        self.rows = 0
        self.bytes = 0
        self.duration_s = 0.0
        self.error = ""
        self.tag = ""
        self._approver: Approver | None = None
        self._given: list[tuple[Question, Decision]] = []
        self._decisions: list[tuple[Question, Decision]] = []
        self._notes: tuple[tuple[str, str], ...] = ()
        self._policy = ""
        self._rewritten = False
        self._tell: Callable[[ApprovalRequest], None] | None = None

    @property
    def facts(self) -> Facts:
        """Facts about the text, computed when first read. Raises `Unparsable` where the text cannot be read."""
        return Facts()

    @property
    def verbs(self) -> frozenset[str]:
        """What the command does, at any depth: `select`, `delete`, `drop` …"""
        return self.facts.verbs

    @property
    def objects(self) -> frozenset[str]:
        """What the command does it to: tables, paths, resources."""
        return self.facts.objects

    @property
    def decisions(self) -> Answered:
        """The questions that policies have asked about this command, and what people answered, in order."""
        return tuple(self._decisions)

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """What policies have said of this command for its record, each with the policy's name."""
        return self._notes

    def note(self, text: str) -> None:
        """Say something of this command that belongs into its record: by which right it runs, for example."""
        said = (self._policy, text)
        if said not in self._notes:
            self._notes = (*self._notes, said)

    def continues(self, decisions: Answered) -> None:
        """This command goes on with one that had these approvals; nobody has to give them twice."""
        self._given = list(decisions)

    def forget_approvals(self) -> None:
        """Those that there are were for another text."""
        self._given, self._decisions = [], []

    def rewrite(self, text: str) -> None:
        """Send `text` to the target instead. Every policy judges the new text too, the earlier ones again."""
        if text != self.text:
            self.text = text
            self._rewritten = True

    def tell_when_held(self, tell: Callable[[ApprovalRequest], None]) -> None:
        """An adapter's way to let the waiting client know that people are asked."""
        self._tell = tell

    async def approve(
        self,
        reason: str = "",
        *,
        by: Iterable[str] = (),
        count: int = 1,
        within_s: float = DEFAULT_APPROVAL_WITHIN_S,
    ) -> Decision:
        """Hold the command until `count` people of the groups `by` approve it.

        The approval is for this exact text with these exact parameters. Raises `Denied` when somebody says no
        or `within_s` seconds pass.
        """
        question = Question(self._policy, reason, frozenset(by), count)
        for given in self._given:
            if given[0] == question:
                # Each answer counts once: a question that is asked twice wants two.
                self._given.remove(given)
                self._decisions.append(given)
                return given[1]
        if self._approver is None:
            raise Denied("needs an approval, and this gateway has nowhere to ask for one")
        request = ApprovalRequest(self, reason, self._policy, question.by, count, within_s)
        if self._tell is not None:
            self._tell(request)
        decision = await self._approver.ask(request)
        if not decision.approved:
            raise Denied(decision.reason or "nobody approved it in time")
        self._decisions.append((question, decision))
        return decision

    def __copy__(self) -> Self:
        # A compiled class shows no __slots__ that the copy module could go by.
        kind = type(self)
        added = [name for base in kind.__mro__ for name in vars(base).get("__slots__", ())]
        twin = kind.__new__(kind)
        for name in {*_ATTRIBUTES, *added, *getattr(self, "__dict__", ())}:
            setattr(twin, name, getattr(self, name))
        return twin

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.number} of session {self.session.id}>"
