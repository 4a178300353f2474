"""What each kind of node in PostgreSQL's syntax tree does: its verb, and what it does it to."""

import re

from hoopaddon.adapters.postgres.sql.syntax import Node

VERBS = {
    "AlterCollationStmt": "alter",
    "AlterDatabaseRefreshCollStmt": "alter",
    "AlterDatabaseSetStmt": "alter",
    "AlterDatabaseStmt": "alter",
    "AlterDefaultPrivilegesStmt": "alter",
    "AlterDomainStmt": "alter",
    "AlterEnumStmt": "alter",
    "AlterEventTrigStmt": "alter",
    "AlterExtensionContentsStmt": "alter",
    "AlterExtensionStmt": "alter",
    "AlterFdwStmt": "alter",
    "AlterForeignServerStmt": "alter",
    "AlterFunctionStmt": "alter",
    "AlterObjectDependsStmt": "alter",
    "AlterObjectSchemaStmt": "alter",
    "AlterOpFamilyStmt": "alter",
    "AlterOperatorStmt": "alter",
    "AlterOwnerStmt": "alter",
    "AlterPolicyStmt": "alter",
    "AlterPublicationStmt": "alter",
    "AlterRoleSetStmt": "alter",
    "AlterRoleStmt": "alter",
    "AlterSeqStmt": "alter",
    "AlterStatsStmt": "alter",
    "AlterSubscriptionStmt": "alter",
    "AlterSystemStmt": "alter",
    "AlterTSConfigurationStmt": "alter",
    "AlterTSDictionaryStmt": "alter",
    "AlterTableMoveAllStmt": "alter",
    "AlterTableSpaceOptionsStmt": "alter",
    "AlterTableStmt": "alter",
    "AlterTypeStmt": "alter",
    "AlterUserMappingStmt": "alter",
    "CallStmt": "call",
    "CheckPointStmt": "checkpoint",
    "ClosePortalStmt": "close",
    "ClusterStmt": "cluster",
    "CommentStmt": "comment",
    "CompositeTypeStmt": "create",
    "ConstraintsSetStmt": "set",
    "CopyStmt": "copy",
    "CreateAmStmt": "create",
    "CreateCastStmt": "create",
    "CreateConversionStmt": "create",
    "CreateDomainStmt": "create",
    "CreateEnumStmt": "create",
    "CreateEventTrigStmt": "create",
    "CreateExtensionStmt": "create",
    "CreateFdwStmt": "create",
    "CreateForeignServerStmt": "create",
    "CreateForeignTableStmt": "create",
    "CreateFunctionStmt": "create",
    "CreateOpClassStmt": "create",
    "CreateOpFamilyStmt": "create",
    "CreatePLangStmt": "create",
    "CreatePolicyStmt": "create",
    "CreatePublicationStmt": "create",
    "CreateRangeStmt": "create",
    "CreateRoleStmt": "create",
    "CreateSchemaStmt": "create",
    "CreateSeqStmt": "create",
    "CreateStatsStmt": "create",
    "CreateStmt": "create",
    "CreateSubscriptionStmt": "create",
    "CreateTableAsStmt": "create",
    "CreateTableSpaceStmt": "create",
    "CreateTransformStmt": "create",
    "CreateTrigStmt": "create",
    "CreateUserMappingStmt": "create",
    "CreatedbStmt": "create",
    "DeallocateStmt": "deallocate",
    "DeclareCursorStmt": "declare",
    "DefineStmt": "create",
    "DeleteStmt": "delete",
    "DiscardStmt": "discard",
    "DoStmt": "do",
    "DropOwnedStmt": "drop",
    "DropRoleStmt": "drop",
    "DropStmt": "drop",
    "DropSubscriptionStmt": "drop",
    "DropTableSpaceStmt": "drop",
    "DropUserMappingStmt": "drop",
    "DropdbStmt": "drop",
    "ExecuteStmt": "execute",
    "ExplainStmt": "explain",
    "FetchStmt": "fetch",
    "GrantRoleStmt": "grant",
    "GrantStmt": "grant",
    "ImportForeignSchemaStmt": "import",
    "IndexStmt": "create",
    "InsertStmt": "insert",
    "ListenStmt": "listen",
    "LoadStmt": "load",
    "LockStmt": "lock",
    "MergeStmt": "merge",
    "NotifyStmt": "notify",
    "PrepareStmt": "prepare",
    "ReassignOwnedStmt": "reassign",
    "RefreshMatViewStmt": "refresh",
    "ReindexStmt": "reindex",
    "RenameStmt": "alter",
    "RuleStmt": "create",
    "SecLabelStmt": "security label",
    "SelectStmt": "select",
    "TransactionStmt": "transaction",
    "TruncateStmt": "truncate",
    "UnlistenStmt": "unlisten",
    "UpdateStmt": "update",
    "VacuumStmt": "vacuum",
    "VariableSetStmt": "set",
    "VariableShowStmt": "show",
    "ViewStmt": "create",
}

