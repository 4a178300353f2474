"""Statements and command lines that a request hands on, at the endpoints of products that are known to run them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hoopaddon.adapter import adapters
from hoopaddon.adapters.http.names import values_of
from hoopaddon.command import Command
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session

if TYPE_CHECKING:
    from hoopaddon.adapters.http.facts import HttpFacts

MOST_WITHIN = 64


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where text is run: under which names it is, and whether the body as a whole is."""

    product: str
    path: str
    names: str
    protocol: str = "postgres"
    is_body: bool = False


# What a product's SQL has beyond PostgreSQL's is for the policy to judge: such text is there, and cannot be read.
ENDPOINTS = (
    Endpoint("ClickHouse", r"(?:/clickhouse[^/]*)?/", "query", is_body=True),
    Endpoint("Trino, Presto", r"/v1/statement", "", is_body=True),
    Endpoint("Hasura", r"/v[12]/(?:query|metadata)", "sql"),
    Endpoint("Supabase", r"(?:/.*)?/(?:database|pg)/query|/v1/projects/[^/]+/database/query", "query"),
    Endpoint("PostgREST", r"(?:/.*)?/rpc/[^/]*(?:sql|query|exec)[^/]*", "sql query statement q"),
    Endpoint("Neon", r"/sql", "query"),
    Endpoint("Elasticsearch", r"(?:/.*)?/_(?:sql|plugins/_sql|opendistro/_sql)", "query"),
    Endpoint("Druid", r"/druid/v2/sql", "query"),
    Endpoint("InfluxDB", r"/query", "q"),
    Endpoint("InfluxDB", r"/api/v[23]/query(?:_sql|_influxql)?", "query q"),
    Endpoint("QuestDB", r"/exec", "query"),
    Endpoint("Databricks", r"/api/2\.[01]/sql/statements", "statement"),
    Endpoint("Snowflake", r"/api/v2/statements", "statement"),
    Endpoint("BigQuery", r"(?:/bigquery)?/v2/projects/[^/]+/(?:queries|jobs)", "query"),
    Endpoint("D1", r"(?:/.*)?/d1/database/[^/]+/(?:query|raw)", "sql"),
    Endpoint("libSQL", r"/v[23]/pipeline", "sql"),
    Endpoint("CockroachDB", r"/api/v2/sql", "sql"),
    Endpoint("ksqlDB", r"/(?:ksql|query|query-stream)", "ksql sql"),
    Endpoint("Metabase", r"/api/dataset", "query"),
    Endpoint("Superset", r"/api/v1/sqllab/execute", "sql"),
    Endpoint("Grafana", r"/api/ds/query", "rawSql"),
    Endpoint("Docker", r"(?:/v1\.\d+)?/containers/[^/]+/exec", "Cmd", "ssh"),
    Endpoint("Docker", r"(?:/v1\.\d+)?/containers/create", "Cmd Entrypoint", "ssh"),
)
_SQL = re.compile(
    r"(?is)(?>\s|--[^\n]*\n|\#[^\n]*\n|/\*.*?\*/|[(;\ufeff])*+(?:select|insert|update|delete|drop|undrop|truncate|alter"
    r"|create|replace|grant|revoke|with|from|rename|exchange|detach|attach|move|kill|system|optimize|set|use|show|desc"
    r"|describe|explain|exists|check|call|merge|execute|prepare|deallocate|reset|refresh|analyze|comment|start|commit"
    r"|rollback|values|table|deny|backup|restore|watch|parallel)\b"
)
_TABLE = tuple((endpoint, re.compile(rf"{endpoint.path}/?", re.IGNORECASE)) for endpoint in ENDPOINTS)
_ANY = re.compile("|".join(f"(?:{endpoint.path})/?" for endpoint in ENDPOINTS), re.IGNORECASE)


def commands_within(session: Session, facts: "HttpFacts") -> tuple[Command, ...]:
    """Each as the command of its own protocol that it would be. Raises `Unparsable` for too many."""
    paths = {path for _, path in facts.calls if _ANY.fullmatch(path)}
    if not paths:
        return ()
    texts = dict.fromkeys(
        (endpoint.protocol, text)
        for endpoint, pattern in _TABLE
        if any(pattern.fullmatch(path) for path in paths)
        for text in _texts(endpoint, facts)
    )
    if len(texts) > MOST_WITHIN:
        raise Unparsable(f"a request with more than {MOST_WITHIN} statements")
    # Numbers of commands are those of the session's own.
    apart = replace(session, vars={}, commands=session.commands)
    installed = adapters()
    return tuple(installed[name].command(apart, text) for name, text in texts if name in installed)


def _texts(endpoint: Endpoint, facts: "HttpFacts") -> Iterator[str]:
    for name in endpoint.names.split():
        for value in values_of(name, facts.carried):
            yield from _text(value)
    if endpoint.is_body:
        # By default curl calls everything a form.
        yield from _text(facts.text if _SQL.match(facts.text) else "")


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        yield shlex.join(value)
