"""What a policy in shadow is given: copies, so that nothing that it does to them takes effect."""

import copy
from typing import Any

from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command
from hoopaddon.output import Output
from hoopaddon.policy.step import Step
from hoopaddon.rows import Rows


def shadow_command(command: Command, step: Step) -> Command:
    """A copy whose verdict, approvals and trace are nobody's but the policy's."""
    twin = copy.copy(command)
    twin.trace = []
    twin.tell_when_held(_nobody_waits)
    twin.forget_approvals()
    return twin


def _nobody_waits(_request: ApprovalRequest) -> None:
    """What a shadow policy asks of people is not asked."""


def shadow_result(subject: Rows | Output, step: Step) -> Rows | Output:
    """A copy for a policy in shadow. What it remembers of a stream is its own, command and session are shared."""
    shared: list[Any] = [subject.command]
    if isinstance(subject, Output):
        shared += subject.session, subject.vars
    twin = copy.deepcopy(subject, {id(part): part for part in shared})
    if isinstance(subject, Output) and isinstance(twin, Output):
        twin.vars = subject.vars.setdefault(f"shadow {step.name}", {})
    return twin
