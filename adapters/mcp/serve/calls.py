"""Calls that take longer than an agent waits: it is given an id, and asks again."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from hoopaddon.approval import ApprovalRequest, Approver, Decision
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError

MOST_CALLS = 100
_ID_CHARS = "23456789bcdfghjkmnpqrstvwxz"


class Refusal(HoopaddonError):
    """A target, or a policy, says no. The text is for the agent."""


type IsOf = Callable[[Command], bool]
"""Whether a command that the gateway holds is of one call."""


@dataclass(slots=True)
class Held:
    """Which commands wait for people; told by the gateway, asked by the tools' own thread."""

    inner: Approver
    _waiting: dict[int, ApprovalRequest] = field(default_factory=dict)

    async def ask(self, request: ApprovalRequest) -> Decision:
        """Pass the question on, and remember it while it has no answer."""
        self._waiting[id(request)] = request
        try:
            return await self.inner.ask(request)
        finally:
            del self._waiting[id(request)]

    def reason(self, is_of: IsOf) -> str | None:
        """Why a call waits; None where it does not."""
        return next((waits.reason for waits in list(self._waiting.values()) if is_of(waits.command)), None)


@dataclass(slots=True)
class _Call:
    task: "asyncio.Task[Any]"
    is_of: IsOf


class Calls:
    """The calls of one agent."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._calls: dict[str, _Call] = {}

    async def run(self, is_of: IsOf, work: Coroutine[Any, Any, Any], wait_s: float) -> dict[str, Any]:
        """The result, or after `wait_s` seconds what to ask again with. Raises `Refusal`."""
        if len(self._calls) >= MOST_CALLS:
            work.close()
            raise Refusal("too many calls wait: ask for their results first")
        id_ = "".join(secrets.choice(_ID_CHARS) for _ in range(8))
        self._calls[id_] = _Call(asyncio.ensure_future(work), is_of)
        return await self.result(id_, wait_s)

    async def result(self, id_: str, wait_s: float) -> dict[str, Any]:
        """The result of an earlier call. Raises `Refusal`."""
        call = self._calls.get(id_)
        if call is None:
            raise Refusal("there is no such call, or you have its result already")
        await asyncio.wait([call.task], timeout=wait_s)
        if not call.task.done():
            return self._waits(id_, call)
        del self._calls[id_]
        return {"status": "done", **call.task.result()}

    def _waits(self, id_: str, call: _Call) -> dict[str, Any]:
        reason = self._held.reason(call.is_of)
        ask = f"ask again with result_of(id={id_!r})"
        if reason is None:
            return {"status": "still running", "id": id_, "what_to_do": ask}
        why = f" ({reason})" if reason else ""
        about = f"a person has to approve it{why}: tell the person you work for, and {ask}"
        return {"status": "waiting for approval", "id": id_, "what_to_do": about}

    async def close(self) -> None:
        """Give up what still waits."""
        tasks: list[Awaitable[Any]] = [call.task for call in self._calls.values()]
        for call in self._calls.values():
            call.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
