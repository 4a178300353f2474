"""Refuse what destroys data, changes rights, or gets around what can be seen: SQL, command lines, files, requests.

Every group of refusals is an option, on by default: `--set block_truncate=false` lets TRUNCATE pass, and
`--set block_shutdown=false` lets `reboot`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hoopaddon import (
    Addon,
    Command,
    Facts,
    FileOperation,
    HttpCommand,
    KubeCommand,
    Loader,
    Refused,
    ShellCommand,
    ShellProgram,
    SqlCommand,
    SqlStatement,
    ToolCommand,
    Unparsable,
    ctx,
)
from hoopaddon.hazards import (
    FUNCTIONS,
    HTTP_RULES,
    KUBE_RULES,
    PREFIXES,
    SETTINGS,
    HttpRule,
    KubeRule,
    ShellRule,
    Words,
    file_reason,
    http_reason,
    kube_reason,
    may_change,
    may_destroy,
    message_reason,
    tool_reason,
    written,
)
from hoopaddon.hazards import RULES as SHELL_RULES

_MAX_HARMLESS = 1024

EXTENSIONS = frozenset(
    {
        *("dblink", "file_fdw", "postgres_fdw", "adminpack", "tablefunc", "xml2", "lo", "pageinspect", "pg_surgery"),
        *("pg_cron", "pg_background", "pg_net", "http", "aws_s3", "aws_lambda", "orafce"),
    }
)
SAFE_LANGUAGES = ("plpgsql", "plpgsql_check")

ROLE_POWERS = frozenset({"superuser", "createrole", "createdb", "bypassrls", "isreplication", "password"})
ROLE_MEMBERS = frozenset({"addroleto", "rolemembers", "adminmembers"})
PROTECTIONS = frozenset(
    {
        *("disable trig", "disable trig all", "disable trig user", "disable rule"),
        *("disable row security", "no force row security", "change owner"),
    }
)
OUTSIDE = frozenset({"foreign server", "foreign data wrapper", "user mapping", "subscription", "language"})

type Check = Callable[[SqlStatement], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check that says why a statement is refused, or nothing; `verbs` are all that it can refuse (empty: any)."""

    help: str
    check: Check
    verbs: frozenset[str] = frozenset()


def drops(s: SqlStatement) -> str:
    if s.verb == "drop":
        return f"DROP {s.kind.upper()} is refused".replace("  ", " ")
    if s.verb == "alter" and s.clauses & {"drop column", "detach partition", "detach partition finalize"}:
        return f"ALTER {s.kind.upper()} that drops a column or detaches a partition is refused"
    return ""


def truncates(s: SqlStatement) -> str:
    return "TRUNCATE is refused" if s.verb == "truncate" else ""


def changes_every_row(s: SqlStatement) -> str:
    if not s.every_row or s.explained:
        return ""
    return f"{s.verb.upper()} without a WHERE that tells rows apart is refused: name the rows"


def grants(s: SqlStatement) -> str:
    if s.verb in ("grant", "revoke", "reassign", "security label"):
        return f"{s.verb.upper()} is refused"
    if s.verb in ("create", "alter") and s.kind == "role" and s.clauses & (ROLE_POWERS | ROLE_MEMBERS):
        return f"{s.verb.upper()} ROLE that gives rights is refused"
    if s.verb == "alter" and s.kind == "default privileges":
        return "ALTER DEFAULT PRIVILEGES is refused"
    if s.verb == "alter" and s.clauses & PROTECTIONS:
        return f"ALTER {s.kind.upper()} that changes an owner or turns off a protection is refused"
    return ""


def alters_system(s: SqlStatement) -> str:
    return "ALTER SYSTEM is refused" if s.kind == "system" and s.verb == "alter" else ""


def runs_program(s: SqlStatement) -> str:
    if "program" not in s.clauses:
        return ""
    return "COPY … PROGRAM is refused" if s.verb == "copy" else "A foreign table that runs a program is refused"


