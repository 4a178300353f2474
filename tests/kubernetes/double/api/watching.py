"""Watches: changes as a stream, in the form that was asked for."""

import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from tests.kubernetes.double.api.negotiation import MediaType
from tests.kubernetes.double.api.protobuf import PROTOBUF, watch_frame
from tests.kubernetes.double.api.status import ApiError, expired
from tests.kubernetes.double.api.table import TableMaker, partial
from tests.kubernetes.double.api.verbs import Call
from tests.kubernetes.double.objects.selectors import Matches
from tests.kubernetes.double.objects.storage import Event, Watcher

type Json = dict[str, Any]
type Change = tuple[str, Json]

_BOOKMARK_EVERY_S = 60
# As the watch cache: a last bookmark shortly before the end, so that the next watch begins late in history.
_BEFORE_END_S = 2
_INITIAL_END = "k8s.io/initial-events-end"


class Watching:
    """One watch."""

    def __init__(self, call: Call, media: MediaType, maker: TableMaker) -> None:
        self._call, self._media, self._maker = call, media, maker
        self._matches: Matches = call.matches()
        self._bookmarks = call.request.flag("allowWatchBookmarks")
        self._headed = True
        storage = call.cluster.storage
        since = call.request.parameter("resourceVersion")
        initial = call.request.flag("sendInitialEvents")
        if (
            "sendInitialEvents" in call.request.query
            and call.request.parameter("resourceVersionMatch") != "NotOlderThan"
        ):
            raise _badly_initial()
        self._from_now = since in ("", "0") or initial
        self._initial_end = initial and self._bookmarks
        if not self._from_now and int(since) < storage.compacted:
            raise expired(f"too old resource version: {since} ({storage.compacted + 1})")
        self._initial = (
            self._objects() if self._from_now and call.request.parameter("sendInitialEvents") != "false" else []
        )
        self._revision = storage.revision if self._from_now else int(since)
        resource = call.kind.group, call.kind.plural
        self._watcher: Watcher = storage.watch(resource, None if self._from_now else int(since))
        given = call.request.parameter("timeoutSeconds")
        self._ends = time.monotonic() + (int(given) if given not in ("", "0") else random.uniform(1800, 3600))

    def _objects(self) -> list[Json]:
        kind, storage = self._call.kind, self._call.cluster.storage
        found = storage.all((kind.group, kind.plural), self._call.namespace)
        return [obj for obj in found if self._is_mine(obj)]

    def _is_mine(self, obj: Json | None) -> bool:
        if obj is None:
            return False
        meta, route = obj["metadata"], self._call.route
        if self._call.namespace and meta.get("namespace") != self._call.namespace:
            return False
        return (not route.name or meta["name"] == route.name) and self._matches(obj)

    async def stream(self) -> AsyncIterator[bytes]:
        """The frames, until the watch ends."""
        try:
            for obj in self._initial:
                yield self._frame("ADDED", obj)
            if self._initial_end:
                yield self._bookmark({"annotations": {_INITIAL_END: "true"}})
            next_bookmark = self._next_bookmark()
            while (left := self._ends - time.monotonic()) > 0:
                event = await self._watcher.next(min(left, next_bookmark - time.monotonic()))
                if event is not None:
                    self._revision = event.revision
                    for kind, obj in self._changes(event):
                        yield self._frame(kind, obj)
                elif self._bookmarks and time.monotonic() >= next_bookmark:
                    yield self._bookmark({})
                    next_bookmark = self._next_bookmark()
        finally:
            self._call.cluster.storage.unwatch(self._watcher)

    def _next_bookmark(self) -> float:
        now = time.monotonic()
        at_end = self._ends - _BEFORE_END_S
        return min(now + _BOOKMARK_EVERY_S, at_end if at_end > now else self._ends + 1)

    def _changes(self, event: Event) -> Iterator[Change]:
        was, now = self._is_mine(event.before), self._is_mine(event.after)
        if now and event.after:
            yield ("MODIFIED" if was else "ADDED"), event.after
        elif was and event.before:
            # It has gone, or is no longer one of those that are watched: as it was, at the revision of this change.
            metadata = {**event.before["metadata"], "resourceVersion": str(event.revision)}
            yield "DELETED", {**event.before, "metadata": metadata}

    def _bookmark(self, metadata: Json) -> bytes:
        kind = self._call.kind
        if not self._watcher.waiting:
            self._revision = self._call.cluster.storage.revision
        revision = str(self._revision)
        obj = {
            "kind": kind.name,
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": revision, **metadata},
        }
        if kind.name == "Pod":
            obj |= {"spec": {"containers": None}, "status": {}}
        return self._frame("BOOKMARK", obj)

    def _frame(self, event: str, obj: Json) -> bytes:
        shown = self._call.cluster.shown(self._call.kind, obj)
        if self._media.name == PROTOBUF:
            return watch_frame(event, shown)
        if self._media.transform == "Table":
            rows = [] if event == "BOOKMARK" else [shown]
            version = self._media.parameters.get("v", "v1")
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            shown = self._maker.table(rows, metadata, version, headed=self._headed)
            self._headed = False
        elif self._media.transform.startswith("PartialObjectMetadata"):
            shown = partial(shown)
        return _line({"type": event, "object": shown})


def _line(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def failed(error: ApiError, media: MediaType) -> Callable[[], AsyncIterator[bytes]]:
    """A watch that only says why it failed: kube-apiserver does so where the revision is gone."""

    async def stream() -> AsyncIterator[bytes]:
        if media.name == PROTOBUF:
            yield watch_frame("ERROR", error.json())
        else:
            yield _line({"type": "ERROR", "object": error.json()})

    return stream


def _badly_initial() -> ApiError:
    why = "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    return ApiError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {why}')


def content_type(media: MediaType) -> str:
    """A watch's Content-Type."""
    return f"{media.header()};stream=watch" if media.name == PROTOBUF else media.header()
