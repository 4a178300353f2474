"""What a server sends, made fit for the client: lists without what is not offered, texts through the policies."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp import specification as spec
from hoopaddon.adapters.mcp.conversation import Asked, Conversation
from hoopaddon.adapters.mcp.descriptions import Cleaning
from hoopaddon.adapters.mcp.editing import Editing
from hoopaddon.adapters.mcp.making import server_command
from hoopaddon.adapters.mcp.messages import Answer, Failure, NotAMessage, Notification, Request, Result
from hoopaddon.adapters.mcp.pins import PinsUnusable
from hoopaddon.adapters.mcp.running import Running
from hoopaddon.adapters.mcp.toolbox import Toolbox
from hoopaddon.command import Verdict
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.policy.chain import PolicyFailed, place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
_ABOUT_ITSELF = frozenset({"initialize", "server/discover"})


class Answers:
    """See the module: the server's half of one session, whatever carries its messages."""

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        conversation: Conversation,
        toolbox: Toolbox,
        *,
        binary: bool = False,
    ) -> None:
        self._session = session
        self._gateway = gateway
        self._conversation = conversation
        self._toolbox = toolbox
        self._editing = Editing(session, gateway, binary=binary)

    # -- answers

    async def answer(self, asked: Asked, answer: Answer) -> Answer:
        """The answer as the client may see it; where it may not, one that says so."""
        try:
            if isinstance(answer, Failure):
                if asked.request.method == "initialize":
                    self._conversation.not_agreed()
                return await self._editing.failure(answer, asked.command)
            result = await self._result(asked, answer.result)
        except (HoopaddonError, NotAMessage) as e:
            return self._withheld(asked, e)
        except Exception as e:
            logger.error("an answer was withheld: %s at %s", type(e).__name__, place(e))
            return self._withheld(asked, HoopaddonError("the gateway failed"))
        return result if isinstance(result, Failure | Result) else Result(answer.id, result)

    def _withheld(self, asked: Asked, error: Exception) -> Answer:
        reason = str(error)
        policy = error.by if isinstance(error, Refused) else error.policy if isinstance(error, PolicyFailed) else ""
        if asked.command is not None:
            asked.command.error = asked.command.error or reason
        return refusals.withheld(asked.request, reason, policy)

    async def _result(self, asked: Asked, result: Mapping[str, Any]) -> dict[str, Any] | Answer:
        method, command = asked.request.method, asked.command
        if method in _ABOUT_ITSELF:
            return await self._about_itself(asked, result)
        if method in _LISTS:
            return await self._listing(asked, result, _LISTS[method])
        if result.get("resultType") == "input_required":
            if refused := await self._input_required(asked, result):
                return refused
            return dict(await self._editing.result(result, command))
        typed = False
        if method == "tools/call":
            tool = self._toolbox.find(str(asked.request.params.get("name")))
            typed = tool is not None and tool.structured
        return await self._editing.result(result, command, typed=typed)

    async def _about_itself(self, asked: Asked, result: Mapping[str, Any]) -> dict[str, Any]:
        if asked.request.method == "initialize":
            self._conversation.agreed(result)
            self._session.parameters["protocol_version"] = self._conversation.version
        cleaning = Cleaning()
        cleaned = cleaning.of(result)
        if cleaning.removed:
            logger.warning("%d hidden characters taken out of what the server says of itself", cleaning.removed)
        return await self._editing.result(cleaned, asked.command)

    async def _listing(self, asked: Asked, result: Mapping[str, Any], name: str) -> dict[str, Any]:
        items = result.get(name)
        if not isinstance(items, list):
            raise HoopaddonError("the server's list is none")
        if name == "tools":
            try:
                shown = self._toolbox.listed(items)
            except PinsUnusable as e:
                raise HoopaddonError(f"nobody can say which tool has changed: {e}") from None
        else:
            shown = _cleaned(items, name)
        page = {**result, name: shown}
        edited = await self._editing.listing(page, name, asked.command)
        if name == "tools":
            self._toolbox.given(shown, edited[name])
        return edited

    async def _input_required(self, asked: Asked, result: Mapping[str, Any]) -> Answer | None:
        """What the server asks within an answer (2026-07-28), each judged by itself; the refusal of the first."""
        wanted = result.get("inputRequests")
        for one in wanted.values() if isinstance(wanted, Mapping) else ():
            params = one.get("params") if isinstance(one, Mapping) else None
            if not isinstance(one, Mapping) or not isinstance(one.get("method"), str):
                raise HoopaddonError("the server asks for something that cannot be read")
            try:
                spec.check_input_request(one["method"], params if isinstance(params, Mapping) else {})
            except spec.NotAllowed as e:
                raise HoopaddonError(e.reason) from None
            verdict = await self._judge_input(one["method"], params if isinstance(params, Mapping) else {})
            if not verdict.passes:
                reason = f"the server asks for {one['method']} before it answers: {verdict.reason}"
                return refusals.to_client(asked.request, reason, verdict.addon, verdict.outcome)
        return None

    async def _judge_input(self, method: str, params: Mapping[str, Any]) -> Verdict:
        command = server_command(self._session, method, params)
        running = Running(self._gateway, command)
        verdict = await running.judge(lambda _n, _text: None)
        if verdict.passes and command.text != command.original_text:
            raise HoopaddonError("what a server asks within an answer cannot be rewritten")
        running.begin()
        running.end("asked")
        return verdict

    # -- what the server says by itself

    async def notification(self, told: Notification) -> Notification | None:
        """The notification as the client may see it; None where it may not."""
        if not self._conversation.server_tells(told):
            logger.info("a notification of the server's was dropped: nothing waits for it, or it is not known")
            return None
        asked = self._conversation.of_token(told.params.get("progressToken"))
        try:
            return await self._editing.notification(told, asked.command if asked is not None else None)
        except HoopaddonError as e:
            logger.warning("a notification of the server's was withheld: %s", type(e).__name__)
            return None

    async def request(self, asked: Asked) -> Request:
        """What the server asks, as the client may see it. Raises `Refused` or `PolicyFailed`."""
        if not asked.request.params:
            return asked.request
        params = asked.request.params
        if self._gateway.chain.wants_output:
            params = await self._editing.document(dict(params), asked.command)
            if not isinstance(params, dict):
                raise HoopaddonError("a policy failed")
        return replace(asked.request, params=params)


def _cleaned(items: list[Any], name: str) -> list[Any]:
    """Items of a list without what people would not see in them; those that cannot be cleaned are left out."""
    kept = []
    for item in items:
        cleaning = Cleaning()
        cleaned = cleaning.of(item)
        if cleaning.unclean:
            logger.warning("one of the %s is left out: its name hides characters", name)
            continue
        if cleaning.removed:
            logger.warning("%d hidden characters taken out of one of the %s", cleaning.removed, name)
        kept.append(cleaned)
    return kept
