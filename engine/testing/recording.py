"""What policies did, kept for the test: the errors they raised and the approvals they asked for."""

import functools
import inspect
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Literal

from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.errors import Refused
from hoopaddon.policy.policies import HookFunction, Policy

logger = logging.getLogger(__name__)

type Answer = bool | Literal["timeout"] | Decision


@dataclass(frozen=True, slots=True)
class RecordingPolicy(Policy):
    """A policy whose errors are kept whole: there is no production data in a test that must stay out of a log."""

    errors: list[Exception] = field(default_factory=list)

    def hook(self, name: str) -> HookFunction | None:
        # Not super(): a dataclass with slots is another class than the one that its methods close over.
        function = Policy.hook(self, name)
        return self._recorded(function) if function else None

    def _recorded(self, function: HookFunction) -> HookFunction:
        async def awaited(pending: Awaitable[Any]) -> Any:
            try:
                return await pending
            except Exception as e:
                self._keep(e)
                raise

        @functools.wraps(function)
        def call(subject: Any) -> Any:
            try:
                result = function(subject)
            except Exception as e:
                self._keep(e)
                raise
            return awaited(result) if inspect.isawaitable(result) else result

        return call

    def _keep(self, error: Exception) -> None:
        if not isinstance(error, Refused):
            self.errors.append(error)
            logger.error("%s raised %r", self.name, error, exc_info=error)


class ScriptedApprover:
    """Answers every request at once as it was told to, and keeps the requests."""

    def __init__(self, answer: Answer = False) -> None:
        self.answer = answer
        self.requests: list[ApprovalRequest] = []

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.requests.append(request)
        if isinstance(self.answer, Decision):
            return self.answer
        if self.answer == "timeout":
            return Decision(False)
        people = tuple(f"approver-{number + 1}" for number in range(request.count))
        return Decision(True, people) if self.answer else Decision(False, people[:1], "an approver said no")
