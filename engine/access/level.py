"""What `read`, `write` and `admin` mean, said once for each kind of command.

What only reads is `read`. What changes data is `write`. What changes the database, the machine or the cluster itself,
who may do what there, or cannot be looked into, is `admin`. What is on no list is never `read`.
"""

from collections.abc import Iterable
from enum import IntEnum

from hoopaddon.access.shell_level import program_level
from hoopaddon.command import Command
from hoopaddon.commands import FileOperation, Forward, ShellCommand, SqlCommand, SqlStatement
from hoopaddon.hazards.functions import FUNCTIONS, PREFIXES
from hoopaddon.web.commands import ContextCommand, HttpCommand, KubeCommand, ToolCommand


class Level(IntEnum):
    """Each includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


_SQL_READS = frozenset(
    {
        *("select", "show", "explain", "declare", "fetch", "move", "close", "copy", "prepare", "execute"),
        *("deallocate", "begin", "commit", "rollback", "savepoint", "release", "set", "reset", "discard"),
        *("listen", "unlisten"),
    }
)
_SQL_WRITES = frozenset({"insert", "update", "delete", "merge", "truncate", "lock", "notify", "call", "do"})
_SETTINGS_OF_ADMINS = frozenset({"role", "session_authorization", "session_replication_role", "*"})
_WRITING_FUNCTIONS = ("nextval", "setval", "pg_advisory_", "pg_try_advisory_", "set_config", "pg_notify")
_FILE_READS = frozenset({"read", "list", "stat", "readlink", "realpath"})
_HTTP_READS = frozenset({"get", "head", "options"})
_HTTP_WRITES = frozenset({"post", "put", "patch", "delete"})
_GRAPHQL_READS = frozenset({"query", "subscription"})
_KUBE_READS = frozenset({"get", "list", "watch", "logs"})
_KUBE_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection", "exec"})
_KUBE_QUESTIONS = frozenset(
    {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "localsubjectaccessreviews", "selfsubjectreviews"}
)
_KUBE_GROUPS_OF_ADMINS = (
    *("rbac.authorization.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"),
    *("apiregistration.k8s.io", "certificates.k8s.io", "storage.k8s.io", "scheduling.k8s.io", "node.k8s.io"),
)
_KUBE_OF_ADMINS = frozenset({"nodes", "namespaces", "persistentvolumes", "serviceaccounts", "resourcequotas"})
_CONTEXT_READS = frozenset(
    {
        *("complete", "discover", "elicit", "end", "get", "initialize", "list", "listen", "read", "result", "sample"),
        *("set", "subscribe", "unsubscribe", "ping"),
    }
)


def level_of(command: Command) -> Level | None:
    """What the command takes; None where it does nothing by itself. Raises `Unparsable` where it cannot be read."""
    match command:
        case SqlCommand():
            return _highest(_sql(statement) for statement in command.statements)
        case ShellCommand():
            return _shell(command)
        case FileOperation():
            return Level.READ if command.verbs and command.verbs <= _FILE_READS else Level.WRITE
        case Forward():
            return Level.ADMIN
        case HttpCommand():
            return _http(command)
        case KubeCommand():
            return _kube(command)
        case ToolCommand():
            return _tool(command)
        case ContextCommand():
            return Level.READ if command.verbs & _CONTEXT_READS else Level.WRITE
    if command.only_opens:
        return None
    graphql = {verb.removeprefix("graphql:") for verb in command.verbs if verb.startswith("graphql:")}
    if command.is_message:
        return Level.READ if graphql & _GRAPHQL_READS and "mutation" not in graphql else Level.WRITE
    return Level.ADMIN


def _highest(levels: Iterable[Level]) -> Level:
    return max(levels, default=Level.READ)


def _sql(s: SqlStatement) -> Level:
    if s.dynamic or s.opaque or s.clauses & {"file", "program", "two-phase"}:
        return Level.ADMIN
    if s.settings.keys() & _SETTINGS_OF_ADMINS or s.roles:
        return Level.ADMIN
    # PostgreSQL calls a function for `x.name` where there is no such column.
    called = s.functions | s.attributes
    if any(name in FUNCTIONS or name.startswith(PREFIXES) for name in called):
        return Level.ADMIN
    if s.verb not in _SQL_READS | _SQL_WRITES:
        return Level.ADMIN
    if s.explained:
        return Level.READ
    writes = s.writes or s.verb not in _SQL_READS or "lock rows" in s.clauses
    if writes or any(name.startswith(_WRITING_FUNCTIONS) for name in called):
        return Level.WRITE
    return Level.READ


def _shell(command: ShellCommand) -> Level:
    level = _highest(Level(program_level(program)) for program in command.programs)
    # Variables that the client has sent along change what programs do.
    sent = [str(text).partition("=")[0] for text in command.parameters if "=" in str(text)]
    harmless = all(name == "LANG" or name == "TERM" or name.startswith("LC_") for name in sent)
    return level if harmless else Level.ADMIN


def _within(commands: Iterable[Command]) -> Level:
    return _highest(level_of(inner) or Level.READ for inner in commands)


def _http(command: HttpCommand) -> Level:
    methods = {method for method, _ in command.calls}
    if not command.body_seen and not methods <= _HTTP_READS:
        return Level.ADMIN
    level = Level.READ
    if not methods <= _HTTP_READS:
        level = Level.WRITE if methods <= _HTTP_READS | _HTTP_WRITES else Level.ADMIN
        operations = command.operations
        queries = all(one.type in _GRAPHQL_READS and not one.opaque for one in operations)
        if operations and queries and methods <= _HTTP_READS | {"post"} and command.body_kind in ("graphql", "json"):
            level = Level.READ
    elif any(one.type not in _GRAPHQL_READS for one in command.operations):
        level = Level.WRITE
    return max(level, _within(command.within))


def _kube(command: KubeCommand) -> Level:
    verbs = command.verbs
    if not verbs <= _KUBE_READS | _KUBE_WRITES or not command.body_seen:
        return Level.ADMIN
    if not command.resource:
        return Level.READ if verbs <= _KUBE_READS else Level.ADMIN
    if verbs == {"create"} and command.resource in _KUBE_QUESTIONS:
        return Level.READ
    if verbs <= _KUBE_READS:
        # As Kubernetes' own role `view` has it: whoever reads Secrets can be others.
        return Level.WRITE if command.resource == "secrets" else Level.READ
    if command.group in _KUBE_GROUPS_OF_ADMINS or command.resource in _KUBE_OF_ADMINS:
        return Level.ADMIN
    return Level.WRITE


def _tool(command: ToolCommand) -> Level:
    within = _within(command.within)
    says = command.annotations
    if says.get("destructive"):
        return max(Level.WRITE, within)
    return max(Level.READ if says.get("read_only") is True else Level.WRITE, within)
