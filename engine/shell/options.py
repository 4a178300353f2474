"""How the programs that run another one read the words before it."""

import re
from dataclasses import dataclass

from hoopaddon.shell.program import HOLE, Field, shown


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How the words before the other program are read.

    `letters` and `longs` are the options that take a value, `operands` how many words come first, `assigns` whether
    `NAME=value` may, `asks` which options ask for a shell where no program is named.
    """

    letters: str = ""
    longs: tuple[str, ...] = ()
    operands: int = 0
    assigns: bool = False
    asks: str = ""
    silent: str = ""
    """Options with which nothing is run."""


_SUDO = (
    *("chdir", "chroot", "close-from", "command-timeout", "group", "host", "login-class", "other-user", "prompt"),
    *("role", "type", "user", "auth-type"),
)
WRAPPERS: dict[str, Wrapper] = {
    "sudo": Wrapper("aCcDghpRrTtUu", _SUDO, assigns=True, asks="si"),
    "doas": Wrapper("aCu", asks="s"),
    "dzdo": Wrapper("aCcDghpRrTtUu", _SUDO, assigns=True, asks="si"),
    "pkexec": Wrapper("", ("user",)),
    "run0": Wrapper("ugD", ("user", "group", "unit", "property", "description", "slice", "nice", "chdir", "setenv")),
    "env": Wrapper("uCPa", ("unset", "chdir", "argv0"), assigns=True),
    "nice": Wrapper("n", ("adjustment",)),
    "ionice": Wrapper("cnpPu", ("class", "classdata", "pid", "pgid", "uid")),
    "chrt": Wrapper("TPD", ("sched-runtime", "sched-period", "sched-deadline"), 1),
    "taskset": Wrapper("", (), 1),
    "numactl": Wrapper("iNmCPwpl", ("interleave", "cpunodebind", "membind", "physcpubind", "preferred")),
    "prlimit": Wrapper("po", ("pid", "output")),
    "choom": Wrapper("np", ("adjust", "pid")),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "timeout": Wrapper("ks", ("kill-after", "signal"), 1),
    "gtimeout": Wrapper("ks", ("kill-after", "signal"), 1),
    "time": Wrapper("fo", ("format", "output")),
    "stdbuf": Wrapper("ioe", ("input", "output", "error")),
    "unbuffer": Wrapper(),
    "chroot": Wrapper("", ("userspec", "groups"), 1),
    "nsenter": Wrapper("tSGN", ("target", "setuid", "setgid"), asks=""),
    "unshare": Wrapper(
        "RwSGl", ("root", "wd", "setuid", "setgid", "propagation", "setgroups", "map-user", "map-group")
    ),
    "setpriv": Wrapper("", ("reuid", "regid", "groups", "inh-caps", "ambient-caps", "bounding-set", "securebits")),
    "setarch": Wrapper("", (), 1),
    "linux32": Wrapper(),
    "linux64": Wrapper(),
    "strace": Wrapper("abeEIoOpPsSuUX", ("trace", "output", "attach", "user", "env", "string-limit")),
    "ltrace": Wrapper("aADeFlnopsuwxX", ("output",)),
    "valgrind": Wrapper(),
    "gosu": Wrapper(operands=1),
    "su-exec": Wrapper(operands=1),
    "setuidgid": Wrapper(operands=1),
    "chpst": Wrapper("uUbenmdoprftc/"),
    "softlimit": Wrapper("adlmrstop"),
    "catchsegv": Wrapper(),
    "eatmydata": Wrapper(),
    "fakeroot": Wrapper("lisb", ("lib", "faked")),
    "proot": Wrapper("rbqwk"),
    "chronic": Wrapper(),
    "caffeinate": Wrapper("tw"),
    "torsocks": Wrapper("uaPp"),
    "proxychains": Wrapper("f"),
    "proxychains4": Wrapper("f"),
    "sshpass": Wrapper("pfdPe"),
    "rlwrap": Wrapper("abBcCdDefgHlmMNopPqrsStVwzZ"),
    "ts": Wrapper(),
    "cgexec": Wrapper("g"),
    "runcon": Wrapper("urtl", ("user", "role", "type", "range"), 1),
    "ssh-agent": Wrapper("aEOPt", silent="kD"),
    "dbus-run-session": Wrapper("", ("config-file", "dbus-daemon")),
    "exec": Wrapper("a"),
    "command": Wrapper(silent="vV"),
    "builtin": Wrapper(),
    "noglob": Wrapper(),
    "nocorrect": Wrapper(),
    "coproc": Wrapper(assigns=True),
    "busybox": Wrapper(),
    "toybox": Wrapper(),
    "faketime": Wrapper("f", (), 1),
    "entr": Wrapper(),
    "cpulimit": Wrapper("lepcP", ("limit", "exe", "pid", "path")),
    "systemd-inhibit": Wrapper("", ("what", "who", "why", "mode")),
    "systemd-run": Wrapper(
        "ptuMHEG",
        (
            "unit",
            "property",
            "uid",
            "gid",
            "slice",
            "setenv",
            "on-active",
            "working-directory",
            "machine",
            "host",
            "description",
            "nice",
        ),
    ),
    "systemd-cat": Wrapper("tp", ("identifier", "priority", "stderr-priority")),
    "firejail": Wrapper(),
    "lxc-attach": Wrapper("nfPaseRuv", ("name",)),
    "toolbox": Wrapper(operands=1),
}


def inner(fields: list[Field], wrapper: Wrapper) -> tuple[int, set[str], dict[str, str | None]] | None:
    """Where the other program begins, the letters of the options before it, and what is set for it, if clear."""
    at, letters, sets = 0, set(), {}
    while at < len(fields):
        text = fields[at].text
        if not fields[at].known and text[:1] in ("-", HOLE):
            return None
        at += 1
        if text == "--":
            break
        if text.startswith("--"):
            name, equals, _ = text[2:].partition("=")
            at += not equals and any(long.startswith(name) for long in wrapper.longs)
            letters.add({"login": "i", "shell": "s"}.get(name, "-"))
            continue
        if not text.startswith("-") or text == "-":
            at -= 1 if text != "-" or not wrapper.assigns else 0
            if wrapper.assigns and (assigned := re.match(r"([A-Za-z_]\w*)=(.*)", text, re.DOTALL)):
                sets[assigned.group(1)] = shown(assigned.group(2))
                at += 1
                continue
            if text == "-" and wrapper.assigns:
                continue
            break
        for place, letter in enumerate(text[1:], 1):
            letters.add(letter)
            if letter in wrapper.letters:
                at += place == len(text) - 1
                break
    at += wrapper.operands
    while (
        wrapper.assigns
        and at < len(fields)
        and (more := re.match(r"([A-Za-z_]\w*)=(.*)", fields[at].text, re.DOTALL))
    ):
        sets[more.group(1)] = shown(more.group(2))
        at += 1
    return at, letters, sets
