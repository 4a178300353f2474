"""Facts about a request: what it may do, and to what, in all the ways in which servers may read it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hoopaddon.adapters.http import graphql, grpc
from hoopaddon.adapters.http.batch import Inner, inner_requests, methods
from hoopaddon.adapters.http.body import Content, Reading, readable, readings, sniffed_json
from hoopaddon.adapters.http.graphql import Operation
from hoopaddon.adapters.http.media import MediaType, media_type
from hoopaddon.adapters.http.multipart import Part
from hoopaddon.adapters.http.names import strings_in, values_of
from hoopaddon.adapters.http.route import route_of
from hoopaddon.errors import Unparsable
from hoopaddon.facts import Facts
from hoopaddon.web.paths import PathFacts, read_path
from hoopaddon.web.query import multi, pairs
from hoopaddon.web.request import Headers, WebRequest

ODD_PATHS = "odd_paths"
"""What a mode allows for paths that are ambiguous: they are shown in all readings."""
MOST_DOCUMENTS = 8
MOST_INNER = 1_000
MOST_METHODS = 16

_METHOD_HEADER = re.compile(r"x-(?:http-)?(?:method-override|method)|x-http-method-override|x-original-method")
_PATH_HEADER = frozenset({"x-original-url", "x-rewrite-url", "x-original-uri"})
# Names may be escaped.
_SIGNS = (b"method", b"application/http", rb"\u00", b"%6d", b"%4d")
_METHOD_NAMES = frozenset({"_method", "_http_method", "x-http-method-override", "x-http-method", "$httpmethod"})
_GRAPHQL_NAMES = ("query", "variables", "operationName", "extensions")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFacts(Facts):
    """What a request says, beside its verbs and objects."""

    path: PathFacts
    route: str
    calls: frozenset[tuple[str, str]]
    query: Mapping[str, tuple[str, ...]]
    text: str
    """The body's, whatever else it is; empty where it is none."""
    readings: tuple[Reading, ...]
    operations: tuple[Operation, ...]
    carried: tuple[Any, ...]
    """Everything that has names or is text, in all readings."""

    def values(self, name: str) -> tuple[Any, ...]:
        return tuple(values_of(name, self.carried))

    def strings(self) -> frozenset[str]:
        return frozenset(strings_in(self.carried))


def facts_of(request: WebRequest, data: bytes, allow: frozenset[str]) -> HttpFacts:
    """Facts about a request with the body `data`, its content codings undone. Raises `Unparsable`."""
    reader = _Reader(request, data, allow)
    return reader.facts()


def message_facts(text: str) -> Facts:
    """Facts about a message on a WebSocket: GraphQL's operations, in its `payload` or plain. Raises `Unparsable`."""
    sniffed = sniffed_json(text)
    if sniffed is None:
        return Facts()
    documents = graphql.Documents()
    found: list[Operation] = []
    for message in sniffed.value if isinstance(sniffed.value, list) else [sniffed.value]:
        for place in (message, message.get("payload")) if isinstance(message, dict) else ():
            # graphql-transport-ws and graphql-ws; what names a document only by its hash has no `query`.
            found += graphql.in_document(place, "/", documents)
    verbs, objects = _of_operations(found)
    return Facts(frozenset(verbs), frozenset(objects))


def _of_operations(operations: Iterable[Operation]) -> tuple[set[str], set[str]]:
    verbs: set[str] = set()
    objects: set[str] = set()
    for operation in operations:
        verbs.add(f"graphql:{operation.type or 'persisted'}")
        objects |= operation.fields
        if operation.type == "mutation":
            verbs.update(call.field for call in operation.calls)
    return verbs, objects