def copies_file(s: SqlStatement) -> str:
    if s.verb == "copy" and "file" in s.clauses:
        return "COPY with a file of the server is refused: use STDIN or STDOUT"
    if s.kind == "foreign table" and s.clauses & {"filename", "no filename"}:
        return "A foreign table over a file of the server is refused"
    return ""


def changes_setting(s: SqlStatement) -> str:
    if s.verb != "reset":
        for name, value in s.settings.items():
            allowed = SETTINGS.get(name)
            if allowed is not None and (value is None or value.lower() not in allowed):
                shown = "a setting whose name is computed" if name == "*" else name
                return f"Changing {shown} is refused"
    if any(_is_catalogue(table) for table in s.writes) and s.verb in ("insert", "update", "delete", "merge", "copy"):
        return "Writing to a system catalogue is refused"
    return ""


def _is_catalogue(table: str) -> bool:
    schema, _, name = table.rpartition(".")
    return schema in ("pg_catalog", "information_schema") or (not schema and name.startswith("pg_"))


def hides_sql(s: SqlStatement) -> str:
    if not s.dynamic or s.explained:
        return ""
    if s.verb == "execute":
        return "EXECUTE of a statement that was not prepared in this session is refused"
    return f"{s.verb.upper()} that builds SQL while it runs is refused: write the statements out"


def hides_code(s: SqlStatement) -> str:
    if s.opaque:
        return f"{s.verb.upper()} with a body that cannot be read is refused: use SQL or PL/pgSQL"
    if s.verb == "load":
        return "LOAD is refused"
    if s.verb in ("create", "alter") and s.kind == "extension" and any(_is_powerful(name) for name in s.objects):
        return f"{s.verb.upper()} EXTENSION is refused for extensions that run code or reach outside"
    if s.verb in ("create", "alter", "import") and (s.kind in OUTSIDE or s.verb == "import"):
        return f"{s.verb.upper()} {s.kind.upper()} is refused: it reaches outside the database"
    return ""


def _is_powerful(extension: str) -> bool:
    return extension in EXTENSIONS or (extension.startswith("pl") and extension not in SAFE_LANGUAGES)


RULES: dict[str, Rule] = {
    "block_drop": Rule(
        "Refuse DROP, and ALTER that drops a column or detaches a partition.", drops, frozenset({"drop", "alter"})
    ),
    "block_truncate": Rule("Refuse TRUNCATE.", truncates, frozenset({"truncate"})),
    "block_every_row": Rule(
        "Refuse DELETE, UPDATE and MERGE whose condition does not tell rows apart (none, true, 1=1, id=id …).",
        changes_every_row,
        frozenset({"delete", "update"}),
    ),
    "block_grant": Rule(
        "Refuse GRANT, REVOKE, new owners, and roles that gain rights.",
        grants,
        frozenset({"grant", "revoke", "reassign", "security label", "create", "alter"}),
    ),
    "block_alter_system": Rule("Refuse ALTER SYSTEM.", alters_system, frozenset({"alter"})),
    "block_program": Rule(
        "Refuse COPY … PROGRAM, and foreign tables that run a program.",
        runs_program,
        frozenset({"copy", "create", "alter"}),
    ),
    "block_server_files": Rule(
        "Refuse COPY from and to files of the server, and foreign tables over them.",
        copies_file,
        frozenset({"copy", "create", "alter"}),
    ),
    "block_settings": Rule(
        "Refuse changes of settings that turn off protections, and writes to the system catalogues.", changes_setting
    ),
    "block_dynamic_sql": Rule(
        "Refuse code that builds SQL while it runs, and EXECUTE of what is not known.", hides_sql
    ),
    "block_code": Rule("Refuse code that cannot be read, and extensions that run code or reach outside.", hides_code),
}


