"""Programs that stop a host or its processes, cut it off, change who may enter it, or hide what was done."""

import re

from hoopaddon.commands import ShellProgram
from hoopaddon.hazards.paths import COMPUTED, gives_access, is_history, is_log, is_startup, is_system
from hoopaddon.hazards.words import Words, listed
from hoopaddon.hazards.writing import written

_STOPPING = frozenset(
    {"poweroff", "reboot", "halt", "kexec", "emergency", "rescue", "soft-reboot", "default", "exit"}
)
_STOPPING |= {"suspend", "hibernate", "hybrid-sleep", "switch-root"}
_UNITS = re.compile(r"(?:poweroff|reboot|halt|rescue|emergency|shutdown|ctrl-alt-del|runlevel[0156])\.target")
_ESSENTIAL = re.compile(
    r"(?:ssh|sshd|systemd-\S+|dbus|NetworkManager|networking|network|firewalld|ufw|auditd|rsyslog|iptables|nftables|fail2ban|apparmor)(?:\.service|\.socket)?"
)
_HISTORY_VARIABLES = frozenset(
    {"HISTFILE", "HISTSIZE", "HISTFILESIZE", "HISTCONTROL", "HISTIGNORE", "SAVEHIST", "PROMPT_COMMAND"}
)
_ACCOUNT_TOOLS = frozenset(
    {
        *("userdel", "groupdel", "deluser", "delgroup", "useradd", "adduser", "usermod", "groupmod", "groupadd"),
        *("addgroup", "gpasswd", "chpasswd", "newusers", "vipw", "vigr", "visudo", "pwconv", "pwunconv", "grpconv"),
        *("chage", "chsh", "chfn", "faillock", "pam-auth-update", "authconfig", "authselect", "ssh-copy-id"),
    }
)
_CODE_VARIABLES = re.compile(
    r"LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)|DYLD_\w+|BASH_ENV|ENV|PROMPT_COMMAND|PS[0-4]|PATH|IFS|SHELLOPTS|BASHOPTS"
    r"|PERL5?(?:OPT|LIB|5LIB|5OPT|5DB)|PYTHON(?:STARTUP|PATH|HOME|INSPECT|WARNINGS)|RUBY(?:OPT|LIB)|NODE_OPTIONS|JAVA_TOOL_OPTIONS"
    r"|GIT_(?:SSH|SSH_COMMAND|EDITOR|PAGER|EXTERNAL_DIFF|ASKPASS|PROXY_COMMAND|CONFIG_\w+|EXEC_PATH)"
    r"|(?:MAN)?PAGER|EDITOR|VISUAL|LESSOPEN|LESSCLOSE|BROWSER|SSH_ASKPASS|SUDO_ASKPASS|TAR_OPTIONS|BASH_FUNC_\S+"
)
_PROGRAMS = re.compile(r"(?:|cat|less(?: -\w+)*|more|vi|vim|nano|true|:|code(?: --wait)?|vim? -R)")
_SIZES = re.compile(r"(?:-Xm[sx]\w+|--max[-_]old[-_]space[-_]size=\d+|\s)*")
_PLAIN_VALUES = {
    **dict.fromkeys(("PAGER", "MANPAGER", "EDITOR", "VISUAL", "GIT_PAGER", "GIT_EDITOR"), _PROGRAMS),
    **dict.fromkeys(("NODE_OPTIONS", "JAVA_TOOL_OPTIONS"), _SIZES),
    "PS": re.compile(r"[^`$]*|[^`$]*(?:\$ )?"),
    "ENV": re.compile(r"[\w-]*"),
    "PYTHONPATH": re.compile(r"[\w./~:…-]*"),
    "PYTHONWARNINGS": re.compile(r"[a-z:]*"),
    "GIT_SSH_COMMAND": re.compile(
        r"ssh(?: -i [\w./~-]+| -o (?:StrictHostKeyChecking|BatchMode|IdentitiesOnly|ConnectTimeout)=\w+)*"
    ),
}
_SAFE_FOLDERS = re.compile(
    r"\…|~/[\w./+-]+|/(?:usr/)?(?:local/)?s?bin|/opt/[\w./+-]+|/home/[\w./+-]+|/snap/bin|\./node_modules/\.bin"
)


