"""Where a conversation between a client and a server stands: in which version, and who waits for which answer.

Two ways to begin: `initialize`, its answer, `notifications/initialized` (up to 2025-11-25); or none at all, where
every request carries its version (from 2026-07-28 on).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hoopaddon.adapters.mcp import specification as spec
from hoopaddon.adapters.mcp.messages import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    Answer,
    Id,
    NotAMessage,
    Notification,
    Request,
)
from hoopaddon.command import Command

MAX_IN_FLIGHT = 256
_NOTE = 1e-6
"""How far a held call says it has come: progress has to grow, and must stay below what the server will say."""


@dataclass(slots=True, eq=False)
class Asked:
    """A request that waits for its answer. `version` is the one that its params were checked by."""

    request: Request
    version: str
    command: Command | None = None
    forwarded: bool = False
    refusal: Answer | None = None
    """What whoever asked is told in the place of what is answered; the other end has been asked for a pong alone."""
    judging: "asyncio.Task[Any] | None" = None
    """What waits for people's decision on it, over HTTP."""

    @property
    def token(self) -> Id | None:
        """What the notifications of progress about it are marked with."""
        meta = self.request.params.get("_meta")
        found = meta.get("progressToken") if isinstance(meta, Mapping) else None
        return found if isinstance(found, str | int) and not isinstance(found, bool) else None

    def note(self, number: int, text: str) -> Notification | None:
        """That it waits for people, said as progress for the `number`th time; None where the client wants none."""
        if self.token is None:
            return None
        params = {"progressToken": self.token, "progress": number * _NOTE, "message": text}
        return Notification("notifications/progress", params)