class BlockDestructive(Addon):
    """Looks at every statement of a command, and every program of a command line, at any depth."""

    def __init__(self) -> None:
        self._functions = FUNCTIONS
        self._prefixes: tuple[str, ...] = PREFIXES
        self._allowed_tables: frozenset[str] = frozenset()
        self._checks_of: dict[str, tuple[Check, ...]] = {}
        self._other_checks: tuple[Check, ...] = ()
        self._harmless: dict[int, Facts] = {}
        self._use(RULES.values())
        self._shell = {name: rule for name, rule in SHELL_RULES.items() if rule.on}
        self._kube = {name: rule for name, rule in KUBE_RULES.items() if rule.on}
        self._http = {name: rule for name, rule in HTTP_RULES.items() if rule.on}
        self._allowed_routes: frozenset[str] = frozenset()
        self._allowed_paths: frozenset[str] = frozenset()

    def _use(self, rules: Iterable[Rule]) -> None:
        """Keep for each verb the checks that can refuse it: a SELECT is looked at by three of them."""
        rules = list(rules)
        verbs = frozenset().union(*(rule.verbs for rule in rules))
        self._checks_of = {v: tuple(r.check for r in rules if not r.verbs or v in r.verbs) for v in verbs}
        self._other_checks = tuple(rule.check for rule in rules if not rule.verbs)

    def load(self, loader: Loader) -> None:
        for name, rule in RULES.items():
            loader.add_option(name, bool, True, rule.help)
        loader.add_option(
            "block_functions", bool, True, "Refuse functions that read files, run text as SQL, or act on the server."
        )
        loader.add_option(
            "block_extra_functions", Sequence[str], [], "Further functions to refuse, as `setval` or `audit.purge`."
        )
        loader.add_option(
            "block_allow_tables",
            Sequence[str],
            [],
            "Tables, as written in the statement, that may be dropped, truncated, and changed in every row.",
        )

        others: dict[str, ShellRule | KubeRule | HttpRule] = {**SHELL_RULES, **KUBE_RULES, **HTTP_RULES}
        for name, other in others.items():
            loader.add_option(f"block_{name}", bool, other.on, other.help)
        loader.add_option(
            "block_allow_routes",
            Sequence[str],
            [],
            "Routes that DELETE may name, though they are no single thing: `/v1/sessions`, `/v1/projects/{id}`.",
        )
        loader.add_option(
            "block_allow_paths",
            Sequence[str],
            [],
            "Folders below which files may be removed and written, whatever they belong to: `/var/lib/app`.",
        )

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        self._use(rule for name, rule in RULES.items() if getattr(options, name))
        self._functions = listed(options.block_extra_functions)
        self._prefixes = ()
        if options.block_functions:
            self._functions |= FUNCTIONS
            self._prefixes = PREFIXES
        self._allowed_tables = listed(options.block_allow_tables)
        self._harmless.clear()
        self._shell = {name: rule for name, rule in SHELL_RULES.items() if getattr(options, f"block_{name}")}
        self._kube = {name: rule for name, rule in KUBE_RULES.items() if getattr(options, f"block_{name}")}
        self._http = {name: rule for name, rule in HTTP_RULES.items() if getattr(options, f"block_{name}")}
        self._allowed_routes = listed(options.block_allow_routes)
        self._allowed_paths = listed(options.block_allow_paths)

    def postgres_query(self, command: SqlCommand) -> None:
        # What is refused hangs on the facts and the options alone, and texts that are alike share their facts.
        facts = command.facts
        if self._harmless.get(id(facts)) is facts:
            return
        for statement in command.statements:
            if statement.functions or statement.attributes:
                self._check_functions(statement)
            for check in self._checks_of.get(statement.verb, self._other_checks):
                if (reason := check(statement)) and not self._is_allowed(statement, check):
                    raise Refused(reason)
        if len(self._harmless) >= _MAX_HARMLESS:
            self._harmless.clear()
        self._harmless[id(facts)] = facts

    def _check_functions(self, statement: SqlStatement) -> None:
        # PostgreSQL calls a function for `x.name` too, where x has no such column.
        for names in (statement.functions, statement.attributes):
            for name in names:
                if self._is_refused(name):
                    raise Refused(f"The function {name} is refused")

    def _is_refused(self, name: str) -> bool:
        return name in self._functions or name.startswith(self._prefixes)

    def _is_allowed(self, statement: SqlStatement, check: Check) -> bool:
        if not self._allowed_tables or check not in (drops, truncates, changes_every_row):
            return False
        if statement.verb == "drop" and statement.kind != "table":
            return False
        return (
            bool(statement.writes) and statement.writes <= self._allowed_tables and "cascade" not in statement.clauses
        )

    def ssh_exec(self, command: ShellCommand) -> None:
        self._check_programs(command, self._shell)

    def ssh_input(self, command: ShellCommand) -> None:
        # A shell that is started at a prompt reads what is typed, and that is judged line by line.
        self._check_programs(command, {name: rule for name, rule in self._shell.items() if name != "input_code"})

    def kube_request(self, command: KubeCommand) -> None:
        if reason := kube_reason(command, self._kube):
            raise Refused(reason)
        if command.argv:
            # At a terminal what is typed is judged line by line.
            seen = {"input_code"} if command.options.get("tty") == "true" else set()
            self._check_programs(command, {name: rule for name, rule in self._shell.items() if name not in seen})

    def mcp_tool_call(self, command: ToolCommand) -> None:
        if reason := tool_reason(command, self._shell):
            raise Refused(reason)
        self._check_within(command.within, may_change)

    def http_request(self, command: HttpCommand) -> None:
        rules = self._http
        if self._allowed_routes and self._is_allowed_route(command):
            rules = {name: rule for name, rule in rules.items() if name not in ("http_collections", "http_stores")}
        if reason := http_reason(command, rules):
            raise Refused(reason)
        self._check_within(command.within, may_destroy)

    def http_message(self, command: Command) -> None:
        if reason := message_reason(command.verbs, command.objects, self._http):
            raise Refused(reason)

    def _is_allowed_route(self, command: HttpCommand) -> bool:
        # All that is asked for is this, however it is read.
        plain = {path.rstrip("/") for _, path in command.calls}
        return command.route in self._allowed_routes and plain == {command.path.rstrip("/")}

    def _check_within(self, commands: Iterable[Command], may: Callable[[str], bool]) -> None:
        for inner in commands:
            if isinstance(inner, ShellCommand):
                self._check_programs(inner, self._shell)
            elif isinstance(inner, SqlCommand):
                self._check_sql(inner, may)

    def _check_sql(self, command: SqlCommand, may: Callable[[str], bool]) -> None:
        try:
            self.postgres_query(command)
        except Unparsable:
            # The database may be another one, with a dialect of its own.
            if may(command.text):
                raise Refused("SQL that cannot be read here, and may change something, is refused") from None

    def _check_programs(self, command: ShellCommand | KubeCommand, rules: dict[str, ShellRule]) -> None:
        for program in command.programs:
            for name, rule in rules.items():
                if (reason := rule.check(program)) and not self._is_own(name, program):
                    raise Refused(reason)

    def _is_own(self, rule: str, program: ShellProgram) -> bool:
        if not self._allowed_paths or rule not in ("remove", "system_files", "permissions"):
            return False
        paths = written(program) if rule == "system_files" else Words(program).paths
        paths = paths[1:] if rule == "permissions" else paths[:1] if program.name == "find" else paths
        return bool(paths) and all(self._is_allowed_path(path) for path in paths)

    def _is_allowed_path(self, path: str) -> bool:
        if ".." in path or "…" in path:
            return False
        return any(path.startswith(f"{folder.rstrip('/')}/") for folder in self._allowed_paths)

    def kube_input(self, command: ShellCommand) -> None:
        self.ssh_input(command)

    def sftp_operation(self, command: FileOperation) -> None:
        paths = [path for path in (command.path, command.new_path) if path and not self._is_allowed_path(path)]
        if reason := file_reason(command.verbs, paths, self._shell):
            raise Refused(reason)


def listed(values: Iterable[str]) -> frozenset[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return frozenset(item.strip() for value in values for item in value.split(",") if item.strip())


addons = [BlockDestructive()]
