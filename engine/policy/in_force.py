"""Verdicts that took time are those of the policies in force when they are there."""

from collections.abc import Awaitable
from typing import Protocol

from hoopaddon.command import Command, Verdict
from hoopaddon.policy.chain import Chain


class Judge(Protocol):
    """Where the chain in force is found: the gateway."""

    @property
    def chain(self) -> Chain: ...


async def judged(gateway: Judge, command: Command) -> Verdict:
    """The verdict on the command, for those who await it in any case."""
    chain = gateway.chain
    found = chain.judge(command)
    return found if isinstance(found, Verdict) else await in_force(gateway, chain, command, found)


async def in_force(gateway: Judge, chain: Chain, command: Command, pending: Awaitable[Verdict]) -> Verdict:
    """What `pending`, begun by `chain`, says, and then every chain that has replaced it meanwhile.

    People who have approved the command need not do it again.
    """
    verdict = await pending
    while verdict.passes and gateway.chain is not chain:
        chain = gateway.chain
        decisions = command.decisions
        command.forget_approvals()
        command.continues(decisions)
        found = chain.judge(command)
        verdict = found if isinstance(found, Verdict) else await found
    return verdict
