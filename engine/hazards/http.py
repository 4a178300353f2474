"""Requests to HTTP services that destroy much at once: the rules by name."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hoopaddon.hazards.http_endpoints import AWS_ACTION, ENDPOINTS, STORES, Endpoint
from hoopaddon.hazards.words import listed
from hoopaddon.web.commands import HttpCommand

type Check = Callable[[HttpCommand], str]


@dataclass(frozen=True, slots=True)
class HttpRule:
    """Says why a request is refused, or nothing."""

    help: str
    check: Check
    on: bool = True
    """Whether it is worth having without being asked for."""


_TABLE = tuple((endpoint, frozenset(endpoint.methods.split()), endpoint.pattern()) for endpoint in ENDPOINTS)
_ANY = {
    method: re.compile("|".join(pattern.pattern for _, methods, pattern in _TABLE if method in methods))
    for method in frozenset().union(*(methods for _, methods, _ in _TABLE))
}
_PREFIX = re.compile(
    r"/(?:api|rest|apis|v\d+(?:\.\d+)*(?:alpha\d*|beta\d*)?|latest|internal|public|admin|services?)(?=/)"
)
_SUFFIX = re.compile(r"\.(?:json|xml|php|aspx?|do)$")
_PLURAL = re.compile(r"[a-z0-9_-]*(?:[^su]s|ies|ches|shes|sses|xes|people|children|data|media)")
_ONE_OF_THEM = re.compile(r"(?:eq|is)\.(?!null|true|false).+|in\.\(.+\)")
_FILTER = re.compile(r"ids?|uuids?|keys?|names?|.+_ids?|.+ids?", re.IGNORECASE)
_SINGLETONS = frozenset(
    {
        *(
            "session",
            "login",
            "logout",
            "token",
            "cart",
            "basket",
            "me",
            "self",
            "current",
            "lock",
            "cache",
            "avatar",
        ),
        *("photo", "picture", "subscription", "follow", "like", "star", "status", "draft", "connection", "graphql"),
    }
)
_EVERYTHING = re.compile(
    r"""
      (?:delete|remove|destroy|clear|purge|drop|erase)[-_]?(?:all|everything|database|db|tables?|schema)
    | (?:bulk|batch|mass|multi)[-_]?(?:delete|destroy|remove|purge)
    | (?:delete|destroy|remove)[-_]?(?:many|bulk|batch|by[-_]?query)
    | _delete_by_query | purge | truncate | wipe | flush_?all | flush_?db | factory[-_]?reset | reset[-_]?database
    """,
    re.VERBOSE,
)
_READING = re.compile(r"/(?:docs?|documentation|help|wiki|blog|articles|static|guides?)/", re.IGNORECASE)
_FLAGS = ("all", "delete_all", "deleteAll", "purge", "recursive", "recurse", "cascade", "force_all")
_MUTATION = re.compile(
    r"(?:.*_)?(?:delete|drop|destroy|purge|truncate|wipe|erase)(?!d(?![a-z]))(?:_.*|[A-Z0-9].*|s|many|all)?"
    r"|.*[a-z0-9](?:Delete|Drop|Destroy|Purge|Truncate|Wipe|Erase)(?:s|All|Many|Bulk|By[A-Z].*)?"
    r"|(?:remove|clear|reset)(?:All|Many|Everything|Database)[A-Za-z]*|(?:bulk|batch)(?:Delete|Remove)[A-Za-z]*"
)
# At the top of an operation a name is what is done.
_TOP_MUTATION = re.compile(r"(?i)(?:delete|drop(?!down)|destroy|purge|truncate|wipe|erase)(?!d).*")
_RPC = re.compile(
    r"(?:Batch|Bulk|Multi)(?:Delete|Remove|Destroy)\w*|(?:Drop|Truncate|Purge|Destroy|Wipe|Erase)\w*"
    r"|(?:Delete|Remove|Clear)(?:All|Many|Range|Database|Table|Bucket|Collection|Index|Project|Cluster|Instance|Backup"
    r"|Topic|Keyspace|Namespace|Schema|Tenant|Organization|Snapshot|Volume)s?\w*"
)
_DESTROYS = re.compile(
    r"(?i)\b(drop|truncate|delete|update|alter|replace|merge|detach|rename|exchange|grant|revoke|kill|system|shutdown|purge"
    r"|flush|exec|execute|call|do|attach|outfile|remove)\b"
)
_UNREAD = re.compile(
    r"(?:application|text)/(?:.*[.+])?(?:x-)?(?:yaml|msgpack|messagepack|cbor|bson|smile|ubjson|ion|edn|thrift|avro|plist"
    r"|amf|hessian|java-serialized-object|php-serialized|python-pickle|fury|flatbuffers|capnp|transit)(?:[.+;-].*)?"
)
_FALSE = frozenset({"", "0", "false", "no", "off", "none", "null"})


def deletes_collection(c: HttpCommand) -> str:
    for method, path in c.calls:
        if method != "delete":
            continue
        plain = _plain(path)
        parts = [part for part in plain.split("/") if part]
        if not parts:
            return "DELETE of the root is refused"
        if not c.body_seen or not _is_collection(plain, path, parts) or _is_filtered(c):
            continue
        return f"DELETE of {listed([path])} is refused: it names no single thing"
    return ""


def _is_collection(plain: str, path: str, parts: list[str]) -> bool:
    last = parts[-1]
    if last in ("_all", "all", "everything") or "*" in last:
        return True
    if any(character.isdigit() for character in last) or "@" in last:
        return False
    if len(parts) % 2 and _PLURAL.fullmatch(last):
        return True
    # At the top of a server stand its indexes, databases and buckets.
    return len(parts) == 1 and plain == path.lower().rstrip("/") and last not in _SINGLETONS


def _is_filtered(c: HttpCommand) -> bool:
    """The query tells things apart: `id=…`, or PostgREST's `name=eq.…`, of which one is enough."""
    for name, values in c.query.items():
        if all(_ONE_OF_THEM.fullmatch(value) for value in values):
            return True
        if _FILTER.fullmatch(name) and all(re.fullmatch(r"[\w,.@:-]+", v) and "." not in v[:5] for v in values):
            return not any(value.lower() in ("all", "any") for value in values)
    return False