@dataclass(slots=True)
class Conversation:
    """See the module. `extra` are methods that the operator lets through though no version here knows them."""

    extra: frozenset[str] = frozenset()
    version: str = ""
    """The version that the handshake has agreed on."""
    client: str = ""
    """Name and version of the client's program, as it says."""
    of_client: dict[Id, Asked] = field(default_factory=dict)
    of_server: dict[Id, Asked] = field(default_factory=dict)
    _initializing: bool = False

    # -- the client

    def client_asks(self, request: Request) -> Asked:
        """The request, checked and now waiting. Raises `NotAMessage` with what to answer instead."""
        if request.id in self.of_client:
            raise NotAMessage(INVALID_REQUEST, "the id is that of a request that has no answer yet", request.id)
        if len(self.of_client) >= MAX_IN_FLIGHT:
            raise NotAMessage(INVALID_REQUEST, f"more than {MAX_IN_FLIGHT} requests at once", request.id)
        asked = Asked(request, self._version_of(request))
        if request.method == "initialize":
            asked = self._initialize(asked)
        elif request.method not in self.extra:
            self._check(spec.check_client_request, request, asked.version)
        self.of_client[request.id] = asked
        return asked

    def _version_of(self, request: Request) -> str:
        meta = request.params.get("_meta")
        said = meta.get(spec.VERSION_KEY) if isinstance(meta, Mapping) else None
        if said is not None:
            if said not in spec.MODERN_VERSIONS:
                reason = f"the gateway knows no version of this name; it knows {', '.join(spec.MODERN_VERSIONS)}"
                raise NotAMessage(-32022, reason, request.id)
            if self.version:
                raise NotAMessage(INVALID_REQUEST, "this conversation is in another version", request.id)
            self._learn_client(meta.get(spec.CLIENT_KEY) if isinstance(meta, Mapping) else None)
            return str(said)
        if self.version:
            return self.version
        if request.method not in ("initialize", "ping"):
            raise NotAMessage(INVALID_REQUEST, f"{request.method} before initialize has been answered", request.id)
        return spec.LATEST_HANDSHAKE

    def _initialize(self, asked: Asked) -> Asked:
        request = asked.request
        if self.version or self._initializing:
            raise NotAMessage(INVALID_REQUEST, "initialize comes once", request.id)
        self._check(spec.check_client_request, request, spec.LATEST_HANDSHAKE)
        self._initializing = True
        self._learn_client(request.params.get("clientInfo"))
        if request.params["protocolVersion"] not in spec.HANDSHAKE_VERSIONS:
            # What neither end may speak here shall not be agreed on; the server answers with one that it knows.
            params = {**request.params, "protocolVersion": spec.LATEST_HANDSHAKE}
            return replace(asked, request=replace(request, params=params))
        return asked

    def _learn_client(self, info: Any) -> None:
        if isinstance(info, Mapping):
            said = f"{info.get('name', '')} {info.get('version', '')}".strip()
            self.client = "".join(c if c.isprintable() else "?" for c in said)[:256]

    @staticmethod
    def _check(check: Any, request: Request, version: str) -> None:
        try:
            check(request.method, version, request.params)
        except spec.NotAllowed as e:
            raise NotAMessage(e.code, e.reason, request.id) from None

    def client_tells(self, told: Notification) -> bool:
        """Whether the notification may go on. That of an answer nobody waits for may not."""
        if told.method == "notifications/cancelled":
            return True
        if told.method in self.extra:
            return True
        return self._knows(spec.check_client_notification, told)

    def _knows(self, check: Any, told: Notification) -> bool:
        for version in (self.version,) if self.version else spec.MODERN_VERSIONS:
            try:
                check(told.method, version, told.params)
            except spec.NotAllowed:
                continue
            return True
        return False

    def agreed(self, result: Mapping[str, Any]) -> None:
        """The server's answer to `initialize`. Raises `NotAMessage` for a version that cannot be seen into."""
        self._initializing = False
        version = result.get("protocolVersion")
        if version not in spec.HANDSHAKE_VERSIONS:
            known = ", ".join(spec.HANDSHAKE_VERSIONS)
            raise NotAMessage(INVALID_REQUEST, f"the server wants a version of the protocol that is none of {known}")
        self.version = str(version)

    def not_agreed(self) -> None:
        """`initialize` was refused, or has failed: it may come again."""
        self._initializing = False

    # -- the server

    def server_asks(self, request: Request) -> Asked:
        """The request, checked and now waiting. Raises `NotAMessage` with what the server is told instead."""
        if request.id in self.of_server:
            raise NotAMessage(INVALID_REQUEST, "the id is that of a request that has no answer yet", request.id)
        if len(self.of_server) >= MAX_IN_FLIGHT:
            raise NotAMessage(INVALID_REQUEST, f"more than {MAX_IN_FLIGHT} requests at once", request.id)
        if not self.version and request.method != "ping":
            raise NotAMessage(METHOD_NOT_FOUND, f"{request.method} before the client has said who it is", request.id)
        version = self.version or spec.LATEST_HANDSHAKE
        if request.method not in self.extra:
            self._check(spec.check_server_request, request, version)
        asked = self.of_server[request.id] = Asked(request, version)
        return asked

    def server_tells(self, told: Notification) -> bool:
        """Whether the notification may go on. Progress has to be that of a request that waits."""
        if told.method == "notifications/progress" and self.of_token(told.params.get("progressToken")) is None:
            return False
        return told.method in self.extra or self._knows(spec.check_server_notification, told)

    def of_token(self, token: Any) -> Asked | None:
        """The client's request that has this token of progress."""
        if not isinstance(token, str | int) or isinstance(token, bool):
            return None
        return next((asked for asked in self.of_client.values() if asked.token == token), None)

    @property
    def batches(self) -> bool:
        """Whether several messages may come as one."""
        return self.version in spec.BATCHING


def named(waiting: Mapping[Id, Asked], told: Notification) -> Asked | None:
    """The request that a cancellation is of: its sender's own, by exactly this id."""
    id = told.params.get("requestId")
    found = waiting.get(id) if isinstance(id, str | int) else None
    return found if found is not None and type(found.request.id) is type(id) else None
