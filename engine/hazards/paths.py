"""Which paths matter to everybody on a host."""

import posixpath
import re

COMPUTED = "…"
"""Stands in a word for what is computed when the line runs."""

SYSTEM = re.compile(
    r"/(?:etc|boot|usr|bin|sbin|lib|lib32|lib64|libx32|efi|sys|System|Library)(?:/|$)"
    r"|/(?:vmlinuz|initrd)[^/]*$|/proc/(?:sys|sysrq-trigger|kcore|\d+|self)(?:/|$)"
    r"|/var/(?:lib|spool/cron|spool/at|log|run|cache)(?:/|$)|/run(?:/|$)|/private/(?:etc|var)(?:/|$)"
)
_OWN_USR = re.compile(r"/usr/(?:local/)?(?:src|share/nginx/html)/[^/]+")
_CLIMBING = re.compile(r"(?:\.\./){2,}|(?:\.\./)+(?=(?:etc|boot|proc|dev|root)(?:/|$))")
_ACCESS = re.compile(
    r"(?:^|/)\.ssh(?:/(?:authorized_keys2?|rc|environment|config)[^/]*)?$|(?:^|/)authorized_keys2?$"
    r"|(?:^|/)sudoers(?:\.d)?(?:/|$)|(?:^|/)\.k5login$|(?:^|/)\.[rs]hosts$|(?:^|/)crontabs?(?:/|$)"
)
_STARTUP = re.compile(
    r"(?:^|/)\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zshenv|zprofile|zlogin|kshrc"
    r"|cshrc|tcshrc|login|inputrc|vimrc|exrc|nanorc|gitconfig|xprofile|xinitrc|xsession|pam_environment)$"
    r"|(?:^|/)\.config/(?:systemd|autostart|fish|environment\.d|git)(?:/|$)|(?:^|/)\.git/(?:hooks|config)(?:/|$)"
)
_HISTORY = re.compile(
    r"(?:^|/)\.(?:bash|zsh|sh|ash|ksh|python|psql|mysql|rediscli|node_repl|lesshst)_?history$|(?:^|/)\.histfile$"
)
_LOGS = re.compile(
    r"/var/log(?:/|$)|/var/(?:run|lib)/(?:utmp|wtmp|lastlog)|(?:^|/)(?:wtmp|btmp|utmp|lastlog|auth\.log|syslog)$"
)
_DEVICE = re.compile(
    r"/dev/(?!null$|zero$|full$|std(?:in|out|err)$|fd(?:/|$)|tty$|pts/\d+$|u?random$|shm(?:/|$)|tcp/|udp/|ptmx$).+"
)
_HOME = re.compile(r"(?:/home/[^/]+|/root|/Users/[^/]+|~[^/]*)")


def resolved(path: str, folder: str = "") -> str:
    """The path with `.`, `..` and doubled slashes taken out, from `folder` where it is relative."""
    if folder and not path.startswith(("/", "~")):
        path = f"{folder}/{path}"
    if not path:
        return ""
    if path.startswith("~"):
        # What climbs out of a home is not below it.
        path = posixpath.normpath(f"/home/{path}")
        path = path.removeprefix("/home/") if path.startswith("/home/~") else path
    path = re.sub(r"^/+", "/", posixpath.normpath(path))
    # A glob may stand for any name: /e?c and /[e]tc are taken for what they can be.
    return re.sub(r"^/proc/(?:self|\d+)/(?:root|cwd)(?=/|$)", "", path) or "/"


def is_system(path: str) -> bool:
    """A path that belongs to the system, or may do so."""
    if climbing := _CLIMBING.match(path):
        path = path[climbing.end() - 1 :]
    if _OWN_USR.match(path):
        return False
    if SYSTEM.match(path):
        return True
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return bool(first) and _may_be(first, _ROOTS)


_ROOTS = ("etc", "boot", "usr", "bin", "sbin", "lib", "lib64", "sys", "proc", "dev", "root", "var")


def _may_be(pattern: str, names: tuple[str, ...]) -> bool:
    """Whether a pattern for file names may stand for one of these."""
    if not re.search(r"[*?\[…]", pattern):
        return False
    expression = re.sub(r"\[[^\]]*\]|[*?…]", lambda f: "." if f.group()[0] in "[?" else ".*", _quoted(pattern))
    return any(re.fullmatch(expression, name) for name in names)


def _quoted(pattern: str) -> str:
    return re.sub(r"[.^$+(){}|\\]", lambda f: "\\" + f.group(), pattern)


def gives_access(path: str) -> bool:
    return bool(_ACCESS.search(path))


def is_startup(path: str) -> bool:
    """A file that a shell, an editor or git runs when it is next used."""
    return bool(_STARTUP.search(path))


def is_history(path: str) -> bool:
    return bool(_HISTORY.search(path))


def is_log(path: str) -> bool:
    return bool(_LOGS.search(path))


def is_device(path: str) -> bool:
    """A disk, a port, memory: a device that is written to for good."""
    return bool(_DEVICE.match(path))


def is_broad(path: str) -> bool:
    """Whether what hangs below a path is more than one thing: the root, a home, the folder one is in."""
    if path in ("", "/", ".", "~", "*") or COMPUTED in path or path == ".." or path.startswith("../.."):
        return True
    last = path.rpartition("/")[2]
    if re.fullmatch(r"[.*?\[\]!^{},]*", last):
        parent = path.rpartition("/")[0]
        return parent in ("", ".", "~") or is_broad(parent) or bool(_HOME.fullmatch(parent)) or is_system(path)
    if path.startswith("/") and path.count("/") == 1:
        return True
    return bool(_HOME.fullmatch(path)) or is_system(path) or bool(re.match(r"/(?:dev|proc|sys)(?:/|$)", path))