def stops(program: ShellProgram) -> str:
    """A shutdown, by whichever name."""
    name, words = program.name, Words(program)
    reason = f"{name} is refused: it stops the host"
    if name in ("shutdown", "reboot", "halt", "poweroff", "pm-hibernate", "pm-suspend", "kexec", "telinit", "init"):
        if words.has("c", "--help", "--version") and name == "shutdown":
            return ""
        if name in ("init", "telinit"):
            return reason if {"0", "1", "6", "S", "s", "emergency", COMPUTED} & set(words.operands) else ""
        return "" if words.has("", "--help", "--version") else reason
    if name in ("systemctl", "loginctl"):
        verb = words.operands[0] if words.operands else ""
        targets = [word for word in words.operands[1:] if _UNITS.fullmatch(word)]
        if verb in _STOPPING or (verb in ("isolate", "start") and targets) or verb == COMPUTED:
            return f"{name} {verb} is refused: it stops the host"
    if "/proc/sysrq-trigger" in written(program):
        return "a write to /proc/sysrq-trigger is refused: it stops the host"
    if name in ("dbus-send", "busctl", "gdbus") and re.search("PowerOff|Reboot|Halt", " ".join(words.all)):
        return f"{name} is refused here: it stops the host"
    return ""


def kills(program: ShellProgram) -> str:
    """Signals to everything."""
    name, words = program.name, Words(program)
    if name == "kill":
        numbers = [word for word in words.all if re.fullmatch(r"-?\d+", word)]
        everything = "-1" in words.all[1:] or words.all[-1:] == ["-1"] or "1" in words.operands or COMPUTED in numbers
        return "kill of every process, or of the first, is refused: name the process" if everything else ""
    if name == "killall5":
        return "killall5 is refused: it kills every process"
    if name in ("pkill", "killall", "skill", "slay"):
        pattern = words.operands[-1] if words.operands else ""
        essential = re.search(r"sshd|systemd|^init$", pattern)
        broad = re.fullmatch(r"[.*^$]*", pattern) is not None and not words.has("x", "--exact")
        whose = words.has("uU", "--user", "--euid") and (len(words.operands) < 2 or broad)
        if essential or broad or whose:
            return f"{name} of so many processes is refused: name the process"
    return ""


def cuts_off(program: ShellProgram) -> str:
    """Firewalls emptied, interfaces and services taken down, protections turned off."""
    name, words = program.name, Words(program)
    reason = f"{name} is refused here: it takes down a protection or the network"
    operands = " ".join(words.operands)
    patterns = {
        "ufw": r"(?:^| )(?:disable|reset)\b",
        "nft": r"flush|delete",
        "ip": r"flush|(?:link|l\w*) set .*down|(?:route|addr|a|r|link)\w* del",
        "ifconfig": r" down$",
        "ifdown": r".",
        "nmcli": r"(?:off|down|delete|disconnect)\b",
        "setenforce": r"0|Permissive|permissive",
        "firewall-cmd": r"$^",
        "auditctl": r"$^",
        "sysctl": r"=",
        "modprobe": r".",
        "insmod": r".",
        "rmmod": r".",
        "swapoff": r".",
        "mount": r"remount|--bind|/etc|/usr|/bin",
        "umount": r".",
        "route": r"^(?:del|flush)",
    }
    if name in ("iptables", "ip6tables", "ebtables", "iptables-legacy", "iptables-nft"):
        return reason if words.has("FXPDZ", "--flush", "--policy", "--delete", "--delete-chain") else ""
    if name in ("iptables-restore", "ip6tables-restore"):
        return reason
    if name == "firewall-cmd":
        return (
            reason if words.has("", "--panic-on", "--remove-service", "--remove-port", "--set-default-zone") else ""
        )
    if name == "auditctl":
        return reason if words.has("De") else ""
    if name in ("systemctl", "service"):
        verbs = {"stop", "disable", "mask", "kill"} & set(words.operands)
        units = [word for word in words.operands if _ESSENTIAL.fullmatch(word)]
        return f"{name} {'/'.join(sorted(verbs))} of {listed(units)} is refused" if verbs and units else ""
    if name in patterns and re.search(patterns[name], operands + (" --bind" if words.has("", "--bind") else "")):
        return reason
    return ""


