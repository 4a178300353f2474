"""Policies and an approver for the scripted tests."""

import asyncio

from hoopaddon import Addon, ApprovalRequest, Command, Decision, Refused, ToolCommand


class Seen(Addon):
    """What the policies were asked about, and how it ended."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.ended: list[Command] = []

    def command(self, command: Command) -> None:
        self.commands.append(command)

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


class Refuse(Addon):
    def __init__(self, *verbs: str) -> None:
        self.verbs = frozenset(verbs)

    def command(self, command: Command) -> None:
        if self.verbs & command.verbs:
            raise Refused("not today")


class Hold(Addon):
    async def mcp_tool_call(self, command: ToolCommand) -> None:
        await command.approve("somebody has to look")


class Approver:
    def __init__(self) -> None:
        self.asked: list[ApprovalRequest] = []
        self.answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        return await self.answer


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
