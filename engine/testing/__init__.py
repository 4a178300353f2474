"""The kit for testing a policy: one event in, one verdict out, no server.

>>> from hoopaddon.testing import command, judge
>>>
>>> def test_drop_is_refused() -> None:
...     verdict = judge(BlockDrops(), command("DROP TABLE users"))
...     assert not verdict.passes
...     assert "change ticket" in verdict.reason
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import hoopaddon.testing._mitmproxy  # noqa: F401
from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command, Verdict
from hoopaddon.output import Output
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.rows import Column
from hoopaddon.testing.bench import Bench
from hoopaddon.testing.events import command, file_operation, forward, http_request, rows, session, shell_command
from hoopaddon.testing.recording import Answer
from hoopaddon.testing.scripts import load

__all__ = [
    "Answer",
    "Bench",
    "PolicyFailed",
    "command",
    "file_operation",
    "forward",
    "held",
    "http_request",
    "judge",
    "load",
    "mask",
    "output",
    "rows",
    "session",
    "shell_command",
]


def judge(
    policies: object,
    command: Command,
    *,
    options: Mapping[str, Any] | None = None,
    approve: Answer = False,
    shadow: bool = False,
) -> Verdict:
    """The decision of one policy, or of a list of them in order, on one command.

    Where a policy asks for an approval, `approve` is the answer: True, False or "timeout". `command.trace` then
    says what each policy did, and `command.text` what the target would run.
    """
    with Bench(*_listed(policies), options=options, approve=approve, shadow=shadow) as bench:
        return bench.judge(command)


def held(policies: object, command: Command, *, options: Mapping[str, Any] | None = None) -> ApprovalRequest | None:
    """The terms on which the command would be held for approval; None where it would not be."""
    with Bench(*_listed(policies), options=options) as bench:
        bench.judge(command)
        return bench.requests[0] if bench.requests else None


def mask(
    policies: object,
    columns: Sequence[str | Column],
    cells: Sequence[Sequence[object]],
    *,
    of: Command | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[list[str | None]]:
    """These rows as the client would see them.

    A column is a name, `name:type` or a Column; `of` is the command that the rows belong to. Raises Refused where
    a policy refuses them, PolicyFailed where one breaks.
    """
    with Bench(*_listed(policies), options=options) as bench:
        return bench.rows(rows(of or command("SELECT 1"), columns, cells)).cells


def output(
    policies: object,
    text: str,
    kind: str = "notice",
    *,
    of: Command | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """Text beside the rows as the client would see it.

    `kind` is `error`, `notice` or `notification` for a database, `stdout`, `stderr` or `terminal` for a program.
    """
    caused_by = of or command("SELECT 1")
    with Bench(*_listed(policies), options=options) as bench:
        return bench.output(Output(caused_by.session, kind, text, caused_by))


def _listed(policies: object) -> Iterable[object]:
    return policies if isinstance(policies, list | tuple) else [policies]
