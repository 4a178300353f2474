"""Requests that hide something from whoever reads them in one way only."""

import base64
import gzip
import json
import zlib
from dataclasses import dataclass, field

import brotli
import zstandard

from tests.adapters.http.requests import FORM, JSON

MULTIPART = "multipart/form-data; boundary=x"
TEXT = "text/plain"
AMOUNT = b'{"amount": 900}'


@dataclass(frozen=True)
class Evasion:
    """A request; `seen` is what it hides where it is not refused for being unreadable, which empty means."""

    name: str
    line: str
    body: bytes = b""
    media: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    refused: bool = False

    def __str__(self) -> str:
        return self.name


def part(name: str, content: str, *head: str) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"', *head, "", content]
    return ("--x\r\n" + "\r\n".join(lines) + "\r\n").encode()


END = b"--x--\r\n"
REFUND = "POST /refunds"

# Each asks for an amount of 900.
AMOUNTS = [
    Evasion("as it should be", REFUND, AMOUNT, JSON),
    Evasion("gzip", REFUND, gzip.compress(AMOUNT), JSON, {"Content-Encoding": "gzip"}),
    Evasion("x-gzip", REFUND, gzip.compress(AMOUNT), JSON, {"content-encoding": "X-GZIP"}),
    Evasion("deflate", REFUND, zlib.compress(AMOUNT), JSON, {"Content-Encoding": "deflate"}),
    Evasion("deflate without a header", REFUND, zlib.compress(AMOUNT)[2:-4], JSON, {"Content-Encoding": "deflate"}),
    Evasion("br", REFUND, brotli.compress(AMOUNT), JSON, {"Content-Encoding": "br"}),
    Evasion("zstd", REFUND, zstandard.compress(AMOUNT), JSON, {"Content-Encoding": "zstd"}),
    Evasion(
        "stacked codings", REFUND, brotli.compress(gzip.compress(AMOUNT)), JSON, {"Content-Encoding": "gzip, br"}
    ),
    Evasion("gzip that is none", REFUND, AMOUNT, JSON, {"Content-Encoding": "gzip"}, refused=True),
    Evasion("gzip that does not say so", REFUND, gzip.compress(AMOUNT), JSON, refused=True),
    Evasion(
        "a second member",
        REFUND,
        gzip.compress(b'{"amount": 1}') + gzip.compress(AMOUNT),
        JSON,
        {"Content-Encoding": "gzip"},
        refused=True,
    ),
    Evasion("a coding that nobody knows", REFUND, AMOUNT, JSON, {"Content-Encoding": "rot13"}, refused=True),
    Evasion(
        "codings in two fields",
        REFUND,
        AMOUNT,
        JSON,
        {"Content-Encoding": "gzip", "content-encoding": "br"},
        refused=True,
    ),
    Evasion("a name twice", REFUND, b'{"amount": 1, "amount": 900}', JSON, refused=True),
    Evasion("a name twice, escaped", REFUND, b'{"amount": 1, "\\u0061mount": 900}', JSON, refused=True),
    Evasion("a name twice, deep", REFUND, b'{"r": [{"amount": 1, "amount": 900}]}', JSON, refused=True),
    Evasion("a name in another case", REFUND, b'{"amount": 1, "AMOUNT": 900}', JSON),
    Evasion("a name that folds", REFUND, '{"amount": 1, "Amount": 900, "ſ": 1}'.encode(), JSON),
    Evasion("an escaped name", REFUND, b'{"\\u0061\\u006dount": 900}', JSON),
    Evasion("a name cut by NUL", REFUND, b'{"amount\\u0000x": 900}', JSON, refused=True),
    Evasion("a comment", REFUND, b'{/* "amount": 1 */ "amount": 900}', JSON, refused=True),
    Evasion("more behind the end", REFUND, b'{"amount": 1} {"amount": 900}', JSON, refused=True),
    Evasion("a byte order mark", REFUND, b"\xef\xbb\xbf" + AMOUNT, JSON),
    Evasion("UTF-16 with a mark", REFUND, AMOUNT.decode().encode("utf-16"), JSON),
    Evasion("UTF-16 without a mark", REFUND, AMOUNT.decode().encode("utf-16-le"), JSON, refused=True),
    Evasion("UTF-16 that no type tells of", REFUND, AMOUNT.decode().encode("utf-16-be"), "", refused=True),
    Evasion("a charset that lies", REFUND, AMOUNT, "application/json; charset=utf-16", refused=True),
    Evasion("UTF-7", REFUND, b"+AHs-", "application/json; charset=utf-7", refused=True),
    Evasion("EBCDIC", REFUND, AMOUNT.decode().encode("cp037"), "application/json; charset=cp037", refused=True),
    Evasion("two charsets", REFUND, AMOUNT, "application/json; charset=utf-8; charset=utf-16", refused=True),
    Evasion("overlong UTF-8", REFUND, b'{"\xc1\xa1mount": 900}', JSON, refused=True),
    Evasion("no type", REFUND, AMOUNT),
    Evasion("a type for text", REFUND, AMOUNT, TEXT),
    Evasion("a type for forms", REFUND, AMOUNT, FORM),
    Evasion("a type for bytes", REFUND, AMOUNT, "application/octet-stream"),
    Evasion("a type for images", REFUND, AMOUNT, "image/png"),
    Evasion("a type of one's own", REFUND, b"\n " + AMOUNT, "application/x-refund"),
    Evasion("a type for XML", REFUND, AMOUNT, "application/xml", refused=True),
    Evasion("a type for multipart", REFUND, AMOUNT, MULTIPART, refused=True),
    Evasion("a type for gRPC", REFUND, AMOUNT, "application/grpc", refused=True),
    Evasion("a type that is none", REFUND, AMOUNT, "json", refused=True),
    Evasion("types in two fields", REFUND, AMOUNT, JSON, {"content-type": TEXT}, refused=True),
    Evasion("a form under JSON's type", REFUND, b"amount=900", JSON, refused=True),
    Evasion("a form under no type", REFUND, b"amount=900"),
    Evasion("a form under text's type", REFUND, b"id=1&amount=900", TEXT),
    Evasion("a form's name twice", REFUND, b"amount=1&amount=900", FORM),
    Evasion("a form's name escaped", REFUND, b"%61mount=%39%30%30", FORM),
    Evasion("a form by semicolons", REFUND, b"id=1;amount=900", FORM),
    Evasion("a query by semicolons", "POST /refunds?id=1;amount=900"),
    Evasion("a form's nested name", REFUND, b"refund[amount]=900", FORM),
    Evasion("a form's list", REFUND, b"amount[]=1&amount[]=900", FORM),
    Evasion("JSON in a form", REFUND, b"payload=%7B%22amount%22%3A900%7D", FORM),
    Evasion("ambiguous JSON in a form", REFUND, b'payload={"amount":1,"amount":900}', FORM, refused=True),
    Evasion("in the query", "POST /refunds?amount=900", b'{"amount": 1}', JSON),
    Evasion("in the query twice", "GET /refunds?amount=1&amount=900"),
    Evasion("JSON by lines", REFUND, b'{"amount": 1}\n{"amount": 900}\n', "application/x-ndjson"),
    Evasion("JSON by lines that do not say so", REFUND, b'{"amount": 1}\n{"amount": 900}\n', TEXT),
    Evasion("a field of a multipart", REFUND, part("amount", "900") + END, MULTIPART),
    Evasion("a field of a multipart twice", REFUND, part("amount", "1") + part("amount", "900") + END, MULTIPART),
    Evasion("JSON in a multipart", REFUND, part("x", AMOUNT.decode()) + END, MULTIPART),
    Evasion("JSON in a file", REFUND, part("x", AMOUNT.decode(), "Content-Type: application/json") + END, MULTIPART),
    Evasion(
        "base64 in a multipart",
        REFUND,
        part("amount", base64.b64encode(b"900").decode(), "Content-Transfer-Encoding: base64") + END,
        MULTIPART,
        refused=True,
    ),
    Evasion(
        "two boundaries",
        REFUND,
        part("amount", "900") + END,
        "multipart/form-data; boundary=y; boundary=x",
        refused=True,
    ),
    Evasion("before the first boundary", REFUND, b"amount=900\r\n" + part("id", "1") + END, MULTIPART, refused=True),
    Evasion(
        "behind the last boundary",
        REFUND,
        part("id", "1") + END + part("amount", "900") + END,
        MULTIPART,
        refused=True,
    ),
    Evasion(
        "bare line feeds", REFUND, (part("amount", "900") + END).replace(b"\r\n", b"\n"), MULTIPART, refused=True
    ),
    Evasion("a batch that carries it", "POST /$batch", b'{"requests": [{"id": 1, "body": {"amount": 900}}]}', JSON),
    Evasion(
        "a request in a multipart",
        "POST /batch",
        b"--x\r\nContent-Type: application/http\r\n\r\nPOST /refunds HTTP/1.1\r\nContent-Type: x/y\r\n\r\n"
        + AMOUNT
        + b"\r\n--x--",
        "multipart/mixed; boundary=x",
    ),
    Evasion("XML", REFUND, b"<refund><Amount>900</Amount></refund>", "application/xml"),
    Evasion("XML's attribute", REFUND, b"<refund amount='900'/>", "text/xml"),
    Evasion("XML under no type", REFUND, b"<r:refund xmlns:r='x'><r:amount>900</r:amount></r:refund>"),
    Evasion("XML with a comment", REFUND, b"<amount>9<!-- -->00</amount>", "application/xml"),
    Evasion("XML with a section", REFUND, b"<amount><![CDATA[900]]></amount>", "application/xml"),
    Evasion("XML's reference", REFUND, b"<amount>&#57;00</amount>", "application/xml"),
    Evasion(
        "XML's entity", REFUND, b'<!DOCTYPE a [<!ENTITY b "900">]><amount>&b;</amount>', "text/xml", refused=True
    ),
    Evasion(
        "XML's entity under no type", REFUND, b'<!DOCTYPE a [<!ENTITY b "900">]><amount>&b;</amount>', refused=True
    ),
    Evasion("GraphQL's argument", "POST /graphql", b'{"query": "mutation { refund(amount: 900) { id } }"}', JSON),
    Evasion(
        "GraphQL's alias",
        "POST /graphql",
        b'{"query": "mutation { a: refund(amount: 1) b: refund(amount: 900) }"}',
        JSON,
    ),
    Evasion(
        "GraphQL's default", "POST /graphql", b'{"query": "mutation($a: Int = 900) { refund(amount: $a) }"}', JSON
    ),
    Evasion(
        "GraphQL's variables apart",
        "POST /graphql?variables=%7B%22a%22%3A900%7D",
        b'{"query": "mutation($a: Int) { refund(amount: $a) }"}',
        JSON,
    ),
    Evasion(
        "GraphQL's argument twice",
        "POST /graphql",
        b'{"query": "mutation { refund(amount: 1, amount: 900) }"}',
        JSON,
        refused=True,
    ),
    Evasion("deep", REFUND, b'{"a":' * 90 + AMOUNT + b"}" * 90, JSON),
    Evasion("too deep", REFUND, b'{"a":' * 500 + AMOUNT + b"}" * 500, JSON, refused=True),
]

