"""What is not undone, on a host or in a cluster: knowledge for policies that judge commands, files and requests."""

from hoopaddon.hazards.files import file_reason
from hoopaddon.hazards.functions import FUNCTIONS, PREFIXES
from hoopaddon.hazards.http import RULES as HTTP_RULES
from hoopaddon.hazards.http import HttpRule, http_reason, may_destroy, message_reason
from hoopaddon.hazards.kubernetes import RULES as KUBE_RULES
from hoopaddon.hazards.kubernetes import KubeRule, kube_reason
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
