"""What utility statements name and ask for: objects, options, settings, the bodies of functions."""

from typing import Any

from hoopaddon.adapters.postgres.sql.expression import NotConstant, constant, strings, tag_of
from hoopaddon.adapters.postgres.sql.statement import Draft, qualified
from hoopaddon.adapters.postgres.sql.syntax import Node
from hoopaddon.adapters.postgres.sql.verbs import words

UNKNOWN_SETTING = "*"

_ACCESS_SHARE = 1
"""PostgreSQL's number for the lock that every read takes (lockdefs.h)."""

_NAME_FIELDS = frozenset(
    {
        "dbname",
        "extname",
        "fdwname",
        "idxname",
        "local_schema",
        "plname",
        "policy_name",
        "pubname",
        "rulename",
        "schemaname",
        "servername",
        "subname",
        "tablespacename",
        "trigname",
        "filename",
    }
)
_NAME_LISTS = frozenset({"objects", "object", "defnames", "domainname", "typeName", "granted_roles", "tables"})
_TABLE_LIKE = frozenset(
    {
        "table",
        "view",
        "materialized view",
        "foreign table",
        "sequence",
        "index",
        "trigger",
        "rule",
        "policy",
        "column",
    }
)
_PART_OF_A_TABLE = frozenset({"trigger", "rule", "policy", "column"})


def names(tag: str, node: Node, draft: Draft) -> None:
    """The objects that a statement names as text, and the clauses that are no options."""
    if tag in ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"):
        return
    if tag != "CopyStmt":
        draft.objects |= {node[name] for name in _NAME_FIELDS & node.keys() if isinstance(node[name], str)}
    for field in _NAME_LISTS & node.keys():
        for name in _named(node[field]):
            _add_object(name, draft)
    if reader := _READERS.get(tag):
        reader(node, draft)
    if node.get("behavior") == "DROP_CASCADE":
        draft.clauses.add("cascade")


def _named(value: Any) -> list[list[str]]:
    """The names in an object field: each a list of its parts."""
    if isinstance(value, list):
        if value and all("String" in item for item in value):
            return [strings(value)]
        return [name for item in value for name in _named(item)]
    tag, inner = tag_of(value)
    match tag:
        case "String":
            return [[inner.get("sval", "")]]
        case "List":
            return _named(inner.get("items", []))
        case "TypeName":
            return [strings(inner.get("names", []))]
        case "ObjectWithArgs":
            return [strings(inner.get("objname", []))]
        case "AccessPriv":
            return [[inner.get("priv_name", "")]]
    return []


def _add_object(parts: list[str], draft: Draft) -> None:
    if draft.kind in _PART_OF_A_TABLE:
        draft.tables.add(qualified(parts[:-1] or parts))
        draft.writes.add(qualified(parts[:-1] or parts))
    elif draft.kind in _TABLE_LIKE and draft.verb in ("drop", "alter"):
        draft.tables.add(qualified(parts))
        draft.writes.add(qualified(parts))
    else:
        draft.objects.add(qualified(parts))


def _drop(node: Node, draft: Draft) -> None:
    if draft.kind == "schema" or all("String" in item for item in node.get("objects", [])):
        # A list of bare names, not one name of several parts.
        parts = strings(node.get("objects", []))
        draft.objects -= {qualified(parts)} if len(parts) > 1 else set()
        draft.objects |= {qualified([part]) for part in parts}


def _grant(node: Node, draft: Draft) -> None:
    privileges = [tag_of(item)[1].get("priv_name", "") for item in node.get("privileges", [])]
    draft.clauses |= set(privileges) or {"all"}
    if node.get("grant_option"):
        draft.clauses.add("grant option")
    if node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        draft.clauses.add("all in schema")
    _drop(node, draft)


def _create_function(node: Node, draft: Draft) -> None:
    draft.objects.add(qualified(strings(node.get("funcname", []))))


def _alter_table(node: Node, draft: Draft) -> None:
    for item in node.get("cmds", []):
        draft.clauses.add(words(tag_of(item)[1].get("subtype", "")))


def _copy(node: Node, draft: Draft) -> None:
    draft.clauses.add("from" if node.get("is_from") else "to")
    if node.get("is_program"):
        draft.clauses.add("program")
    elif "filename" in node:
        draft.clauses.add("file")


def _define(node: Node, draft: Draft) -> None:
    """CREATE OPERATOR, AGGREGATE, TYPE …: what it ties to the object has the form of a type's name."""
    for item in node.get("definition", []):
        tag, value = tag_of(tag_of(item)[1].get("arg", {}))
        parts = strings(value.get("names", [])) if tag == "TypeName" else []
        if parts:
            draft.functions |= {qualified(parts[-1:]), qualified(parts)}


