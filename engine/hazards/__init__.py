"""What is not undone, on a host or in a cluster: knowledge for policies that judge commands, files and requests."""

from typing import TYPE_CHECKING

from hoopaddon.lazily import part

if TYPE_CHECKING:
    from hoopaddon.hazards.files import file_reason
    from hoopaddon.hazards.functions import FUNCTIONS, PREFIXES
    from hoopaddon.hazards.http import HTTP_RULES, HttpRule, http_reason, may_destroy, message_reason
    from hoopaddon.hazards.kubernetes import KUBE_RULES, KubeRule, kube_reason
    from hoopaddon.hazards.reading import (
        WRITING_FUNCTIONS,
        WRITING_PREFIXES,
        changes_nothing,
        hides_programs,
        reads_only,
        verbs_tell,
    )
    from hoopaddon.hazards.rules import RULES, ShellRule
    from hoopaddon.hazards.settings import SETTINGS
    from hoopaddon.hazards.tools import may_change, tool_reason
    from hoopaddon.hazards.words import Words
    from hoopaddon.hazards.writing import written

__all__ = [
    "FUNCTIONS",
    "HTTP_RULES",
    "KUBE_RULES",
    "PREFIXES",
    "RULES",
    "SETTINGS",
    "WRITING_FUNCTIONS",
    "WRITING_PREFIXES",
    "HttpRule",
    "KubeRule",
    "ShellRule",
    "Words",
    "changes_nothing",
    "file_reason",
    "hides_programs",
    "http_reason",
    "kube_reason",
    "may_change",
    "may_destroy",
    "message_reason",
    "reads_only",
    "tool_reason",
    "verbs_tell",
    "written",
]

_MODULES = {
    "hoopaddon.hazards.files": "file_reason",
    "hoopaddon.hazards.functions": "FUNCTIONS PREFIXES",
    "hoopaddon.hazards.http": "HTTP_RULES HttpRule http_reason may_destroy message_reason",
    "hoopaddon.hazards.kubernetes": "KUBE_RULES KubeRule kube_reason",
    "hoopaddon.hazards.reading": (
        "WRITING_FUNCTIONS WRITING_PREFIXES changes_nothing hides_programs reads_only verbs_tell"
    ),
    "hoopaddon.hazards.rules": "RULES ShellRule",
    "hoopaddon.hazards.settings": "SETTINGS",
    "hoopaddon.hazards.tools": "may_change tool_reason",
    "hoopaddon.hazards.words": "Words",
    "hoopaddon.hazards.writing": "written",
}


def __getattr__(name: str) -> object:
    return part(__name__, name, _MODULES)