_OVERRIDE = "X-HTTP-Method-Override"
USERS = "POST /users"

# Each deletes /users.
DELETES = [
    Evasion("as it should be", "DELETE /users"),
    Evasion("in lower case", "delete /users"),
    Evasion("an override", USERS, fields={_OVERRIDE: "DELETE"}),
    Evasion("an override in another case", USERS, fields={"x-http-method-override": "delete"}),
    Evasion("an override with underscores", USERS, fields={"X_HTTP_Method_Override": "DELETE"}),
    Evasion("X-HTTP-Method", USERS, fields={"X-HTTP-Method": "DELETE"}),
    Evasion("X-Method-Override", USERS, fields={"X-Method-Override": " DELETE "}),
    Evasion("two overrides in one", USERS, fields={_OVERRIDE: "GET, DELETE"}),
    Evasion("_method in the query", "POST /users?_method=delete"),
    Evasion("_method in the query, escaped", "POST /users?%5fmethod=DEL%45TE"),
    Evasion("_method twice", "POST /users?_method=get&_method=delete"),
    Evasion("_method in a form", USERS, b"_method=DELETE", FORM),
    Evasion("_method in JSON", USERS, b'{"_method": "DELETE"}', JSON),
    Evasion("_method in a multipart", USERS, part("_method", "DELETE") + END, MULTIPART),
    Evasion("_method under no type", USERS, b"_method=DELETE"),
    Evasion("by GET", "GET /users?_method=DELETE"),
    Evasion("an escape", "DELETE /%75sers"),
    Evasion("two slashes", "DELETE //users"),
    Evasion("a slash at the end", "DELETE /users/"),
    Evasion("a dot", "DELETE /./users"),
    Evasion("a dot at the end", "DELETE /users/."),
    Evasion("dots", "DELETE /x/../users"),
    Evasion("escaped dots", "DELETE /x/%2e%2E/users"),
    Evasion("dots escaped twice", "DELETE /x/%252e%252e/users"),
    Evasion("dots behind an escaped slash", "DELETE /x%2f..%2fusers", refused=True),
    Evasion("dots behind a backslash", "DELETE /x\\..\\users"),
    Evasion("dots with parameters", "DELETE /x/..;/users"),
    Evasion("parameters", "DELETE /users;jsessionid=1"),
    Evasion("escaped parameters", "DELETE /users%3Bx"),
    Evasion("a letter escaped twice", "DELETE /%2575sers"),
    Evasion("NUL", "DELETE /users%00.png", refused=True),
    Evasion("an end of line", "DELETE /users%0a", refused=True),
    Evasion("an escape that is none", "DELETE /users%", refused=True),
    Evasion("IIS's escapes", "DELETE /%u0075sers", refused=True),
    Evasion("overlong", "DELETE /x/%c0%ae%c0%ae/users", refused=True),
    Evasion("a space at the end", "DELETE /users%20"),
    Evasion("a dot behind the name", "DELETE /users."),
    Evasion("the form of the answer", "DELETE /users.json"),
    Evasion("X-Original-URL", "DELETE /", fields={"X-Original-URL": "/users"}),
    Evasion("X-Rewrite-URL", "DELETE /", fields={"X-Rewrite-URL": "/users?x"}),
    Evasion("a batch of Graph's", "POST /$batch", b'{"requests": [{"method": "DELETE", "url": "/users"}]}', JSON),
    Evasion(
        "a batch of Facebook's", "POST /", b"batch=[{%22method%22:%22DELETE%22,%22relative_url%22:%22users%22}]", FORM
    ),
    Evasion(
        "a batch of OData's",
        "POST /$batch",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\nContent-Type: application/http\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\nDELETE /users HTTP/1.1\r\nHost: a\r\n\r\n\r\n--y--\r\n--x--",
        "multipart/mixed; boundary=x",
    ),
    Evasion(
        "a request in a multipart that is none",
        "POST /$batch",
        b"--x\r\nContent-Type: application/http\r\n\r\nDELETE\r\n--x--",
        "multipart/mixed; boundary=x",
        refused=True,
    ),
]

