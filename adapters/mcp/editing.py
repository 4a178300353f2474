"""What comes back, through the policies: every text of an answer, whatever part of it it stands in."""

import base64
import binascii
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hoopaddon.adapters.mcp.messages import Failure, Notification
from hoopaddon.adapters.mcp.strict import NotStrict, loads
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError
from hoopaddon.output import Output
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

# The protocol's own words: where nothing else is left of an answer, there is nothing to look at.
_PLAIN = frozenset({"type", "mimeType", "isError", "resultType", "role", "ttlMs", "cacheScope"})
_TEXTUAL = ("text/", "application/json", "application/xml", "application/yaml", "application/javascript")
_PARTS = ("content", "contents", "messages")


class Unusable(HoopaddonError):
    """A policy has made something of an answer that is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an answer a text stands, or base64 (`mime` then says of what)."""

    holder: dict[str, Any]
    name: str
    mime: str = ""


class Editing:
    """The answers of one session. `binary` says that what nobody can look into passes."""

    def __init__(self, session: Session, gateway: Judge, *, binary: bool = False) -> None:
        self._session = session
        self._gateway = gateway
        self._binary = binary

    async def text(self, kind: str, text: str, command: Command | None) -> str:
        """The text as the policies leave it. Raises `Refused`, `PolicyFailed` or `Unusable`."""
        output = Output(self._session, kind, text, command)
        if pending := self._gateway.chain.edit_output(output):
            await pending
        if not isinstance(output.text, str):
            raise Unusable("a policy failed")
        return output.text

    async def document(self, value: Any, command: Command | None) -> Any:
        """A JSON value as the policies leave it. Raises as `text` does."""
        before = json.dumps(value, ensure_ascii=False, default=dict)
        after = await self.text("json", before, command)
        if after == before:
            return value
        try:
            return loads(after.encode("utf-8"))
        except (NotStrict, UnicodeEncodeError):
            raise Unusable("a policy failed") from None

    # -- answers

    async def result(
        self, result: Mapping[str, Any], command: Command | None, *, typed: bool = False
    ) -> dict[str, Any]:
        """The result of a request. `typed`: what is structured in it has a schema. Raises as `text` does."""
        if not self._gateway.chain.wants_output:
            return dict(result)
        edited: dict[str, Any] = copy.deepcopy(dict(result))
        structured = edited.pop("structuredContent", None)
        kept = [(place, await self._place(place, command)) for place in _places(edited)]
        for place, _ in kept:
            place.holder[place.name] = ""
        if _says_more(edited):
            rest = await self.document(edited, command)
            if not _same_shape(edited, rest):
                raise Unusable("a policy failed")
            _put_back(edited, rest)
        for place, value in kept:
            if value is None:
                _withhold(place)
            else:
                place.holder[place.name] = value
        if structured is not None:
            masked = await self.document(structured, command)
            edited["structuredContent"] = _as_typed(structured, masked) if typed else masked
        return edited

    async def listing(self, result: Mapping[str, Any], name: str, command: Command | None) -> dict[str, Any]:
        """A page of a list. Policies may leave items out, and change what is said of them. Raises as `text` does."""
        if not self._gateway.chain.wants_output:
            return dict(result)
        edited: dict[str, Any] = await self.document(dict(result), command)
        before, after = result.get(name), edited.get(name) if isinstance(edited, dict) else None
        if not isinstance(before, list) or not isinstance(after, list) or edited.keys() != result.keys():
            raise Unusable("a policy failed")
        if not all(isinstance(item, dict) for item in after) or not set(map(_name, after)) <= set(map(_name, before)):
            raise Unusable("a policy failed")
        return edited

    async def _place(self, place: Place, command: Command | None) -> str | None:
        """What stands in this place afterwards; None for what nobody can look into."""
        value: str = place.holder[place.name]
        if not place.mime:
            return await self.text("body", value, command)
        text = _decoded(value) if place.mime.startswith(_TEXTUAL) else None
        if text is not None:
            masked = await self.text("body", text, command)
            return value if masked == text else base64.b64encode(masked.encode("utf-8", "replace")).decode()
        return value if self._binary or not self._is_masked else None

    @property
    def _is_masked(self) -> bool:
        """Whether a policy changes what clients see; one that only records it need not look into everything."""
        policies = self._gateway.chain.policies
        return any(not (policy.observer or policy.shadow) and policy.hook("output") for policy in policies)

    async def failure(self, failure: Failure, command: Command | None) -> Failure:
        """An error of the server's. Raises as `text` does."""
        message = await self.text("error", failure.message, command)
        data = failure.data if failure.data is None else await self.document(failure.data, command)
        return Failure(failure.id, failure.code, message, data)

    async def notification(self, told: Notification, command: Command | None) -> Notification:
        """Progress, a line of the server's log, or that something has changed. Raises as `text` does."""
        if not self._gateway.chain.wants_output:
            return told
        params = dict(told.params)
        name = {"notifications/message": "data", "notifications/progress": "message"}.get(told.method, "")
        text = params.get(name)
        if isinstance(text, str):
            params[name] = ""
        if told.method != "notifications/progress" and _says_more(params):
            params = await self.document(params, command)
            if not isinstance(params, dict):
                raise Unusable("a policy failed")
        if isinstance(text, str):
            params[name] = await self.text("log", text, command)
        return Notification(told.method, params)


