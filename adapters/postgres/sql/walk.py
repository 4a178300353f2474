"""Walks the syntax tree of a command and writes down every statement in it.

The walk goes by the shape of what it meets, not by a list of the places where something can stand: a function call
is one wherever it is found, so that a clause which nobody thought of is seen as well.
"""

from collections.abc import Callable
from typing import Any

from hoopaddon.adapters.postgres.sql import definitions, plpgsql
from hoopaddon.adapters.postgres.sql.expression import (
    NotConstant,
    Ranges,
    constant,
    ranges_of,
    strings,
    tag_of,
    whole_table,
)
from hoopaddon.adapters.postgres.sql.scope import Scope
from hoopaddon.adapters.postgres.sql.statement import Draft, qualified
from hoopaddon.adapters.postgres.sql.syntax import Node, parse, source
from hoopaddon.adapters.postgres.sql.verbs import is_statement, kind, verb
from hoopaddon.adapters.postgres.sql.where import tells_rows_apart
from hoopaddon.errors import Unparsable

MAX_NESTING = 16
"""How deep text within text (a DO within an EXECUTE within a function …) is followed; beyond it is opaque."""
MAX_FRAGMENTS = 20_000
"""How many pieces of text within a command are read; a command with more of them is opaque."""

type Frame = tuple[Any, Draft, Scope]

_NO_CTES = Scope()
_LEAVES = frozenset({"A_Const", "ParamRef", "String", "A_Star"})
_TARGET_FIELDS = frozenset({"relation", "relations", "rel", "sequence", "view"})
_DEFINES = frozenset({"options", "sql_body"})
"""Fields of CREATE FUNCTION, whose `funcname` is no call."""
_READS_ITS_TABLE = frozenset({"select", "copy", "comment", "create", "explain", "declare"})


