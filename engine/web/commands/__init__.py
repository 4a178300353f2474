"""What commands of the protocols on HTTP have in common, as policies see it.

As in `hoopaddon.commands`, adapters derive theirs from these, and policies import them from `hoopaddon`.
"""

from hoopaddon.web.commands.http import GraphQLCall, GraphQLOperation, HttpCommand, HttpPart
from hoopaddon.web.commands.kubernetes import KubeCommand
from hoopaddon.web.commands.tools import ContextCommand, ToolCommand

__all__ = [
    "ContextCommand",
    "GraphQLCall",
    "GraphQLOperation",
    "HttpCommand",
    "HttpPart",
    "KubeCommand",
    "ToolCommand",
]
