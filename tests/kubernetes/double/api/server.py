"""The API server: every request from who sent it to what it is answered."""

import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from tests.kubernetes.double.api import negotiation, reviews, verbs
from tests.kubernetes.double.api.audit import Audit
from tests.kubernetes.double.api.identity import ANONYMOUS, Rules, Tokens, User, authenticate, impersonated
from tests.kubernetes.double.api.negotiation import JSON, MediaType
from tests.kubernetes.double.api.plain import PlainPaths, nothing_there
from tests.kubernetes.double.api.route import Route, route
from tests.kubernetes.double.api.status import ApiError, no_such_path, not_allowed
from tests.kubernetes.double.api.table import TableMaker, partial, partial_list
from tests.kubernetes.double.api.verbs import Call
from tests.kubernetes.double.api.watching import Watching, content_type, failed
from tests.kubernetes.double.objects.cluster import Cluster
from tests.kubernetes.double.web.message import Answer, HeaderLines, Request, Response

type Json = dict[str, Any]


class Connects(Protocol):
    """What answers the subresources that lead into a pod or to a service."""

    async def answer(self, call: Call) -> Answer | None:
        """The answer; None if the subresource is none of these."""


class ApiServer:
    """Answers requests."""

    def __init__(self, cluster: Cluster, tokens: Tokens, audit: Audit, connects: Connects) -> None:
        self._cluster, self._tokens, self._audit, self._connects = cluster, tokens, audit, connects
        self._rules = Rules(cluster.storage)
        self._plain = PlainPaths(cluster)
        self._verbs: Mapping[str, Callable[[Call], Awaitable[Answer]]] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }

    async def handle(self, request: Request) -> Answer:
        """Answer one request."""
        identity = request.header("audit-id") or str(uuid.uuid4())
        sender = user = ANONYMOUS
        asked: Route | None = None
        try:
            sender = user = authenticate(request, self._tokens)
            asked = route(request)
            user = impersonated(request, sender, self._rules)
            self._rules.check(user, asked)
            answer = await self._dispatch(request, asked, user)
        except ApiError as error:
            answer = _failure(request, error)
        except Exception as error:
            traceback.print_exc()
            message = f"Internal error occurred: {error}"
            answer = _failure(request, ApiError(500, "InternalError", message))
        self._audit.note(identity, request, asked, (sender, user), getattr(answer, "status", 101))
        if isinstance(answer, Response):
            answer.headers += [("Audit-Id", identity), ("Cache-Control", "no-cache, private")]
            answer.headers += [
                ("X-Kubernetes-Pf-Flowschema-Uid", "00000000-0000-4000-8000-000000000001"),
                ("X-Kubernetes-Pf-Prioritylevel-Uid", "00000000-0000-4000-8000-000000000002"),
            ]
        return answer

    async def _dispatch(self, request: Request, asked: Route, user: User) -> Answer:
        if not asked.plural:
            return self._plain.answer(request)
        kind = self._cluster.kinds.find(asked.group, asked.version, asked.plural)
        if kind is None:
            if asked.version not in self._cluster.kinds.groups().get(asked.group, ()):
                return nothing_there()
            raise no_such_path()
        call = Call(self._cluster, request, asked, kind, user, self._rules, [])
        if asked.sub:
            sub = kind.sub(asked.sub)
            if sub is None:
                raise no_such_path()
            if (answer := await self._connects.answer(call)) is not None:
                return answer
            if asked.verb not in sub.verbs:
                raise not_allowed()
            if asked.sub == "token":
                return self._shown(call, reviews.service_account_token(call, self._tokens), 201)
        elif asked.verb not in kind.verbs:
            raise not_allowed()
        return await self._verbs[asked.verb](call)

    async def _get(self, call: Call) -> Answer:
        return self._shown(call, verbs.get(call))

    async def _list(self, call: Call) -> Answer:
        objects, metadata = verbs.listed(call)
        return self._many(call, objects, metadata)

    def _many(self, call: Call, objects: list[Json], metadata: Json) -> Response:
        media = negotiation.wanted(call.request, f"{call.kind.api_version} {call.kind.list_kind}")
        if media.transform == "Table":
            made = self._maker(call).table(objects, metadata, media.parameters.get("v", "v1"))
        elif media.transform:
            made = partial_list(objects, metadata)
        else:
            made = {"kind": call.kind.list_kind, "apiVersion": call.kind.api_version, "metadata": metadata}
            # Custom objects say what they are in a list too; the others' decoder leaves it out.
            bare = [one if call.kind.custom else _untyped(one) for one in objects]
            made["items"] = bare
        return _response(call, made, media, 200)

    def _maker(self, call: Call) -> TableMaker:
        columns = self._cluster.schemas.columns(call.kind)
        return TableMaker(call.kind, columns, call.request.parameter("includeObject"))

    async def _watch(self, call: Call) -> Answer:
        media = negotiation.wanted(call.request, f"{call.kind.api_version} {call.kind.name}")
        headers: HeaderLines = [("Content-Type", content_type(media))]
        stream: AsyncIterator[bytes]
        try:
            stream = Watching(call, media, self._maker(call)).stream()
        except ApiError as error:
            if error.code != 410:
                raise
            stream = failed(error, media)()
        return Response(200, headers, stream)

    async def _create(self, call: Call) -> Answer:
        if not call.kind.stored:
            return self._shown(call, reviews.answer(call, self._rules, self._tokens), 201)
        if call.route.name and not call.route.sub:
            raise not_allowed()
        return self._shown(call, verbs.create(call), 201)

    async def _update(self, call: Call) -> Answer:
        return self._shown(call, verbs.update(call))

    async def _patch(self, call: Call) -> Answer:
        made, status = verbs.patch(call)
        return self._shown(call, made, status)

    async def _delete(self, call: Call) -> Answer:
        return self._shown(call, verbs.delete(call))

    async def _delete_collection(self, call: Call) -> Answer:
        objects = list(verbs.delete_collection(call))
        return self._many(call, objects, {"resourceVersion": str(self._cluster.storage.revision)})

    def _shown(self, call: Call, obj: Json, status: int = 200) -> Response:
        media = negotiation.wanted(call.request, f"{obj.get('apiVersion')} {obj.get('kind')}")
        if obj.get("kind") == call.kind.name and media.transform:
            if media.transform == "Table":
                metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
                obj = self._maker(call).table([obj], metadata, media.parameters.get("v", "v1"))
            else:
                obj = partial(obj)
        elif media.transform:
            media = MediaType(JSON)
        return _response(call, obj, media, status)


def _untyped(obj: Json) -> Json:
    return {name: value for name, value in obj.items() if name not in ("kind", "apiVersion")}


def _response(call: Call, obj: Json, media: MediaType, status: int) -> Response:
    headers: HeaderLines = [("Content-Type", media.header())]
    headers += [("Warning", f'299 - "{_quoted(text)}"') for text in call.warnings]
    body = negotiation.compressed(call.request, negotiation.written(obj, media), headers)
    return Response(status, headers, body)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _failure(request: Request, error: ApiError) -> Response:
    try:
        media = negotiation.wanted(request, "v1 Status")
    except ApiError:
        media = MediaType(JSON)
    body = negotiation.written(error.json(), MediaType(media.name))
    return Response(error.code, [("Content-Type", media.name), *error.headers], body)