class Walker:
    """One walk over one command's text. `drafts` are in the order found, an outer statement before its inner ones."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.executes: set[str] = set()
        """Names of prepared statements that are executed."""
        self.constants_read = False
        self._fragments = 0
        self._nesting = 0
        self._source: Callable[[], str] = str
        self._stack: list[Frame] = []

    def command(self, text: str) -> None:
        """Read a command's text. Raises `Unparsable`."""
        self._statements(text, None)

    def _statements(self, text: str, parent: Draft | None) -> None:
        for raw in parse(text):
            self._source = lambda raw=raw: source(text, raw)  # type: ignore[misc]
            self._stack = []
            tag, node = tag_of(raw.get("stmt", {}))
            self._statement(tag, node, parent, _NO_CTES)
            self._run()

    def _run(self) -> None:
        stack = self._stack
        while stack:
            node, draft, ctes = stack.pop()
            if type(node) is list:
                stack += [
                    (item, draft, ctes)
                    for item in reversed(node)
                    if type(item) is dict and next(iter(item), "A_Const") not in _LEAVES
                ]
            else:
                self._node(node, draft, ctes)

    def _node(self, node: Node, draft: Draft, ctes: Scope) -> None:
        """Any part of the tree: note what it is by its shape, and go on to its parts."""
        if "relname" in node:
            self._table(node, draft, ctes)
        elif "funcname" in node:
            self._function(node, draft)
        elif "defname" in node:
            definitions.option(node, draft)
        elif "roletype" in node:
            draft.roles.add(node.get("rolename") or node["roletype"].removeprefix("ROLESPEC_").lower())
        elif "objname" in node and draft.verb == "create":
            draft.functions |= _names(node["objname"])
        elif "withClause" in node:
            ctes = self._with(node["withClause"], draft, ctes)
        for tag, part in node.items():
            if type(part) is list:
                self._stack.append((part, draft, ctes))
            elif type(part) is dict and tag not in _LEAVES:
                self._part(tag, part, draft, ctes)

    def _part(self, tag: str, part: Node, draft: Draft, ctes: Scope) -> None:
        if tag == "ColumnRef":
            fields = strings(part.get("fields", []))
            if len(fields) > 1:
                draft.attributes.add(fields[-1])
        elif tag == "A_Indirection":
            draft.attributes |= set(strings(part.get("indirection", []))) - {"", "*"}
            self._stack.append((part, draft, ctes))
        elif tag == "withClause":
            pass
        elif tag.endswith("Stmt") and is_statement(tag):
            self._statement(tag, part, draft, ctes)
        else:
            self._stack.append((part, draft, ctes))

    def _with(self, clause: Node, draft: Draft, ctes: Scope) -> Scope:
        within = ctes.within(clause)
        self._stack += [(cte, draft, seen) for cte, seen in within.ctes()]
        return within

    def _table(self, node: Node, draft: Draft, ctes: Scope) -> None:
        if ctes.query(node) is None:
            draft.tables.add(_table_name(node))

    def _function(self, node: Node, draft: Draft) -> None:
        if _DEFINES & node.keys():
            return
        names = _names(node["funcname"])
        draft.functions |= names
        if "set_config" in names:
            self.constants_read = True
            definitions.set_config(node.get("args", []), draft)

    # -- statements

    def _statement(self, tag: str, node: Node, parent: Draft | None, ctes: Scope) -> None:
        draft = Draft(verb(tag, node), kind(tag, node))
        if parent is not None:
            draft.explained = parent.explained
            draft.prepared_as = parent.prepared_as
        self.drafts.append(draft)
        self._targets(node, draft)
        definitions.names(tag, node, draft)
        if handler := _HANDLERS.get(tag):
            handler(self, node, draft, ctes)
        self._stack.append((node, draft, ctes))

    def _targets(self, node: Node, draft: Draft) -> None:
        """What the statement changes. It is a table even where a CTE has its name."""
        if draft.verb in _READS_ITS_TABLE and not (draft.verb == "copy" and node.get("is_from")):
            return
        for field in _TARGET_FIELDS & node.keys():
            found = node[field]
            for item in found if isinstance(found, list) else [{"": found}]:
                target = tag_of(item)[1]
                if "relname" in target:
                    draft.tables.add(_table_name(target))
                    draft.writes.add(_table_name(target))

    def _beside(self, draft: Draft, verb: str, *, every_row: bool = False, kind: str = "") -> None:
        """A statement that this one includes without spelling it as one."""
        twin = Draft(verb, kind, set(draft.writes), set(draft.writes))
        twin.every_row, twin.explained, twin.prepared_as = every_row, draft.explained, draft.prepared_as
        self.drafts.append(twin)

    def _ranges(self, node: Node, beside: list[Node], ctes: Scope) -> Ranges:
        visible = ctes.within(node["withClause"]) if "withClause" in node else ctes
        relation = node.get("relation", {})
        table = relation.get("relname", "")
        target = relation.get("alias", {}).get("aliasname") or table
        return Ranges(frozenset({target}), table, dict(ranges_of(beside, visible)), visible)

    def _change(self, node: Node, draft: Draft, ctes: Scope) -> None:
        """UPDATE and DELETE."""
        ranges = self._ranges(node, node.get("usingClause") or node.get("fromClause") or [], ctes)
        draft.every_row = not tells_rows_apart(node.get("whereClause"), ranges)
        self.constants_read |= ranges.constants_read

    def _merge(self, node: Node, draft: Draft, ctes: Scope) -> None:
        ranges = self._ranges(node, [node.get("sourceRelation", {})], ctes)
        joined = tells_rows_apart(node.get("joinCondition"), ranges)
        for item in node.get("mergeWhenClauses", []):
            clause = tag_of(item)[1]
            action = clause.get("commandType", "").removeprefix("CMD_").lower()
            if action not in ("insert", "update", "delete"):
                continue
            matched = clause.get("matchKind") != "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" and joined
            effective = action == "insert" or matched or tells_rows_apart(clause.get("condition"), ranges)
            self._beside(draft, action, every_row=not effective)
        self.constants_read = True

    def _insert(self, node: Node, draft: Draft, ctes: Scope) -> None:
        tag, select = tag_of(node.get("selectStmt", {}))
        conflict = node.get("onConflictClause", {})
        if conflict.get("action") == "ONCONFLICT_UPDATE":
            self._beside(draft, "update", every_row=self._copies_itself(node, select, conflict, ctes))
        if "valuesLists" in select and tag == "SelectStmt":
            # VALUES of an INSERT are no statement.
            ctes = self._with(select["withClause"], draft, ctes) if "withClause" in select else ctes
            self._stack.append(({"values": select["valuesLists"]}, draft, ctes))
            node.pop("selectStmt")

    def _copies_itself(self, node: Node, select: Node, conflict: Node, ctes: Scope) -> bool:
        """Whether `INSERT INTO t SELECT … FROM t ON CONFLICT … DO UPDATE` meets every row of t."""
        ranges = self._ranges(node, [], ctes)
        everything = {key: value for key, value in select.items() if key != "whereClause"}
        if whole_table(everything, ranges.ctes) != ranges.table:
            return False
        self.constants_read = True
        return not any(tells_rows_apart(part.get("whereClause"), ranges) for part in (select, conflict))

    def _select(self, node: Node, draft: Draft, ctes: Scope) -> None:
        if "lockingClause" in node:
            draft.clauses.add("lock rows")
        into = node.get("intoClause", {}).get("rel")
        if into:
            draft.writes.add(_table_name(into))
            self._beside(draft, "create", kind="table")

    def _create_as(self, node: Node, draft: Draft, ctes: Scope) -> None:
        draft.writes.add(_table_name(node.get("into", {}).get("rel", {"relname": ""})))

    def _explain(self, node: Node, draft: Draft, ctes: Scope) -> None:
        inner = Draft(draft.verb, prepared_as=draft.prepared_as)
        inner.explained = draft.explained or not definitions.analyzes(node)
        tag, query = tag_of(node.pop("query", {}))
        self._statement(tag, query, inner, ctes)

    def _prepare(self, node: Node, draft: Draft, ctes: Scope) -> None:
        inner = Draft(draft.verb, prepared_as=node.get("name", ""))
        inner.explained = draft.explained
        tag, query = tag_of(node.pop("query", {}))
        self._statement(tag, query, inner, ctes)

    def _execute(self, node: Node, draft: Draft, ctes: Scope) -> None:
        self.executes.add(node.get("name", ""))

    def _default_privileges(self, node: Node, draft: Draft, ctes: Scope) -> None:
        if "action" in node:
            self._statement("GrantStmt", node.pop("action"), draft, ctes)

    # -- text within text

    def _body(self, node: Node, draft: Draft, ctes: Scope) -> None:
        """The body of DO, CREATE FUNCTION and CREATE PROCEDURE."""
        self.constants_read = True
        language, texts = definitions.body(node)
        if not texts:
            draft.opaque |= "sql_body" not in node
        elif language == "sql":
            self._text(texts[0], draft)
        elif language == "plpgsql":
            self._plpgsql(self._source(), draft)
        else:
            draft.opaque = True

    def _plpgsql(self, text: str, draft: Draft) -> None:
        try:
            for fragment in plpgsql.fragments(text):
                if fragment.is_statement:
                    self._text(fragment.text, draft)
                else:
                    self._expression(fragment, draft)
        except plpgsql.Unreadable:
            draft.opaque = True

    def _text(self, text: str, draft: Draft) -> None:
        """Statements in a string."""
        outer = self._stack, self._source
        self._fragments += 1
        self._nesting += 1
        try:
            if self._nesting > MAX_NESTING or self._fragments > MAX_FRAGMENTS:
                draft.opaque = True
            else:
                self._statements(text, draft)
        except Unparsable:
            draft.opaque = True
        finally:
            self._nesting -= 1
            self._stack, self._source = outer

    def _expression(self, fragment: plpgsql.Fragment, draft: Draft) -> None:
        """An expression of PL/pgSQL: what it calls, and, where it is run, the statement that it is."""
        self._fragments += 1
        try:
            if self._fragments > MAX_FRAGMENTS:
                raise plpgsql.Unreadable
            (raw,) = parse(fragment.text)
            select = raw["stmt"]["SelectStmt"]
        except (Unparsable, ValueError, KeyError):
            raise plpgsql.Unreadable from None
        outer = self._stack
        self._stack = [(select, draft, _NO_CTES)]
        self._run()
        self._stack = outer
        if fragment.dynamic:
            try:
                (target,) = select.get("targetList", [])
                statement = constant(tag_of(target)[1].get("val", {}))
                if not isinstance(statement, str) or "fromClause" in select:
                    raise NotConstant
            except (NotConstant, ValueError):
                draft.dynamic = True
            else:
                self._text(statement, draft)


def _names(parts: list[Node]) -> set[str]:
    """A function's bare name, and the qualified one where it is written so."""
    written = strings(parts)
    return {qualified(written[-1:]), qualified(written)} if written else set()


def _table_name(node: Node) -> str:
    name = node["relname"]
    return qualified((node["schemaname"], name) if "schemaname" in node else (name,))


_HANDLERS: dict[str, Callable[[Walker, Node, Draft, Scope], None]] = {
    "AlterDefaultPrivilegesStmt": Walker._default_privileges,
    "CreateFunctionStmt": Walker._body,
    "CreateTableAsStmt": Walker._create_as,
    "DeleteStmt": Walker._change,
    "DoStmt": Walker._body,
    "ExecuteStmt": Walker._execute,
    "ExplainStmt": Walker._explain,
    "InsertStmt": Walker._insert,
    "MergeStmt": Walker._merge,
    "PrepareStmt": Walker._prepare,
    "SelectStmt": Walker._select,
    "UpdateStmt": Walker._change,
}
