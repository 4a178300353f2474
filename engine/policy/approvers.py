"""What stands between a policy that asks people, and those who ask them."""

import asyncio

from hoopaddon.approval import ApprovalRequest, Approver, Decision


class ShadowApprover:
    """Approves at once: a shadow policy goes on to say what it would do next."""

    async def ask(self, request: ApprovalRequest) -> Decision:
        return Decision(True, reason="shadow")


class UntimedApprover:
    """Stops the hook's clock while people decide."""

    def __init__(self, approver: Approver, deadline: asyncio.Timeout, timeout_s: float) -> None:
        self._approver = approver
        self._deadline = deadline
        self._timeout_s = timeout_s

    async def ask(self, request: ApprovalRequest) -> Decision:
        self._deadline.reschedule(None)
        try:
            return await self._approver.ask(request)
        finally:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._timeout_s)
