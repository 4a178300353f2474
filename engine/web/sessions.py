"""Sessions on HTTP, where connections mean nothing: one for all requests of a user from one address to one target.

It ends when there has been no request for a while, or when the gateway ends.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoopaddon.errors import Refused
from hoopaddon.session import Session, Target, User

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

IDLE_S = 300.0
"""Seconds without a request after which a session ends."""
MOST_SESSIONS = 10_000

type Key = tuple[str, str, str]

_OF_THE_TOKEN = frozenset({"jti", "iat", "nbf", "exp", "at_hash", "c_hash", "nonce", "uti", "aio", "rh"})


class TooManySessions(Refused):
    """There is no room for one more."""

    def __init__(self) -> None:
        super().__init__("too many sessions at the same time")


@dataclass(slots=True, eq=False)
class _Kept:
    key: Key
    session: Session
    started: "asyncio.Future[None]"
    in_use: int = 0
    timer: asyncio.TimerHandle | None = None
    over: bool = field(default=False)


def _who(user: User) -> str:
    """All that is said of a user, but what only tells one token from the next: kubectl gets one for every call."""
    said = {name: claim for name, claim in user.claims.items() if name not in _OF_THE_TOKEN}
    return json.dumps([user.subject, sorted(user.groups), said], sort_keys=True, default=str)


def _what(target: Target) -> str:
    """All that policies go by: two modes may give one name to two targets."""
    return json.dumps([target.name, target.protocol, target.address, sorted(target.labels.items())])


class WebSessions:
    """The sessions that are open."""

    def __init__(self, gateway: "Gateway", when_ended: Callable[[Session], None]) -> None:
        self._gateway = gateway
        self._when_ended = when_ended
        self._kept: dict[Key, _Kept] = {}
        self._by_session: dict[Session, _Kept] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def enter(self, user: User, target: Target, client: str, parameters: dict[str, str]) -> Session:
        """The session for a request, which has to `leave` it. Raises `Refused` or `PolicyFailed`."""
        key = (_who(user), _what(target), client.rpartition(":")[0])
        kept = self._kept.get(key)
        if kept is None or kept.session.ended:
            if len(self._kept) >= MOST_SESSIONS:
                raise TooManySessions
            loop = asyncio.get_running_loop()
            kept = self._kept[key] = _Kept(key, Session(user, target, client, parameters), loop.create_future())
            self._by_session[kept.session] = kept
            kept.in_use += 1
            await self._start(kept)
            return kept.session
        kept.in_use += 1
        if kept.timer is not None:
            kept.timer.cancel()
            kept.timer = None
        try:
            # Whoever came first is still asking the policies.
            await asyncio.shield(kept.started)
        except BaseException:
            kept.in_use -= 1
            raise
        self._gateway.identity.sessions.share(kept.session, user)
        return kept.session

    async def _start(self, kept: _Kept) -> None:
        try:
            await self._gateway.chain.start_session(kept.session)
        except BaseException as e:
            self._forget(kept)
            kept.started.set_exception(Refused("no session") if isinstance(e, asyncio.CancelledError) else e)
            # Nobody else may be waiting for it.
            kept.started.exception()
            self._end(kept)
            raise
        kept.started.set_result(None)
        kept.session.when_ended(lambda _: self._ended(kept))
        where = kept.session
        logger.info("%s: %s at %s, session %s", where.client_address, where.user.subject, where.target.name, where.id)

    def stay(self, session: Session) -> None:
        """Somebody else than a request needs this session, and has to `leave` it too."""
        kept = self._by_session.get(session)
        if kept is not None:
            kept.in_use += 1

    def leave(self, session: Session) -> None:
        """A request of this session has ended."""
        kept = self._by_session.get(session)
        if kept is None:
            return
        kept.in_use -= 1
        if not kept.in_use and kept.session.ended:
            self._end(kept)
        elif not kept.in_use and kept.timer is None:
            kept.timer = asyncio.get_running_loop().call_later(IDLE_S, self._idle, kept)

    def _idle(self, kept: _Kept) -> None:
        kept.timer = None
        if not kept.in_use and self._kept.get(kept.key) is kept:
            del self._kept[kept.key]
            self._end(kept)

    def _ended(self, kept: _Kept) -> None:
        """A policy has ended it; the next request of the same client begins another one."""
        self._forget(kept)
        self._when_ended(kept.session)
        if not kept.in_use:
            self._end(kept)

    def _forget(self, kept: _Kept) -> None:
        if self._kept.get(kept.key) is kept:
            del self._kept[kept.key]

    def _end(self, kept: _Kept) -> None:
        if kept.timer is not None:
            kept.timer.cancel()
        if kept.over:
            return
        kept.over = True
        self._by_session.pop(kept.session, None)
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(
            self._gateway.chain.end_session(kept.session)
        )
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End them all."""
        kept, self._kept = list(self._kept.values()), {}
        for one in kept:
            self._end(one)
        if self._ending:
            await asyncio.wait(list(self._ending))
