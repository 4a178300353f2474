"""Addons, chains and approvers for the tests of the chain."""

import asyncio
from collections.abc import Callable
from typing import Any

from hoopaddon import Command, Decision, Refused, Session, Target, User, Verdict
from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy


def session() -> Session:
    return Session(User("agent-7"), Target("orders", "postgres", "db:5432"))


def command(text: str = "SELECT 1") -> Command:
    return Command(session(), text)


class Hooks:
    """An addon made of functions."""

    def __init__(self, observer: bool = False, **hooks: Callable[..., Any]) -> None:
        self.observer = observer
        for name, hook in hooks.items():
            setattr(self, name, hook)


class Answers:
    """An approver with one answer."""

    def __init__(self, decision: Decision, after_s: float = 0) -> None:
        self.decision = decision
        self.after_s = after_s
        self.asked: list[ApprovalRequest] = []

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        await asyncio.sleep(self.after_s)
        return self.decision


YES = Decision(True, ("dana",), "fine")


def chain(*addons: Hooks, shadow: int = -1, **options: Any) -> Chain:
    policies = [Policy(f"p{index}", addon, index == shadow) for index, addon in enumerate(addons)]
    return Chain(policies, **options)


async def judged(chain: Chain, subject: Command) -> Verdict:
    found = chain.judge(subject)
    return found if isinstance(found, Verdict) else await found


def refuse(_: Command) -> None:
    raise Refused("no")


def rewriting(text: str) -> Callable[[Command], None]:
    return lambda command: command.rewrite(text)


async def awaited_refusal(_: Command) -> None:
    await asyncio.sleep(0)
    raise Refused("later no")
