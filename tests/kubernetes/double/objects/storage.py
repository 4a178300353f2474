"""Where objects are kept: one counter of revisions, a history, and those who watch."""

import asyncio
import copy
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]
type Resource = tuple[str, str]
"""Group and plural."""
type Name = tuple[str, str]
"""Namespace (empty for what has none) and name."""

_KEPT_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Event:
    """One change."""

    revision: int
    resource: Resource
    name: Name
    before: Json | None
    after: Json | None


class Watcher:
    """What has happened to a resource's objects since somebody began to watch."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def put(self, event: Event) -> None:
        """Tell of a change."""
        self._events.put_nowait(event)

    @property
    def waiting(self) -> bool:
        """Whether there is something to tell."""
        return not self._events.empty()

    async def next(self, within_s: float) -> Event | None:
        """The next change; None if there is none in this time."""
        try:
            async with asyncio.timeout(max(within_s, 0)):
                return await self._events.get()
        except TimeoutError:
            return None


class Storage:
    """All objects. What it hands out is nobody's to change: copy first."""

    def __init__(self) -> None:
        self.revision = 1
        self.compacted = 0
        """History up to this revision is gone."""
        self._objects: dict[Resource, dict[Name, Json]] = {}
        self._history: deque[Event] = deque()
        self._watchers: set[Watcher] = set()
        self.hooks: list[Callable[[Event], None]] = []
        """Told of each change, after it was made."""

    def get(self, resource: Resource, name: Name) -> Json | None:
        """The object, as it is now."""
        return self._objects.get(resource, {}).get(name)

    def all(self, resource: Resource, namespace: str = "") -> Iterator[Json]:
        """Every object of the resource, in the order of their names."""
        held = self._objects.get(resource, {})
        return (held[name] for name in sorted(held) if not namespace or name[0] == namespace)

    def resources(self) -> list[Resource]:
        """Every resource that has objects."""
        return [resource for resource, held in self._objects.items() if held]

    def put(self, resource: Resource, obj: Json) -> Json:
        """Keep a new or changed object; it, with its resourceVersion. What changes nothing makes no new revision."""
        made = copy.deepcopy(obj)
        name = name_of(made)
        before = self.get(resource, name)
        made["metadata"].pop("resourceVersion", None)
        if before is not None and _without_revision(before) == made:
            return before
        self.revision += 1
        made["metadata"]["resourceVersion"] = str(self.revision)
        self._objects.setdefault(resource, {})[name] = made
        self._happened(Event(self.revision, resource, name, before, made))
        return made

    def remove(self, resource: Resource, name: Name) -> Json | None:
        """Drop an object; it as it was, with the revision at which it went."""
        if (before := self._objects.get(resource, {}).pop(name, None)) is None:
            return None
        self.revision += 1
        gone = copy.deepcopy(before)
        gone["metadata"]["resourceVersion"] = str(self.revision)
        # What a DELETED event carries is the last state, at the revision of its removal.
        self._happened(Event(self.revision, resource, name, gone, None))
        return gone

    def _happened(self, event: Event) -> None:
        self._history.append(event)
        while len(self._history) > _KEPT_EVENTS:
            self.compacted = self._history.popleft().revision
        for watcher in self._watchers:
            if watcher.resource == event.resource:
                watcher.put(event)
        for hook in self.hooks:
            hook(event)

    def compact(self) -> None:
        """Forget all history, as etcd does every five minutes."""
        self._history.clear()
        self.compacted = self.revision

    def at(self, resource: Resource, revision: int) -> list[Json]:
        """The resource's objects as they were at a revision that is still kept."""
        then = dict(self._objects.get(resource, {}))
        for event in reversed(self._history):
            if event.revision <= revision:
                break
            if event.resource == resource:
                if event.before is None:
                    then.pop(event.name, None)
                else:
                    then[event.name] = event.before
        return [then[name] for name in sorted(then)]

    def watch(self, resource: Resource, since: int | None) -> Watcher:
        """Begin to watch, from after a revision; None: from now."""
        watcher = Watcher(resource)
        if since is not None:
            for event in self._history:
                if event.revision > since and event.resource == resource:
                    watcher.put(event)
        self._watchers.add(watcher)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """Watch no longer."""
        self._watchers.discard(watcher)


def name_of(obj: Json) -> Name:
    """An object's namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _without_revision(obj: Json) -> Json:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "resourceVersion"}
    return {**obj, "metadata": metadata}