def _set(node: Node, draft: Draft) -> None:
    if "name" in node:
        values = [tag_of(item)[1] for item in node.get("args", [])]
        default = "default" if node.get("kind") == "VAR_SET_DEFAULT" else None
        _sets(node["name"].lower(), ", ".join(map(_text, values)) if values else default, draft)
    elif node.get("kind") == "VAR_RESET_ALL":
        draft.clauses.add("all")


def _text(const: Node) -> str:
    for field in ("sval", "ival", "fval", "boolval"):
        if field in const:
            value = const[field].get(field, "" if field == "sval" else 0)
            return str(value).lower() if isinstance(value, bool) else str(value)
    return ""


def _set_elsewhere(node: Node, draft: Draft) -> None:
    """ALTER SYSTEM, ROLE and DATABASE … SET."""
    _set(node.get("setstmt", {}), draft)


def _rename(node: Node, draft: Draft) -> None:
    draft.clauses.add("rename")


def _owner(node: Node, draft: Draft) -> None:
    draft.clauses.add("change owner")


def _transaction(node: Node, draft: Draft) -> None:
    if "gid" in node:
        draft.clauses.add("two-phase")


def _lock(node: Node, draft: Draft) -> None:
    if node.get("mode") == _ACCESS_SHARE:
        draft.clauses.add("access share")


def _role(node: Node, draft: Draft) -> None:
    if isinstance(node.get("role"), str):
        draft.roles.add(node["role"])


_READERS = {
    "AlterDatabaseSetStmt": _set_elsewhere,
    "AlterOwnerStmt": _owner,
    "AlterRoleSetStmt": _set_elsewhere,
    "AlterSystemStmt": _set_elsewhere,
    "AlterTableStmt": _alter_table,
    "CopyStmt": _copy,
    "CreateFunctionStmt": _create_function,
    "CreateRoleStmt": _role,
    "DefineStmt": _define,
    "DropStmt": _drop,
    "GrantStmt": _grant,
    "LockStmt": _lock,
    "RenameStmt": _rename,
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
}


def option(node: Node, draft: Draft) -> None:
    """An option of a statement: its name; with `no` before it where it is turned off."""
    name = node["defname"]
    tag, value = tag_of(node.get("arg", {}))
    if name == "security" and tag == "Boolean":
        name, value = "security definer", {"boolval": value.get("boolval", False)}
    if name == "set" and tag == "VariableSetStmt":
        _set(value, draft)
    if name == "transaction_read_only":
        draft.clauses.add("read only" if value.get("ival", {}).get("ival", 0) else "read write")
        return
    off = tag == "Boolean" and not value.get("boolval", False)
    draft.clauses.add(f"no{name}" if off else name)


def set_config(arguments: list[Node], draft: Draft) -> None:
    """`set_config(name, value, …)`."""
    values: list[str | None] = []
    for argument in arguments[:2]:
        try:
            value = constant(argument)
        except NotConstant:
            value = None
        values.append(None if value is None else str(value))
    name, value = (*values, None, None)[:2]
    _sets(UNKNOWN_SETTING if name is None else name.lower(), value, draft)


def _sets(name: str, value: str | None, draft: Draft) -> None:
    """Two values for one setting in a statement are none that is known: which is the later is PostgreSQL's to say."""
    draft.settings[name] = value if draft.settings.get(name, value) == value else None


def analyzes(node: Node) -> bool:
    """Whether an EXPLAIN runs what it explains; the last of several ANALYZE options counts."""
    found = False
    for item in node.get("options", []):
        choice = tag_of(item)[1]
        if choice.get("defname", "").lower() == "analyze":
            tag, value = tag_of(choice.get("arg", {}))
            word = str(next(iter(value.values()), "0")).lower() if tag else "on"
            found = word not in ("off", "false", "0")
    return found


def body(node: Node) -> tuple[str, list[str]]:
    """The language and the texts of a DO, a function or a procedure."""
    language = "sql" if "funcname" in node else "plpgsql"
    texts: list[str] = []
    for item in node.get("options" if "funcname" in node else "args", []):
        choice = tag_of(item)[1]
        tag, value = tag_of(choice.get("arg", {}))
        if choice.get("defname") == "language":
            language = value.get("sval", "").lower()
        elif choice.get("defname") == "as":
            texts = strings(value.get("items", [])) if tag == "List" else [value.get("sval", "")]
    return language, texts
