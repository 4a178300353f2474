"""What a tool that an agent calls may do to files, by the words of its name and the paths that it is given."""

import re
from collections.abc import Iterable

from hoopaddon.hazards.files import file_reason
from hoopaddon.web.commands import ToolCommand

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VERBS = {
    "remove": ("delete", "remove", "rm", "unlink", "rmdir", "trash", "erase", "wipe", "clear", "purge", "destroy"),
    "rename": ("move", "rename", "mv"),
    "write": ("write", "save", "put", "edit", "append", "create", "update", "upload", "replace", "patch", "modify"),
}
_MEANS = {word: verb for verb, words in _VERBS.items() for word in (*words, verb)}
_DESTROYS = re.compile(
    r"(?is)\b(drop|truncate|delete|update|alter|grant|revoke|create|replace|insert|merge|exec|execute|call|do|copy|load"
    r"|attach|pragma|shutdown|kill|rename|flush|purge|set|into\s+outfile)\b"
)


def tool_reason(command: ToolCommand, rules: Iterable[str]) -> str:
    """Why a call is refused by one of the rules for files, or nothing."""
    words = {word.lower() for word in _WORDS.findall(command.tool)}
    verbs = {verb for word in words if (verb := _MEANS.get(word))}
    if command.annotations.get("destructive"):
        verbs.add("write")
    paths = [path for path in command.objects if path.startswith(("/", "~"))]
    return file_reason(verbs, paths, rules) if verbs and paths else ""


def may_change(sql: str) -> bool:
    """Whether a statement in a dialect that cannot be read could change anything, by its words."""
    return _DESTROYS.search(sql) is not None