KINDS = {
    "AlterDatabaseRefreshCollStmt": "database",
    "AlterDatabaseSetStmt": "database",
    "AlterDatabaseStmt": "database",
    "AlterDefaultPrivilegesStmt": "default privileges",
    "AlterDomainStmt": "domain",
    "AlterEnumStmt": "type",
    "AlterEventTrigStmt": "event trigger",
    "AlterExtensionContentsStmt": "extension",
    "AlterExtensionStmt": "extension",
    "AlterFdwStmt": "foreign data wrapper",
    "AlterForeignServerStmt": "foreign server",
    "AlterOperatorStmt": "operator",
    "AlterPolicyStmt": "policy",
    "AlterPublicationStmt": "publication",
    "AlterRoleSetStmt": "role",
    "AlterRoleStmt": "role",
    "AlterSeqStmt": "sequence",
    "AlterSubscriptionStmt": "subscription",
    "AlterSystemStmt": "system",
    "AlterTypeStmt": "type",
    "AlterUserMappingStmt": "user mapping",
    "CompositeTypeStmt": "type",
    "ConstraintsSetStmt": "constraint",
    "CreateAmStmt": "access method",
    "CreateCastStmt": "cast",
    "CreateConversionStmt": "conversion",
    "CreateDomainStmt": "domain",
    "CreateEnumStmt": "type",
    "CreateEventTrigStmt": "event trigger",
    "CreateExtensionStmt": "extension",
    "CreateFdwStmt": "foreign data wrapper",
    "CreateForeignServerStmt": "foreign server",
    "CreateForeignTableStmt": "foreign table",
    "CreateFunctionStmt": "function",
    "CreateOpClassStmt": "operator class",
    "CreateOpFamilyStmt": "operator family",
    "CreatePLangStmt": "language",
    "CreatePolicyStmt": "policy",
    "CreatePublicationStmt": "publication",
    "CreateRangeStmt": "type",
    "CreateRoleStmt": "role",
    "CreateSchemaStmt": "schema",
    "CreateSeqStmt": "sequence",
    "CreateStatsStmt": "statistics",
    "CreateStmt": "table",
    "CreateSubscriptionStmt": "subscription",
    "CreateTableSpaceStmt": "tablespace",
    "CreateTransformStmt": "transform",
    "CreateTrigStmt": "trigger",
    "CreateUserMappingStmt": "user mapping",
    "CreatedbStmt": "database",
    "DropOwnedStmt": "owned",
    "DropRoleStmt": "role",
    "DropSubscriptionStmt": "subscription",
    "DropTableSpaceStmt": "tablespace",
    "DropUserMappingStmt": "user mapping",
    "DropdbStmt": "database",
    "GrantRoleStmt": "role",
    "ImportForeignSchemaStmt": "schema",
    "IndexStmt": "index",
    "ReassignOwnedStmt": "owned",
    "RuleStmt": "rule",
    "ViewStmt": "view",
}

_TRANSACTION_VERBS = {
    "TRANS_STMT_BEGIN": "begin",
    "TRANS_STMT_START": "begin",
    "TRANS_STMT_COMMIT": "commit",
    "TRANS_STMT_COMMIT_PREPARED": "commit",
    "TRANS_STMT_ROLLBACK": "rollback",
    "TRANS_STMT_ROLLBACK_TO": "rollback",
    "TRANS_STMT_ROLLBACK_PREPARED": "rollback",
    "TRANS_STMT_SAVEPOINT": "savepoint",
    "TRANS_STMT_RELEASE": "release",
    "TRANS_STMT_PREPARE": "prepare",
}

# The field in which a node that serves many kinds of object says which one it is about.
_KIND_FIELDS = ("objtype", "removeType", "renameType", "objectType", "kind")

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_statement(tag: str) -> bool:
    """Whether a node of this tag is a statement; one that a newer PostgreSQL has and this table lacks is too."""
    return tag in VERBS or (tag.endswith("Stmt") and tag not in ("ReturnStmt", "PLAssignStmt", "RawStmt"))


def verb(tag: str, node: Node) -> str:
    """The statement's verb in lower case: the first word of PostgreSQL's command tag for it."""
    match tag:
        case "TransactionStmt":
            return _TRANSACTION_VERBS.get(node.get("kind", ""), "transaction")
        case "GrantStmt" | "GrantRoleStmt" if not node.get("is_grant"):
            return "revoke"
        case "VariableSetStmt" if str(node.get("kind", "")).startswith("VAR_RESET"):
            return "reset"
        case "FetchStmt" if node.get("ismove"):
            return "move"
        case "VacuumStmt" if not node.get("is_vacuumcmd"):
            return "analyze"
    return VERBS.get(tag) or words(tag.removesuffix("Stmt"))


def kind(tag: str, node: Node) -> str:
    """What a statement of DDL is about: `table`, `role`, `materialized view` …; empty for the others."""
    if tag == "CreateFunctionStmt" and node.get("is_procedure"):
        return "procedure"
    if known := KINDS.get(tag):
        return known
    for field in _KIND_FIELDS:
        value = node.get(field)
        if isinstance(value, str) and value.startswith("OBJECT_"):
            name = value.removeprefix("OBJECT_").replace("_", " ").lower()
            return "materialized view" if name == "matview" else name
    return ""


def words(camel: str) -> str:
    """`AT_DropColumn` as `drop column`."""
    return _CAMEL.sub(" ", camel.removeprefix("AT_")).lower()