_MUTATION = "mutation { deleteUser(id: 1) { id } }"
GRAPHQL = "POST /graphql"


def asked(**request: object) -> bytes:
    return json.dumps(request).encode()


# Each runs a mutation deleteUser.
MUTATIONS = [
    Evasion("as it should be", GRAPHQL, asked(query=_MUTATION), JSON),
    Evasion("at another path", "POST /api/v1", asked(query=_MUTATION), JSON),
    Evasion("an alias", GRAPHQL, asked(query="mutation { users: deleteUser }"), JSON),
    Evasion("a fragment", GRAPHQL, asked(query="mutation { ...F } fragment F on Mutation { deleteUser }"), JSON),
    Evasion("an inline fragment", GRAPHQL, asked(query="mutation { ... { ... on Mutation { deleteUser } } }"), JSON),
    Evasion("a second operation", GRAPHQL, asked(query=f"query A {{ a }} {_MUTATION}", operationName="A"), JSON),
    Evasion("a batch", GRAPHQL, b"[" + asked(query="{ a }") + b"," + asked(query=_MUTATION) + b"]", JSON),
    Evasion("a directive", GRAPHQL, asked(query="mutation { deleteUser @skip(if: false) }"), JSON),
    Evasion("a comment", GRAPHQL, asked(query=f"#query\n,,,{_MUTATION}"), JSON),
    Evasion("a comment ended by CR", GRAPHQL, asked(query=f"query A {{ a }} # x\r{_MUTATION}"), JSON),
    Evasion("the query", "GET /graphql?query=mutation%7BdeleteUser%7D"),
    Evasion("the query of a POST", "POST /graphql?query=mutation%7BdeleteUser%7D", asked(query="{ a }"), JSON),
    Evasion("the query twice", "GET /graphql?query={a}&query=mutation{deleteUser}"),
    Evasion("its own type", GRAPHQL, _MUTATION.encode(), "application/graphql"),
    Evasion("its own type with JSON", GRAPHQL, asked(query=_MUTATION), "application/graphql"),
    Evasion("no type", GRAPHQL, _MUTATION.encode()),
    Evasion("JSON under no type", GRAPHQL, asked(query=_MUTATION)),
    Evasion("JSON under text's type", GRAPHQL, asked(query=_MUTATION), TEXT),
    Evasion("a form", GRAPHQL, b"query=mutation%7BdeleteUser%7D", FORM),
    Evasion("a multipart", GRAPHQL, part("query", _MUTATION) + END, MULTIPART),
    Evasion(
        "an upload", GRAPHQL, part("operations", asked(query=_MUTATION).decode()) + part("map", "{}") + END, MULTIPART
    ),
    Evasion("gzip", GRAPHQL, gzip.compress(asked(query=_MUTATION)), JSON, {"Content-Encoding": "gzip"}),
    Evasion("a name twice", GRAPHQL, b'{"query": "{ a }", "query": "mutation { deleteUser }"}', JSON, refused=True),
    Evasion(
        "two fragments of a name",
        GRAPHQL,
        asked(query="mutation { ...F } fragment F on Mutation { a } fragment F on Mutation { deleteUser }"),
        JSON,
        refused=True,
    ),
    Evasion("a namespace", GRAPHQL, asked(query="mutation { users { deleteUser(id: 1) } }"), JSON),
    Evasion("a document that is none", GRAPHQL, asked(query="mutation { deleteUser("), JSON, refused=True),
    Evasion("escapes", GRAPHQL, rb'{"query": "mutation { \u0064eleteUser }"}', JSON),
]