def _places(result: dict[str, Any]) -> Iterator[Place]:
    for name in _PARTS:
        parts = result.get(name)
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, dict):
                yield from _of_part(part)
                if isinstance(part.get("content"), dict):
                    yield from _of_part(part["content"])
                for inner in part["content"] if isinstance(part.get("content"), list) else ():
                    if isinstance(inner, dict):
                        yield from _of_part(inner)


def _of_part(part: dict[str, Any]) -> Iterator[Place]:
    if isinstance(part.get("text"), str):
        yield Place(part, "text")
    mime = part.get("mimeType")
    mime = mime.lower() if isinstance(mime, str) else ""
    for name in ("data", "blob"):
        if isinstance(part.get(name), str):
            yield Place(part, name, mime or "application/octet-stream")
    if isinstance(part.get("resource"), dict):
        yield from _of_part(part["resource"])


def _name(item: Mapping[str, Any]) -> str:
    return json.dumps([item.get("name"), item.get("uri"), item.get("uriTemplate")], default=dict)


def _withhold(place: Place) -> None:
    """In the place of what nobody can look into, a text that says so."""
    part, mime = place.holder, place.mime if len(place.mime) < 64 and place.mime.isprintable() else "binary"
    note = f"[{mime}: withheld, because no policy can look into it; allow=binary lets it pass]"
    if place.name == "blob":
        del part["blob"]
        part["mimeType"], part["text"] = "text/plain", note
        return
    part.clear()
    part["type"], part["text"] = "text", note


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _says_more(value: Any, name: str = "") -> bool:
    """Whether there is anything in it that a policy could want to see."""
    if isinstance(value, Mapping):
        return any(_says_more(child, key) for key, child in value.items())
    if isinstance(value, list):
        return any(_says_more(child, name) for child in value)
    return name not in _PLAIN and value not in ("", None) and not isinstance(value, bool)


def _same_shape(before: Any, after: Any) -> bool:
    """Whether the same names and lists are there: what was put aside has to find its place again."""
    if isinstance(before, Mapping):
        return (
            isinstance(after, Mapping)
            and before.keys() == after.keys()
            and all(_same_shape(before[name], after[name]) for name in before)
        )
    if isinstance(before, list):
        return isinstance(after, list) and len(before) == len(after) and all(map(_same_shape, before, after))
    return not isinstance(after, dict | list)


def _put_back(into: Any, edited: Any) -> None:
    """Take over what was edited, leaving the objects themselves where they are."""
    items = into.items() if isinstance(into, dict) else enumerate(into)
    for name, child in list(items):
        if isinstance(child, dict | list):
            _put_back(child, edited[name])
        else:
            into[name] = edited[name]


def _as_typed(before: Any, after: Any) -> Any:
    """What was masked, in the type that it had: clients check results against the schema, and would see an error."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return {name: _as_typed(before.get(name, child), child) for name, child in after.items()}
    if isinstance(before, list) and isinstance(after, list):
        return [_as_typed(b, a) for b, a in zip(before, after, strict=False)]
    if isinstance(before, bool) or before is None or type(before) is type(after):
        return after
    if isinstance(before, int | float):
        return after if isinstance(after, int | float) and not isinstance(after, bool) else 0
    if isinstance(before, str):
        return "" if after is None else str(after)
    return before if isinstance(before, dict | list) and not before else after
