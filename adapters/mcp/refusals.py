"""How a refusal is told: to an agent in words that its model reads, to a server in the protocol's own."""

from hoopaddon.adapters.mcp.messages import REFUSED, Answer, Failure, Request, Result
from hoopaddon.command import Outcome, Verdict

_USER_REJECTED = -1
"""What the specification has servers expect of a client whose user does not want sampling."""


def to_client(request: Request, reason: str, policy: str = "", outcome: str = "refused") -> Answer:
    """The answer to a client's request that goes no further.

    That of a tool is a result, `isError`: models are shown results, while many clients keep errors to themselves.
    """
    if request.method == "tools/call":
        words, advice = _SAID.get(outcome, _REFUSED)
        return _tool_error(request, f"hoopaddon {words} this call: {reason}{_by(policy)}. {advice}")
    data = {"refused_by": "hoopaddon", "outcome": str(outcome), **({"policy": policy} if policy else {})}
    return Failure(request.id, REFUSED, f"refused: {reason}{_by(policy)}", data)


def of_verdict(request: Request, verdict: Verdict) -> Answer:
    """The same, for what the policies decided."""
    return to_client(request, verdict.reason, verdict.addon, verdict.outcome)


def withheld(request: Request, reason: str, policy: str = "") -> Answer:
    """The answer where the server has answered, and what it said is not for the client."""
    if request.method == "tools/call":
        return _tool_error(request, f"The call was made. hoopaddon withheld its result: {reason}{_by(policy)}.")
    data = {"refused_by": "hoopaddon", "outcome": "withheld"}
    return Failure(request.id, REFUSED, f"withheld: {reason}{_by(policy)}", data)


def to_server(request: Request, reason: str) -> Answer:
    """The answer to a server's request that never reaches the client, or whose answer never reaches the server."""
    if request.method == "ping":
        # That somebody is there is no secret.
        return Result(request.id, {})
    if request.method == "elicitation/create":
        return Result(request.id, {"action": "decline"})
    code = _USER_REJECTED if request.method == "sampling/createMessage" else REFUSED
    return Failure(request.id, code, f"refused: {reason}")


def _by(policy: str) -> str:
    return f" (policy {policy})" if policy else ""


def _tool_error(request: Request, text: str) -> Result:
    meta = request.params.get("_meta")
    # What results have to say from version 2026-07-28 on.
    modern = isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta
    complete = {"resultType": "complete"} if modern else {}
    return Result(request.id, {"content": [{"type": "text", "text": text}], "isError": True, **complete})


_REFUSED = ("refused", "The same call will be refused again; do something else, or ask the person you work for.")
_SAID: dict[str, tuple[str, str]] = {
    Outcome.DENIED: (
        "did not get an approval for",
        "A person has to approve it; ask the person you work for before you try again.",
    ),
    Outcome.FAILED: ("could not judge", "It was not made. Tell the person you work for."),
}
