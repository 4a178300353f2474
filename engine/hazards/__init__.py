"""What programs on a host can do that is not undone: knowledge for policies that judge command lines and files."""

from hoopaddon.hazards.files import file_reason
from hoopaddon.hazards.rules import RULES, ShellRule
from hoopaddon.hazards.words import Words
from hoopaddon.hazards.writing import written

__all__ = ["RULES", "ShellRule", "Words", "file_reason", "written"]
