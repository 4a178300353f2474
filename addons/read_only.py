"""Let only that pass which is known to read: SQL, command lines, files, requests, calls of tools.

PostgreSQL is told as well, and holds each transaction to reading. `--set read_only_groups=analysts,agents` binds the
members of these groups alone, `--set read_only_except=dba` everybody but these.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from mitmproxy.exceptions import OptionsError

from hoopaddon import (
    Addon,
    Command,
    ContextCommand,
    FileOperation,
    HttpCommand,
    KubeCommand,
    Loader,
    Refused,
    Session,
    ShellCommand,
    SqlCommand,
    SqlStatement,
    ToolCommand,
    Unparsable,
    ctx,
)
from hoopaddon.hazards import (
    FUNCTIONS,
    PREFIXES,
    WRITING_FUNCTIONS,
    WRITING_PREFIXES,
    changes_nothing,
    hides_programs,
    may_change,
    reads_only,
)

ONLY_READS = "only reads are allowed here"

# What is on no list is refused: a verb that nobody thought of is a write.
SQL_READS = frozenset(
    {
        *(
            "select",
            "show",
            "explain",
            "declare",
            "fetch",
            "move",
            "close",
            "copy",
            "prepare",
            "execute",
            "deallocate",
        ),
        *(
            "begin",
            "commit",
            "rollback",
            "savepoint",
            "release",
            "set",
            "reset",
            "discard",
            "listen",
            "unlisten",
            "lock",
        ),
    }
)
TRANSACTION_SETTINGS = frozenset({"default_transaction_read_only", "transaction_read_only", "*"})
ON = frozenset({"on", "true", "yes", "1", "tru", "tr", "t", "ye", "y"})
FILE_READS = frozenset({"read", "list", "stat", "readlink", "realpath"})
HTTP_READS = frozenset({"get", "head", "options"})
GRAPHQL_READS = frozenset({"query", "subscription"})
SUBSCRIBING = frozenset({"connection_init", "connection_terminate", "ping", "pong", "complete", "stop"})
KUBE_READS = frozenset({"get", "list", "watch", "logs"})
KUBE_QUESTIONS = frozenset(
    {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "localsubjectaccessreviews", "selfsubjectreviews"}
)
KUBE_QUESTION_GROUPS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
MCP_READS = frozenset(
    {
        *("complete", "discover", "elicit", "end", "get", "initialize", "list", "listen", "read", "result", "sample"),
        *("set", "subscribe", "unsubscribe"),
    }
)


class ReadOnly(Addon):
    """Judges each kind of command by a list of what reads; a kind without such a list is refused."""

    def __init__(self) -> None:
        self._groups: frozenset[str] = frozenset()
        self._except: frozenset[str] = frozenset()
        self._functions = FUNCTIONS | WRITING_FUNCTIONS
        self._programs: frozenset[str] = frozenset()
        self._graphql: frozenset[str] = frozenset()
        self._routes: frozenset[str] = frozenset()
        self._servers: frozenset[str] = frozenset()
        self._asks_postgres = True

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("read_only_groups", Sequence[str], [], "Groups whose members may only read. Empty: everybody.")
        add("read_only_except", Sequence[str], [], "Groups whose members may write all the same.")
        add("read_only_transactions", bool, True, "Have PostgreSQL hold each transaction to reading, too.")
        add("read_only_functions", Sequence[str], [], "Further SQL functions to refuse, as `audit.purge`.")
        add("read_only_programs", Sequence[str], [], "Further programs that only read, however they are called.")
        add("read_only_graphql", Sequence[str], ["/graphql"], "Paths where a POST may carry GraphQL queries.")
        add("read_only_routes", Sequence[str], [], "Routes where a POST only reads, as `/orders/_search`.")
        add("read_only_mcp_servers", Sequence[str], ["*"], "MCP servers whose word on their tools counts; * is any.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        self._groups = listed(options.read_only_groups)
        self._except = listed(options.read_only_except)
        self._functions = FUNCTIONS | WRITING_FUNCTIONS | listed(options.read_only_functions)
        self._programs = listed(options.read_only_programs)
        self._graphql = paths_of("read_only_graphql", options.read_only_graphql)
        self._routes = paths_of("read_only_routes", options.read_only_routes)
        self._servers = listed(options.read_only_mcp_servers)
        self._asks_postgres = options.read_only_transactions

    def _binds(self, session: Session) -> bool:
        groups = session.user.groups
        if groups & self._except:
            return False
        return not self._groups or bool(groups & self._groups)

    def session_start(self, session: Session) -> None:
        if self._asks_postgres and self._binds(session):
            session.read_only = True

    def command(self, command: Command) -> None:
        if self._binds(command.session):
            raise Refused(f"what cannot be looked into is refused: {ONLY_READS}")

    # -- SQL

    def postgres_query(self, command: SqlCommand) -> None:
        if self._binds(command.session):
            self._check_sql(command)

    def _check_sql(self, command: SqlCommand) -> None:
        for statement in command.statements:
            if reason := self._writes(statement):
                raise Refused(f"{reason} is refused: {ONLY_READS}")

    def _writes(self, s: SqlStatement) -> str:
        """What a statement does beside reading, or nothing. PostgreSQL calls functions for `x.name`, too."""
        for name in sorted(s.functions | s.attributes):
            if name in self._functions or name.startswith((*PREFIXES, *WRITING_PREFIXES)):
                return f"the function {name}"
        if turns_off(s):
            return "a transaction that writes"
        if s.dynamic or s.opaque:
            return f"{s.verb.upper()} of what is not known"
        if s.explained:
            return ""
        if s.verb not in SQL_READS or "two-phase" in s.clauses:
            return s.verb.upper()
        if s.verb == "lock":
            return "" if "access share" in s.clauses else "LOCK"
        if s.clauses & {"file", "program"}:
            return f"{s.verb.upper()} with a file of the server"
        if s.writes:
            return f"{s.verb.upper()} that writes"
        return "SELECT that locks rows" if "lock rows" in s.clauses else ""

    # -- command lines and files

    def ssh_exec(self, command: ShellCommand) -> None:
        if self._binds(command.session):
            self._check_variables(command)
            self._check_programs(command)

    def ssh_input(self, command: ShellCommand) -> None:
        self.ssh_exec(command)

    def ssh_shell(self, command: Command) -> None:
        # What is typed into it is judged line by line.
        if self._binds(command.session):
            self._check_variables(command)

    @staticmethod
    def _check_variables(command: Command) -> None:
        names = [str(text).partition("=")[0] for text in command.parameters if "=" in str(text)]
        if changing := [name for name in names if not changes_nothing(name)]:
            raise Refused(f"the variable {changing[0]} is refused: {ONLY_READS}")

    def _check_programs(self, command: ShellCommand) -> None:
        if hides_programs(command.text):
            raise Refused(f"a line that sets PATH, or evaluates variables, is refused: {ONLY_READS}")
        for program in command.programs:
            if not reads_only(program, self._programs):
                name = program.name or "a program that is not known before it runs"
                raise Refused(f"{name} is not known to only read, as it is called: {ONLY_READS}")

    def sftp_operation(self, command: FileOperation) -> None:
        if self._binds(command.session) and (found := command.verbs - FILE_READS):
            raise Refused(f"{', '.join(sorted(found))} is refused: {ONLY_READS}")

    # -- HTTP

    def http_request(self, command: HttpCommand) -> None:
        if not self._binds(command.session):
            return
        methods = {method for method, _ in command.calls}
        paths = {path.rstrip("/") for _, path in command.calls}
        if "websocket" in command.headers.get("upgrade", "").lower() and not paths <= self._graphql:
            raise Refused(f"a WebSocket is refused: {ONLY_READS}")
        queries = bool(command.operations)
        for operation in command.operations:
            # What GraphQL's servers keep by a hash or an id they run by GET only if it is a query.
            queries = queries and operation.type in GRAPHQL_READS and not operation.opaque
            if operation.type not in GRAPHQL_READS and not (operation.opaque and methods <= HTTP_READS):
                raise Refused(f"a {operation.type or 'stored operation'} of GraphQL is refused: {ONLY_READS}")
        asks = methods <= HTTP_READS | {"post"} and (
            (queries and paths <= self._graphql)
            or (command.route in self._routes and paths == {command.path.rstrip("/")})
        )
        if not methods <= HTTP_READS and not asks:
            raise Refused(f"{', '.join(sorted(methods - HTTP_READS)).upper()} is refused: {ONLY_READS}")
        self._check_within(command.within)

    def http_message(self, command: Command) -> None:
        if not self._binds(command.session):
            return
        operations = {verb.removeprefix("graphql:") for verb in command.verbs}
        if not (operations <= GRAPHQL_READS if operations else subscribes(command.text)):
            raise Refused(f"a message that is no query of GraphQL is refused: {ONLY_READS}")

    def _check_within(self, commands: Iterable[Command]) -> None:
        for inner in commands:
            try:
                if isinstance(inner, ShellCommand):
                    self._check_programs(inner)
                elif isinstance(inner, SqlCommand):
                    self._check_sql(inner)
            except Unparsable:
                # The database may be another one, with a dialect of its own.
                if not isinstance(inner, SqlCommand) or may_change(inner.text):
                    raise Refused(f"SQL that cannot be read here is refused: {ONLY_READS}") from None

    # -- Kubernetes and MCP

    def kube_request(self, command: KubeCommand) -> None:
        if not self._binds(command.session) or command.verbs <= KUBE_READS:
            return
        # `kubectl auth can-i` asks by POST.
        asks = command.group in KUBE_QUESTION_GROUPS and command.resource in KUBE_QUESTIONS
        if not (asks and command.verbs == {"create"}):
            found = ", ".join(sorted(command.verbs - KUBE_READS))
            raise Refused(f"{found} is refused: {ONLY_READS}")

    def mcp_tool_call(self, command: ToolCommand) -> None:
        if not self._binds(command.session):
            return
        says: Mapping[str, bool] = command.annotations
        trusted = bool(self._servers & {"*", command.server})
        if not trusted or says.get("read_only") is not True or says.get("destructive"):
            raise Refused(f"{command.tool} does not say that it only reads: {ONLY_READS}")
        self._check_within(command.within)

    def mcp_request(self, command: ContextCommand) -> None:
        if self._binds(command.session) and not command.verbs & MCP_READS:
            raise Refused(f"{command.method} is refused: {ONLY_READS}")


def turns_off(s: SqlStatement) -> bool:
    """Whether a statement lets this transaction or later ones write, as PostgreSQL's own words or settings do."""
    if "read write" in s.clauses:
        return True
    return any((value or "").lower() not in ON for name, value in s.settings.items() if name in TRANSACTION_SETTINGS)


def subscribes(text: str) -> bool:
    """Whether a message is one with which clients of GraphQL begin, keep up and end a subscription."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("type") in SUBSCRIBING


def paths_of(option: str, values: Iterable[str]) -> frozenset[str]:
    found = listed(values)
    if wrong := sorted(path for path in found if not path.startswith("/")):
        raise OptionsError(f"{option}: {wrong[0]!r} is no path; write it with its slash, for example /graphql")
    return frozenset(path.rstrip("/") or "/" for path in found)


def listed(values: Iterable[str]) -> frozenset[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return frozenset(item.strip() for value in values for item in value.split(",") if item.strip())


addons = [ReadOnly()]