def changes_accounts(program: ShellProgram) -> str:
    """Users, passwords, keys and scheduled jobs."""
    name, words = program.name, Words(program)
    if name in _ACCOUNT_TOOLS:
        listing = (name == "chage" and words.has("l", "--list")) or (name == "visudo" and words.has("c", "--check"))
        return "" if listing else f"{name} is refused: it changes who may do what on the host"
    if name == "passwd":
        return "" if words.has("S", "--status") else "passwd is refused: it changes who may do what on the host"
    if name == "crontab":
        reads = words.has("l") and not words.has("re") and not words.operands
        return "" if reads else "crontab is refused but for -l: it runs commands that nobody will look at"
    if name in ("at", "batch"):
        return "" if words.has("lc") else f"{name} is refused: it runs commands later, when nobody looks at them"
    paths = [path for path in written(program) if gives_access(path)]
    return f"writing to {listed(paths)} is refused: it changes who may enter the host" if paths else ""


def changes_system(program: ShellProgram) -> str:
    """Files of the system: written, moved, made, removed."""
    paths = [path for path in written(program) if is_system(path) and not is_log(path)]
    if program.name in ("chmod", "chown", "chgrp", "chattr") and not paths:
        return ""
    if not paths and program.name == "update-alternatives":
        return ""
    unknown = [path for path in written(program) if path.startswith(COMPUTED) and program.name in ("tee", "dd")]
    if unknown:
        return f"{program.name} to a place that is computed when it runs is refused: write it out"
    return f"changing {listed(paths)} is refused: it belongs to the system" if paths else ""


def plants(program: ShellProgram) -> str:
    """What runs at the next login, or in the next program: startup files, and variables that name code."""
    paths = [path for path in written(program) if is_startup(path)]
    if paths:
        return f"writing to {listed(paths)} is refused: it is run later, when nobody looks at it"
    for name, value in program.sets.items():
        if _CODE_VARIABLES.fullmatch(name) and not _is_plain(name, value):
            return f"setting {name} is refused: other programs run what it says"
    return ""


def _is_plain(name: str, value: str | None) -> bool:
    """Whether a variable that programs take code from has a value that brings none."""
    if name == "PATH":
        return value is not None and all(_SAFE_FOLDERS.fullmatch(folder) for folder in value.split(":"))
    if name in ("IFS", "PROMPT_COMMAND"):
        return True
    if value is None:
        return False
    allowed = _PLAIN_VALUES.get("PS" if name.startswith("PS") else name)
    return allowed is not None and allowed.fullmatch(value) is not None


def hides_tracks(program: ShellProgram) -> str:
    """A history or a log that is emptied, turned off or taken away."""
    name, words = program.name, Words(program)
    if name == "history":
        return "history is refused with options that change it" if words.has("cdawnrps") else ""
    if name in ("unset", "export", "declare", "typeset", "readonly", "local"):
        named = {word.partition("=")[0] for word in words.operands} & (_HISTORY_VARIABLES - {"PROMPT_COMMAND"})
        if named:
            return f"changing {listed(named)} is refused: it keeps commands out of the history"
    if found := set(program.sets) & _HISTORY_VARIABLES:
        return f"changing {listed(found)} is refused: it keeps commands out of the history"
    if name in ("set", "shopt") and "history" in words.all and ({"+o", "-u"} & set(words.all)):
        return "turning the history off is refused"
    if name == "fc" and words.has("psWRAI"):
        return "fc is refused: it changes the history, or runs from it"
    paths = [path for path in written(program) if is_history(path) or is_log(path)]
    if name == "mkdir" or (name == "tee" and words.has("a", "--append")):
        paths = [path for path in paths if is_history(path)]
    if paths:
        return f"changing {listed(paths)} is refused: it is a record of what was done"
    cleaners = {
        "journalctl": words.has("", "--vacuum-time", "--vacuum-size", "--vacuum-files", "--rotate", "--flush"),
        "dmesg": words.has("Cc", "--clear", "--read-clear"),
        "logrotate": words.has("f", "--force"),
    }
    return f"{name} is refused with options that take records away" if cleaners.get(name) else ""
