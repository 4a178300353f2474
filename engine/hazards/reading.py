"""What only reads: functions of databases that do more than that, and programs that do no more."""

import re
from collections.abc import Callable

from hoopaddon.command import Command
from hoopaddon.commands import ShellCommand, ShellProgram
from hoopaddon.hazards.paths import COMPUTED
from hoopaddon.hazards.words import Words
from hoopaddon.hazards.writing import written

WRITING_FUNCTIONS = frozenset(
    {
        # What others get or lose by it: numbers of sequences, messages, locks.
        *("nextval", "setval", "pg_notify", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock"),
        *("pg_advisory_xact_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"),
        *("pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared"),
        # What the server keeps, in its statistics, its log and its write-ahead log.
        *("pg_log_backend_memory_contexts", "pg_log_standby_snapshot", "pg_switch_wal", "pg_nextoid"),
        *("pg_import_system_collations", "pg_sync_replication_slots", "pg_extension_config_dump"),
        *("brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range", "gin_clean_pending_list"),
        *("pg_prewarm", "autoprewarm_dump_now", "autoprewarm_start_worker", "postgres_fdw_disconnect"),
        *("postgres_fdw_disconnect_all", "pg_stat_statements_reset", "pg_rewind"),
    }
)
WRITING_PREFIXES = (
    *("pg_stat_reset", "pg_create_", "pg_drop_", "pg_set_", "pg_restore_", "pg_clear_", "pg_buffercache_evict"),
    *("pg_stat_kcache_reset", "pg_qualstats_reset", "pg_wait_sampling_reset", "pg_stat_monitor_reset"),
)

_PLAIN = frozenset(
    {
        *(":", "arch", "b2sum", "basename", "bg", "break", "bzcat", "cat", "cd", "cksum", "clear", "cmp"),
        *("column", "comm", "continue", "cut", "df", "diff", "dir", "dirname", "du", "echo", "egrep", "exit"),
        *("expand", "expr", "false", "fg", "fgrep", "findmnt", "fmt", "fold", "free", "getconf", "getent"),
        *("grep", "groups", "head", "id", "iostat", "join", "jq", "last", "lastlog", "locale", "logout", "ls"),
        *("lsblk", "lscpu", "lsmod", "lspci", "lsusb", "md5sum", "mpstat", "netstat", "nl", "nproc", "od"),
        *("pgrep", "pidof", "pr", "printenv", "ps", "pstree", "pwd", "readlink", "realpath", "return", "seq"),
        *("sha1sum", "sha256sum", "sha512sum", "shift", "sleep", "stat", "strings", "sum", "tac", "tail", "tr"),
        *("true", "tty", "type", "uname", "unexpand", "uptime", "users", "vdir", "vmstat", "w", "wc"),
        *("whereis", "which", "who", "whoami", "xzcat", "yes", "zcat", "zgrep"),
        # What these start is judged by itself.
        *("command", "env", "exec", "nice", "timeout", "xargs"),
    }
)

_ASKS = frozenset(
    {
        *("cat", "get-default", "is-active", "is-enabled", "is-failed", "list-dependencies", "list-jobs"),
        *("list-sockets", "list-timers", "list-unit-files", "list-units", "show", "status"),
    }
)
_IP_OBJECTS = frozenset({"a", "addr", "address", "l", "link", "n", "neigh", "r", "route", "rule"})
_IP_OPTIONS = frozenset(
    {
        *("-4", "-6", "-br", "-brief", "-c", "-color", "-d", "-details", "-j", "-json", "-o", "-oneline", "-p"),
        *("-pretty", "-s", "-stats", "-statistics"),
    }
)
_HARMLESS_VARIABLE = re.compile(r"[a-z_][a-z0-9_]*|LANG|LANGUAGE|LC_[A-Z]+|TZ|COLUMNS|LINES|TERM|NO_COLOR|PS1")
_OWN_PLACE = re.compile(r"(?:/usr)?(?:/local)?/s?bin/[^/]+")
_NOWHERE = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr"})
_SETS_PATH = re.compile(r"(?<![\w$/])(?<!\$\{)PATH\b|\$\{PATH(?!\})")
_LOOPS = re.compile(r"\b(?:for|select)\s+(\w+)")
# Where shells take the value of a variable for an expression, and run the `$(…)` that they find in a subscript there.
_EVALUATES = re.compile(
    r"""
      \(\( (?! [-+*/%<>=!&|^~?:,0-9\s()]* \)\) )      # ((x)), $((x))
    | \$\[
    | \[\[ .*? \s-(?:eq|ne|lt|le|gt|ge|v)\s            # [[ x -eq 1 ]]
    | \$\{ [#]? \w+ (?: :(?![-=?+]) | \[(?![@*0-9]+\]) )  # ${a:x}, ${a[x]}
    | \$\{ ! | \$\{ [^}]* @P                            # ${!x}, ${x@P}
    """,
    re.VERBOSE | re.DOTALL,
)
_NETWORK = ("/dev/tcp/", "/dev/udp/")


def _none(letters: str, *longs: str) -> Callable[[Words], bool]:
    """Harmless unless one of these options is given."""
    return lambda words: not words.has(letters, *longs)


def _finds(words: Words) -> bool:
    return not any(word.startswith(("-delete", "-fprint", "-fls")) for word in words.all)


def _tests(words: Words) -> bool:
    """`-v` evaluates its operand, and may be what a variable holds."""
    return not any(word == "-v" or COMPUTED in word for word in words.all)


def _edits_nothing(words: Words) -> bool:
    return not words.has("is", "--in-place", "--separate")


def _is_plain_awk(words: Words) -> bool:
    return all(option.startswith(("-F", "-v")) for option in words.options)


def _asks_services(words: Words) -> bool:
    # A pager that is opened at a terminal starts programs and writes files.
    return words.words("--no-pager") and (not words.operands or words.operands[0] in _ASKS)


def _reads_the_journal(words: Words) -> bool:
    longs = ("--vacuum-size", "--vacuum-time", "--vacuum-files", "--rotate", "--flush", "--sync", "--setup-keys")
    others = ("--relinquish-var", "--smart-relinquish-var", "--update-catalog", "--cursor-file")
    return words.words("--no-pager") and not words.has("", *longs, *others)


def _shows_the_network(words: Words) -> bool:
    if not _IP_OPTIONS.issuperset(words.options) or not words.operands:
        return False
    what, *action = words.operands
    return what in _IP_OBJECTS and (not action or action[0] in ("show", "list", "ls", "get"))


_CHECKED: dict[str, Callable[[Words], bool]] = {
    "[": _tests,
    "awk": _is_plain_awk,
    "base32": _none("o", "--output"),
    "base64": _none("o", "--output"),
    "date": lambda words: not words.has("s", "--set") and all(word.startswith("+") for word in words.operands),
    "dmesg": _none("cCDEn", "--clear", "--read-clear", "--console-off", "--console-on", "--console-level"),
    "export": lambda words: not words.has("fn") and "[" not in "".join(words.all),
    "find": _finds,
    "gawk": _is_plain_awk,
    "hostname": lambda words: not words.operands and not words.has("bF", "--boot", "--file"),
    "ip": _shows_the_network,
    "jobs": _none("x"),
    "journalctl": _reads_the_journal,
    "lsof": _none("D"),
    "mawk": _is_plain_awk,
    "printf": _none("v"),
    "sed": _edits_nothing,
    "sort": _none("o", "--output", "--compress-program"),
    "ss": _none("DK", "--diag", "--kill"),
    "systemctl": _asks_services,
    "test": _tests,
    "time": _none("o", "--output"),
    "top": lambda words: words.has("b"),
    "uniq": lambda words: len(words.operands) < 2,
    "wait": _none("p"),
    "xxd": lambda words: len(words.operands) < 2 and not words.has("r", "--revert", "-revert"),
}


def reads_only(program: ShellProgram, also: frozenset[str] = frozenset()) -> bool:
    """Whether a program is known to change nothing, as it is called. `also` are further names, however called."""
    if not program.name or program.opaque or (program.path and not _is_own(program.path)):
        return False
    if not _NOWHERE.issuperset(written(program)) or not _NOWHERE.issuperset(program.writes):
        return False
    if any(path.startswith(_NETWORK) for path in program.reads):
        return False
    if not all(changes_nothing(name) for name in program.sets):
        return False
    if program.name in _PLAIN or program.name in also:
        return True
    check = _CHECKED.get(program.name)
    if check is None:
        return False
    words = Words(program)
    # A word that is computed, or a pattern for names of files, may turn out to be an option.
    hidden = program.dynamic and any(word.startswith((COMPUTED, "*", "?", "[")) for word in words.all)
    return not hidden and check(words)


def changes_nothing(variable: str) -> bool:
    """Whether a variable of this name is known not to change which programs run, or what they do beside."""
    return _HARMLESS_VARIABLE.fullmatch(variable) is not None


def _is_own(path: str) -> bool:
    return "/" not in path or _OWN_PLACE.fullmatch(path) is not None


def hides_programs(line: str) -> bool:
    """Whether a line may run other programs than it names: by another PATH, or in what it evaluates."""
    joined = line.replace("\\\n", "")
    if _SETS_PATH.search(joined) or _EVALUATES.search(joined):
        return True
    return not all(changes_nothing(name) for name in _LOOPS.findall(joined))


def verbs_tell(command: Command) -> bool:
    """Whether a command does no more than its verbs say: a line may write by `>`, set variables, or hide code."""
    if not isinstance(command, ShellCommand):
        return True
    return not hides_programs(command.text) and all(
        program.name
        and not program.opaque
        and _is_own(program.path or program.name)
        and _NOWHERE.issuperset(program.writes)
        and all(map(changes_nothing, program.sets))
        for program in command.programs
    )
