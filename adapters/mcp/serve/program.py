"""`hoopaddon serve-mcp`, as its arguments say it."""

import argparse
from collections.abc import Sequence

from hoopaddon.adapters.mcp.serve.calls import Held
from hoopaddon.adapters.mcp.serve.kubectl import Program
from hoopaddon.adapters.mcp.serve.server import ServerThread, Tools
from hoopaddon.adapters.mcp.serve.targets import Served
from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.gateway import Gateway
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey


async def serve(gateway: Gateway, targets: Sequence[Served], arguments: argparse.Namespace) -> int:
    """The tools of `hoopaddon serve-mcp`, until the client has gone; the gateway listens already.

    Raises `ConfigError`.
    """
    has_clusters = any(target.protocol == "kubernetes" for target in targets)
    program = Program.find(arguments.kubectl, gateway.options) if has_clusters else None
    held = Held(gateway.approver or _Nobody())
    gateway.approver = held
    key = SigningKey.load_or_create(gateway.confdir)
    user = User(arguments.user, frozenset(part for part in arguments.groups.split(",") if part))
    await ServerThread(Tools(targets, user, key, held, program)).run()
    return 0


class _Nobody:
    """Where nobody can be asked, the answer is no."""

    async def ask(self, request: ApprovalRequest) -> Decision:
        """No."""
        return Decision(False, reason="nobody can be asked")
