"""What a program that a command line runs takes: 1 to read, 2 to write, 3 to administer or do what nobody sees."""

from collections.abc import Callable

from hoopaddon.commands import ShellProgram

READ, WRITE, ADMIN = 1, 2, 3

# Whatever their arguments are, these write nothing and run nothing.
_READERS = frozenset(
    {
        *("cat", "ls", "head", "tail", "wc", "df", "du", "ps", "uptime", "whoami", "id", "groups", "uname", "stat"),
        *("pwd", "echo", "true", "false", "test", "[", "cut", "tr", "tac", "nl", "basename", "dirname", "realpath"),
        *("readlink", "free", "lscpu", "lsblk", "who", "w", "md5sum", "sha1sum", "sha256sum", "cmp", "grep", "egrep"),
        *(
            "fgrep",
            "zcat",
            "zgrep",
            "column",
            "fold",
            "rev",
            "seq",
            "sleep",
            "cd",
            "exit",
            "jq",
            "od",
            "strings",
            ":",
        ),
    }
)
_ADMINS = frozenset(
    {
        *("sudo", "su", "doas", "pkexec", "runuser", "setpriv", "chroot", "nsenter", "unshare", "mount", "umount"),
        *("useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel", "passwd", "chpasswd", "visudo"),
        *("systemctl", "service", "init", "telinit", "shutdown", "reboot", "halt", "poweroff", "kexec", "sysctl"),
        *("iptables", "ip6tables", "nft", "ufw", "firewall-cmd", "ip", "ifconfig", "route", "tc", "modprobe"),
        *("insmod", "rmmod", "mkfs", "fdisk", "parted", "dd", "wipefs", "cryptsetup", "lvm", "mdadm", "swapon"),
        *("apt", "apt-get", "dpkg", "yum", "dnf", "rpm", "apk", "snap", "docker", "podman", "nerdctl", "ctr"),
        *(
            "crontab",
            "at",
            "batch",
            "ssh",
            "scp",
            "nc",
            "ncat",
            "socat",
            "telnet",
            "gdb",
            "strace",
            "chown",
            "chattr",
        ),
        *("setcap", "setfacl", "date", "hwclock", "hostnamectl", "timedatectl", "alias", "trap", "enable", "hash"),
    }
)
_FOLDERS = frozenset({"", "/bin", "/usr/bin", "/sbin", "/usr/sbin"})
_LANGUAGE = ("LANG", "LC_", "TERM")
_FIND_ACTS = ("-exec", "-ok", "-delete", "-fprint", "-fls")
_HARMLESS_FILES = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})


def _find(words: list[str]) -> bool:
    return not any(word.startswith(_FIND_ACTS) for word in words)


def _sort(words: list[str]) -> bool:
    return not any(word.startswith(("-o", "--o", "--c", "-T", "--t")) or _has(word, "o") for word in words)


def _has(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and letter in word


def _date(words: list[str]) -> bool:
    return all(word.startswith("+") or word in ("-u", "--utc", "-R", "-I") for word in words)


def _hostname(words: list[str]) -> bool:
    return all(word in ("-f", "-s", "-i", "-I", "-d") for word in words)


def _journal(words: list[str]) -> bool:
    acts = (
        "--vacuum",
        "--rotate",
        "--flush",
        "--relinquish",
        "--smart",
        "--sync",
        "--setup",
        "--update",
        "--cursor-f",
    )
    return not any(word.startswith(acts) for word in words)


def _services(words: list[str]) -> bool:
    operands = [word for word in words if not word.startswith("-")]
    reads = ("status", "show", "is-active", "is-enabled", "is-failed", "list-units", "list-timers", "cat")
    return bool(operands) and operands[0] in reads and not any(word.startswith(("-H", "--h")) for word in words)


_WITH_CARE: dict[str, Callable[[list[str]], bool]] = {
    "find": _find,
    "sort": _sort,
    "date": _date,
    "hostname": _hostname,
    "journalctl": _journal,
    "systemctl": _services,
}
"""Those that read with some arguments; each is asked about words that are all known."""


def program_level(program: ShellProgram) -> int:
    """1, 2 or 3; see the module."""
    name = program.name
    if not name or program.opaque:
        return ADMIN
    folder = program.path.rpartition("/")[0] if "/" in program.path else ""
    if folder not in _FOLDERS or not all(variable.startswith(_LANGUAGE) for variable in program.sets):
        # Another program may have that name, and other libraries change what it does.
        return ADMIN
    known = [word for word in program.words if word is not None]
    complete = len(known) == len(program.words) and not any("…" in word for word in known)
    check = _WITH_CARE.get(name)
    reads = name in _READERS or (check is not None and complete and check(known))
    if reads and program.writes <= _HARMLESS_FILES:
        return READ
    return ADMIN if name in _ADMINS and not reads else WRITE
