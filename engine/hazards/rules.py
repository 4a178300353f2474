"""The rules by name, each with what a policy's option may say of it."""

from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.commands import ShellProgram
from hoopaddon.hazards import code, machine, removal

type Check = Callable[[ShellProgram], str]


@dataclass(frozen=True, slots=True)
class ShellRule:
    """Says why a program is refused, or nothing."""

    help: str
    check: Check
    on: bool = True
    """Whether it is worth having without being asked for."""


RULES: dict[str, ShellRule] = {
    "remove": ShellRule("Refuse rm -r, find -delete and their like on broad or computed paths.", removal.removes),
    "disks": ShellRule(
        "Refuse programs that make, change or empty file systems, and writes to devices.", removal.wipes
    ),
    "shutdown": ShellRule("Refuse what stops the host.", machine.stops),
    "fork_bomb": ShellRule("Refuse functions that call themselves in the background.", code.multiplies),
    "piped_code": ShellRule("Refuse shells that run a download, or what another program writes.", code.runs_piped),
    "hidden_code": ShellRule("Refuse programs and code that are computed, or in another language.", code.hides),
    "input_code": ShellRule("Refuse shells that run what is sent after the command (`bash -s`).", code.runs_input),
    "unsure_input": ShellRule(
        "Refuse what is typed where it cannot be known for certain what will run.", code.is_unsure, on=False
    ),
    "kill": ShellRule("Refuse signals to every process.", machine.kills),
    "network": ShellRule(
        "Refuse what empties firewalls, takes down networks and turns off protections.", machine.cuts_off
    ),
    "permissions": ShellRule(
        "Refuse chmod -R and chown -R on broad paths, and programs that run as others.", removal.changes_rights
    ),
    "accounts": ShellRule(
        "Refuse changes of users, passwords, keys, sudoers and scheduled jobs.", machine.changes_accounts
    ),
    "history": ShellRule("Refuse what empties, turns off or removes histories and logs.", machine.hides_tracks),
    "startup_files": ShellRule(
        "Refuse files and variables whose content is run later, or by others.", machine.plants
    ),
    "system_files": ShellRule(
        "Refuse changes below /etc, /usr, /boot, /var/lib and their like.", machine.changes_system
    ),
}