def deletes_store(c: HttpCommand) -> str:
    for method, path in c.calls:
        parts = [part for part in _plain(path).split("/") if part]
        if method == "delete" and len(parts) > 1 and parts[-2] in STORES:
            return f"DELETE of {listed([path])} is refused: it takes away all that is in it"
    return ""


def deletes_everything(c: HttpCommand) -> str:
    for method, path in c.calls:
        last = _plain(path).rpartition("/")[2]
        for action in {last, last.rpartition(":")[2]}:
            if _may_act(method, path) and _EVERYTHING.fullmatch(action):
                return f"{method.upper()} of {listed([path])} is refused: it is for everything at once"
        if method == "delete" and (flag := next((f for f in _FLAGS if _is_on(c, f)), "")):
            return f"DELETE with {flag} is refused: name what is to go"
    if any(path.rstrip("/").endswith("/_bulk") for _, path in c.calls) and c.values("delete"):
        return "A bulk request that deletes is refused"
    return ""


def _may_act(method: str, path: str) -> bool:
    """Some services do what a GET says; what people read about it does nothing."""
    return method not in ("head", "options") and not (method == "get" and _READING.search(path))


def ruins(c: HttpCommand) -> str:
    for method, path in c.calls:
        plain = path.lower()
        if method not in _ANY or not _ANY[method].fullmatch(plain):
            continue
        for endpoint, methods, pattern in _TABLE:
            if method in methods and pattern.fullmatch(plain) and _carries(c, endpoint):
                return f"{endpoint.product}: {method.upper()} of {listed([path])} is refused: it {endpoint.does}"
    for action in _aws_actions(c):
        if AWS_ACTION.fullmatch(action):
            return f"AWS: {listed([action])} is refused"
    return ""


def _carries(c: HttpCommand, endpoint: Endpoint) -> bool:
    where = endpoint.where
    if not where:
        return True
    if where.startswith("?"):
        return any(name.lower() in where[1:].split("|") for name in c.query)
    if where.endswith("*"):
        return bool(c.values(where[:-1]))
    name, _, wanted = where.partition("=")
    if not wanted:
        return _is_on(c, name)
    return any(str(value).lower() in wanted.split("|") for value in c.values(name))


def _is_on(c: HttpCommand, name: str) -> bool:
    return any(_means_yes(value) for value in c.values(name)) or any(
        values == ("",) for given, values in c.query.items() if given.lower() == name.lower()
    )


