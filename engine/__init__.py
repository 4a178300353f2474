"""hoopaddon: policies in Python between people, agents and production.

What a policy needs is here; everything else is the gateway's own.
"""

from mitmproxy import ctx

from hoopaddon.addon import Addon
from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.command import Command, Outcome, TraceLine, Verdict
from hoopaddon.commands import FileOperation, Forward, ShellCommand, ShellProgram, SqlCommand, SqlStatement
from hoopaddon.errors import ConfigError, Denied, Refused, Unparsable
from hoopaddon.facts import Facts
from hoopaddon.loader import Loader
from hoopaddon.output import Output
from hoopaddon.rows import Column, Row, Rows
from hoopaddon.session import Session, Target, User
from hoopaddon.web.commands import (
    ContextCommand,
    GraphQLCall,
    GraphQLOperation,
    HttpCommand,
    HttpPart,
    KubeCommand,
    ToolCommand,
)
from hoopaddon.web.request import Headers

__all__ = [
    "Addon",
    "ApprovalRequest",
    "Column",
    "Command",
    "ConfigError",
    "ContextCommand",
    "Decision",
    "Denied",
    "Facts",
    "FileOperation",
    "Forward",
    "GraphQLCall",
    "GraphQLOperation",
    "Headers",
    "HttpCommand",
    "HttpPart",
    "KubeCommand",
    "Loader",
    "Outcome",
    "Output",
    "Refused",
    "Row",
    "Rows",
    "Session",
    "ShellCommand",
    "ShellProgram",
    "SqlCommand",
    "SqlStatement",
    "Target",
    "ToolCommand",
    "TraceLine",
    "Unparsable",
    "User",
    "Verdict",
    "ctx",
]
