"""Statements and command lines that a call hands to a tool: what the other adapters can read is judged as theirs.

Whether an argument is one is told by its name, the tool's name, and how it begins. A tool that hides it under other
names is a matter for a policy that knows the tool.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hoopaddon.adapter import adapters
from hoopaddon.command import Command
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session

MAX_WITHIN = 1000

_SQL_NAMES = re.compile(r"(?i)(?:raw_?|my_?)?(?:sql|statements?)(?:_?(?:query|text|string|statements?))?")
_SQL_MAYBE = re.compile(r"(?i)(?:.*[_.-])?(?:query|queries|q|text|code|input|script)|.*Query")
_SQL_TOOLS = re.compile(
    r"(?i)(?:.*[^a-z])?(?:sql|postgres|postgresql|pg|mysql|sqlite|db|database|query)(?:[^a-z].*)?|.*(?:Sql|Query)"
)
# Comments are taken whole and once: trying all places where each could end would take forever.
_SQL = re.compile(
    r"(?is)(?>\s|--[^\n]*\n|/\*.*?\*/|[(;])*+(?:select|insert|update|delete|drop|truncate|alter|create|grant|revoke|with|copy"
    r"|do|call|explain|merge|vacuum|set|reset|begin|commit|rollback|lock|reindex|cluster|refresh|comment|execute|prepare"
    r"|declare|fetch|listen|notify|load|import|security|reassign|table|values|show|analyze|checkpoint|discard)\b"
)
_SHELL_NAMES = re.compile(
    r"(?i)(?:shell_?|bash_?|cmd_?)?(?:commands?|cmds?|command_?line|shell|bash|script)(?:_?(?:line|text|string))?"
)
_SHELL_TOOLS = re.compile(
    r"(?i)(?:.*[^a-z])?(?:shell|bash|sh|zsh|terminal|command|cmd|exec|execute|run|process|ssh)(?:[^a-z].*)?|.*(?:Shell|Command|Process)"
)
_ARGUMENTS = ("args", "arguments", "argv", "params")


def commands_within(session: Session, tool: str, arguments: Mapping[str, Any]) -> tuple[Command, ...]:
    """The statements and command lines, each as the command of its own protocol that it would be.

    Raises `Unparsable` for more of them than anybody would judge.
    """
    # Numbers of commands are those of the session's own.
    apart = replace(session, vars={}, commands=session.commands)
    found: list[Command] = []
    for protocol, text in _texts(tool, arguments):
        adapter = adapters().get(protocol)
        if len(found) >= MAX_WITHIN:
            raise Unparsable(f"it holds more than {MAX_WITHIN} statements and command lines")
        if adapter is not None:
            found.append(adapter.command(apart, text))
    return tuple(found)


def _texts(tool: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Any, Mapping[str, Any]]] = [
        (name, value, arguments) for name, value in arguments.items()
    ]
    while waiting:
        name, value, beside = waiting.pop()
        if isinstance(value, str):
            yield from _of_text(tool, name, value, beside)
        elif isinstance(value, Mapping):
            waiting.extend((inner, child, value) for inner, child in value.items())
        elif isinstance(value, list):
            if _SHELL_NAMES.fullmatch(name) and _SHELL_TOOLS.fullmatch(tool) and _are_words(value):
                yield "ssh", shlex.join(value)
            waiting.extend((name, child, beside) for child in value)


def _of_text(tool: str, name: str, text: str, beside: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if _is_sql(tool, name, text):
        yield "postgres", text
    elif _SHELL_NAMES.fullmatch(name) and (_SHELL_TOOLS.fullmatch(tool) or name.lower() != "script"):
        words: list[str] = next((beside[key] for key in _ARGUMENTS if _are_words(beside.get(key))), [])
        yield "ssh", " ".join([text, shlex.join(words)]) if words else text


def _is_sql(tool: str, name: str, text: str) -> bool:
    if _SQL_NAMES.fullmatch(name):
        return True
    return bool(_SQL_MAYBE.fullmatch(name) and _SQL_TOOLS.fullmatch(tool) and _SQL.match(text))


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)
