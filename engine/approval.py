"""What a policy asks of people, and what they answer."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from hoopaddon.command import Command


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A held command and the terms on which it may go on.

    `by` names the groups whose members may answer (empty: anyone but the requester); `count` is how many
    different people have to say yes; after `within_s` seconds without them the answer is no.
    """

    command: "Command"
    reason: str
    policy: str
    by: frozenset[str]
    count: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: who gave it and why. `approvers` is empty where nobody answered in time."""

    approved: bool
    approvers: tuple[str, ...] = ()
    reason: str = ""


class Question(NamedTuple):
    """What a policy asked of people; the same question of the same command has the same answer."""

    policy: str
    reason: str
    by: frozenset[str]
    people: int


class Approver(Protocol):
    """Where held commands wait. An implementation that cannot ask raises; the command is then refused."""

    def ask(self, request: ApprovalRequest) -> Awaitable[Decision]:
        """Wait for the decision on this exact command; cancelled when its client goes away."""
        ...