class _Reader:
    def __init__(self, request: WebRequest, data: bytes, allow: frozenset[str]) -> None:
        self._request = request
        self._odd = ODD_PATHS in allow
        self.path = read_path(request.path, odd=self._odd)
        self.queries = _queries(request.query)
        self.media = media_type(request.headers) if data else MediaType()
        content = Content(data, self.media, request.headers, self.path.path)
        self.readings = readings(content)
        self.text = (readable(content) or "") if data else ""
        self.inner = self._inner() if _may_carry(data) else []
        self.values = [*self.queries, *_inner_values(self.inner)]
        self.values += [value for one in self.readings for value in (one.value, one.fields) if value is not None]

    def facts(self) -> HttpFacts:
        operations = tuple(self._operations())
        own = methods([self._request.method]) | self._overrides()
        paths = self.path.readings | {self.path.path} | self._other_paths()
        calls = {(method, path) for method in own for path in paths}
        for inner in self.inner:
            calls.update((inner.method, path) for path in read_path(inner.path, odd=True).readings)
        services = self._services()
        route = route_of(self.path.segments)
        objects = {route, self._request.host, *(path for _, path in calls), *(service for service, _ in services)}
        verbs = {method for method, _ in calls} | {f"{service}/{method}" for service, method in services}
        asked, fields = _of_operations(operations)
        return HttpFacts(
            frozenset(verbs | asked),
            frozenset(objects | fields),
            path=self.path,
            route=route,
            calls=frozenset(calls),
            query=self.queries[0],
            text=self.text,
            readings=self.readings,
            operations=operations,
            carried=(*self.values, *graphql.given(operations)),
        )

    def _inner(self) -> list[Inner]:
        found = list(islice(inner_requests(one.value for one in self.readings), MOST_INNER + 1))
        if len(found) > MOST_INNER:
            raise Unparsable(f"a batch of more than {MOST_INNER} requests")
        return found

    def _overrides(self) -> frozenset[str]:
        named = [v for n, v in self._request.headers if _METHOD_HEADER.fullmatch(n.lower().replace("_", "-"))]
        for place in self.values:
            fields = place.items() if isinstance(place, dict) else _fields(place)
            for name, value in fields:
                if isinstance(name, str) and name.strip().lower() in _METHOD_NAMES:
                    named += [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, str)]
        found = methods(named)
        if len(found) > MOST_METHODS:
            raise Unparsable(f"a request that names more than {MOST_METHODS} methods")
        return found

    def _other_paths(self) -> frozenset[str]:
        found: set[str] = set()
        for name, value in self._request.headers:
            if name.lower().replace("_", "-") in _PATH_HEADER:
                path = value.partition("?")[0].strip()
                found |= read_path(path if path.startswith("/") else f"/{path}", odd=self._odd).readings
        return frozenset(found)

    def _services(self) -> set[tuple[str, str]]:
        found = {grpc.method_of(path, self.media.family) for path in self.path.readings}
        return {(service, method) for service, method in found if service}

    def _operations(self) -> Iterator[Operation]:
        path, documents = self.path.path, graphql.Documents()
        sources = [source for query in self.queries for source in _sources(query)]
        for reading in self.readings:
            match reading.kind:
                case "json":
                    yield from graphql.in_document(_lent(reading.value, sources), path, documents)
                case "form":
                    sources += _sources(reading.value)
                case "multipart":
                    form = multi(tuple((p.name, p.value) for p in reading.value if isinstance(p.value, str)))
                    sources += _sources(form)
                    for document in (p.value for p in reading.value if p.name == "operations"):
                        yield from graphql.in_document(document, path, documents)
                case "graphql":
                    variables = next((s["variables"] for s in sources if "variables" in s), None)
                    asked = {"query": reading.value, "variables": variables}
                    yield from graphql.in_request(asked, "/graphql", documents)
        for source in sources:
            borrowed = [r.value["variables"] for r in self.readings if _has_variables(r.value)]
            if "variables" not in source and borrowed:
                source = {**source, "variables": borrowed[0]}
            yield from graphql.in_request(source, path, documents)


def _may_carry(data: bytes) -> bool:
    """Whether there may be requests within a body: they name their methods, or are parts of a type of their own."""
    folded = data.lower()
    return any(sign in folded for sign in _SIGNS)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a multipart form."""
    if isinstance(value, tuple):
        yield from ((part.name, part.value) for part in value if isinstance(part, Part))


def _queries(query: str) -> list[dict[str, tuple[str, ...]]]:
    """A query by `&`, and as some still do, by `;` as well."""
    found = [multi(pairs(query))]
    if ";" in query:
        found.append(multi(pairs(query.replace(";", "&"))))
    return found


def _sources(form: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """The GraphQL requests that a query or a form may be: one for each of the documents that it names."""
    documents = form.get("query", ())
    if len(documents) > MOST_DOCUMENTS:
        raise Unparsable(f"more than {MOST_DOCUMENTS} queries in one request")
    rest = {name: form[name][-1] for name in form if name != "query"}
    return [{**rest, "query": document} for document in documents] or ([rest] if rest else [])


def _has_variables(value: Any) -> bool:
    return isinstance(value, dict) and "variables" in value


def _lent(value: Any, sources: Iterable[Mapping[str, Any]]) -> Any:
    """Some servers take a request's parts from its query and its body together."""
    if not isinstance(value, dict) or "variables" in value or "query" not in value:
        return value
    lent = next((source["variables"] for source in sources if "variables" in source), None)
    return value if lent is None else {**value, "variables": lent}


def _inner_values(inner: Iterable[Inner]) -> Iterator[Any]:
    for one in inner:
        if one.content:
            content = Content(one.content, MediaType(), Headers(), one.path)
            yield from (reading.value for reading in readings(content))
