"""A command from its verdict to its end, which the policies are told once."""

import time
from collections.abc import Callable

from hoopaddon.adapters.ssh.session.flow import one_line
from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command, Verdict
from hoopaddon.policy.in_force import Judge, judged

REFUSED_STATUS = 126
"""What a shell says of a command that it found and may not run."""


class Running:
    """See the module. However it ends, and however often that is said: the first who says it is heard."""

    def __init__(self, gateway: Judge, command: Command) -> None:
        self._gateway = gateway
        self.command = command
        self._began: float | None = None
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    async def judge(self, say: Callable[[str], None]) -> Verdict:
        """The policies' verdict. One that does not pass has ended the command; `say` tells who waits of a hold."""

        def tell(request: ApprovalRequest) -> None:
            reason = f" ({one_line(request.reason)})" if request.reason else ""
            say(f"held: waiting for approval{reason}")

        self.command.tell_when_held(tell)
        verdict = await judged(self._gateway, self.command)
        if not verdict.passes:
            self.end()
        return verdict

    def begin(self) -> None:
        """It goes to the target now."""
        self._began = time.monotonic()

    def end(self, tag: str = "", error: str = "") -> None:
        """It is over."""
        if self._ended:
            return
        self._ended = True
        command = self.command
        if self._began is not None:
            command.duration_s = time.monotonic() - self._began
        command.tag = tag or command.tag
        command.error = command.error or error
        self._gateway.chain.end_command(command)


def refusal(verdict: Verdict) -> str:
    """What a client is told of a verdict that does not pass."""
    by = f" (refused by {verdict.addon})" if verdict.addon else ""
    return one_line(f"{verdict.reason}{by}")