def _means_yes(value: Any) -> bool:
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def _aws_actions(c: HttpCommand) -> Iterator[str]:
    yield from (target.rpartition(".")[2] for target in c.headers.all("x-amz-target"))
    yield from c.query.get("Action", ())
    if c.body_kind == "form":
        yield from c.body.get("Action", ())


def mutates_destructively(c: HttpCommand) -> str:
    for operation in c.operations:
        if operation.type != "mutation":
            continue
        named = [call.field for call in operation.calls if _TOP_MUTATION.fullmatch(call.field)]
        named += [field for field in operation.fields if "." not in field and _MUTATION.fullmatch(field)]
        if named:
            return f"The mutation {listed(sorted(named)[:1])} is refused"
    return ""


def hides_operation(c: HttpCommand) -> str:
    # By GET, servers run queries only.
    if any(operation.opaque for operation in c.operations) and any(method != "get" for method, _ in c.calls):
        return "A GraphQL operation that is only named is refused: send the whole of it"
    return ""


def calls_destructively(c: HttpCommand) -> str:
    for verb in c.verbs:
        service, slash, method = verb.rpartition("/")
        if slash and service and _RPC.fullmatch(method):
            return f"The call {listed([verb])} is refused"
    return ""


def is_unseen(c: HttpCommand) -> str:
    return "" if c.body_seen else "A body that is not looked into is refused"


def is_unread(c: HttpCommand) -> str:
    media = c.headers.get("content-type").partition(";")[0].strip().lower()
    if _UNREAD.fullmatch(media) and c.body_kind in ("binary", "text"):
        return f"A body of the type {listed([media])} is refused: send JSON, which can be read"
    return ""


def _plain(path: str) -> str:
    """A path without what says nothing of what it is about: `/api/v1`, `.json`, case."""
    path = _SUFFIX.sub("", path.lower().rstrip("/"))
    while found := _PREFIX.match(path):
        path = path[found.end() :]
    return path


HTTP_RULES: dict[str, HttpRule] = {
    "http_collections": HttpRule(
        "Refuse DELETE of a whole collection: a path that names no single thing.", deletes_collection
    ),
    "http_stores": HttpRule(
        "Refuse DELETE of what holds many things: databases, buckets, projects, topics …", deletes_store
    ),
    "http_bulk": HttpRule(
        "Refuse endpoints and parameters that delete everything, or by a query.", deletes_everything
    ),
    "http_admin": HttpRule(
        "Refuse the endpoints of well-known products that destroy data or stop the server.", ruins
    ),
    "http_mutations": HttpRule(
        "Refuse GraphQL mutations called delete…, drop…, destroy…, purge… or truncate….", mutates_destructively
    ),
    "http_named_operations": HttpRule(
        "Refuse GraphQL operations that are sent as a hash or an id, but by GET.", hides_operation
    ),
    "http_rpc": HttpRule("Refuse gRPC methods that delete many things or what holds them.", calls_destructively),
    "http_unread_bodies": HttpRule(
        "Refuse bodies that say things in a form that is not read here: YAML, MessagePack, CBOR …", is_unread
    ),
    "http_unseen_bodies": HttpRule("Refuse requests whose body streams through unseen.", is_unseen, on=False),
}


def message_reason(verbs: Iterable[str], objects: Iterable[str], rules: Iterable[str]) -> str:
    """Why a message on a WebSocket is refused by one of these rules, or nothing."""
    said, rules = set(verbs), set(rules)
    if "http_named_operations" in rules and "graphql:persisted" in said:
        return "A GraphQL operation that is only named is refused: send the whole of it"
    if "http_mutations" in rules and "graphql:mutation" in said:
        named = [verb for verb in said if _TOP_MUTATION.fullmatch(verb)]
        named += [field for field in objects if "." not in field and _MUTATION.fullmatch(field)]
        return f"The mutation {listed(sorted(named)[:1])} is refused" if named else ""
    return ""


def may_destroy(sql: str) -> bool:
    """Whether a statement in a dialect that cannot be read could take something away, by its words."""
    return _DESTROYS.search(sql) is not None


def http_reason(command: HttpCommand, rules: dict[str, HttpRule]) -> str:
    """Why a request is refused by one of these rules, or nothing."""
    return next((reason for rule in rules.values() if (reason := rule.check(command))), "")
