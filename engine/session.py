"""Who is connected, to what, and from where."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hoopaddon.policy.in_shadow import in_shadow

if TYPE_CHECKING:
    from hoopaddon.access.scope import Scope

logger = logging.getLogger(__name__)

REASON_LIMIT_CHARS = 500


def new_session_id() -> str:
    """A 32-digit hexadecimal id that sorts by time (the layout of UUIDv7, RFC 9562 section 5.7)."""
    stamp = time.time_ns() // 1_000_000
    head = stamp.to_bytes(6, "big")
    tail = bytearray(os.urandom(10))
    tail[0] = 0x70 | (tail[0] & 0x0F)
    tail[2] = 0x80 | (tail[2] & 0x3F)
    return (head + tail).hex()


@dataclass(frozen=True, slots=True)
class User:
    """The authenticated principal: `claims` are those of its token, empty where the target did the login."""

    subject: str
    groups: frozenset[str] = frozenset()
    claims: MappingProxyType[str, Any] = MappingProxyType({})

    @property
    def actors(self) -> tuple[str, ...]:
        """Who acts for the subject, such as an AI agent: those of the claim `act`, the one at work first.

        RFC 8693 section 4.1. Empty where the subject acts itself.
        """
        found: list[str] = []
        act = self.claims.get("act")
        while isinstance(act, dict):
            found.append(str(act.get("sub", "")))
            act = act.get("act")
        return tuple(found)

    @property
    def acts_for(self) -> str:
        """Whom an agent acts for: the subject, where another acts; empty where the subject acts itself."""
        return self.subject if self.actors else ""

    @property
    def names(self) -> frozenset[str]:
        """All that stand behind this user, under every name that its token has for them."""
        return frozenset({self.subject, str(self.claims.get("sub", self.subject)), *self.actors})


@dataclass(frozen=True, slots=True)
class Target:
    """What the gateway stands in front of: `address` is for people, `host:port` for the network protocols."""

    name: str
    protocol: str
    address: str
    labels: MappingProxyType[str, str] = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Session:
    """One client's connection, from its login to its end.

    `vars` is where a policy keeps what it has to remember about this session, under a key of its own;
    `parameters` are those that the client announced (PostgreSQL: `database`, `application_name` …).
    """

    user: User
    target: Target
    client_address: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=new_session_id)
    started_at: float = field(default_factory=time.time)
    vars: dict[str, Any] = field(default_factory=dict)
    commands: int = 0
    """How many commands this session has seen so far; the last one's `number`."""
    read_only: bool = False
    """Set by a policy's `session_start`: the target itself is held to reading, where it has a way for that."""
    _scopes: "list[Scope]" = field(default_factory=list, init=False)
    _ended: str = field(default="", init=False)
    _to_tell: list[Callable[[str], None]] = field(default_factory=list, init=False)

    @property
    def scopes(self) -> "tuple[Scope, ...]":
        """What policies hold it to; a command has to be within all of them."""
        return tuple(self._scopes)

    def hold_to(self, scope: "Scope") -> None:
        """Have the target itself hold it to this scope, where it has a way for that; in `session_start`.

        Commands are judged by whoever says this: it is a second fence behind that.
        """
        if not in_shadow():
            self._scopes.append(scope)

    @property
    def ended(self) -> str:
        """Why a policy has ended it; empty while it goes on."""
        return self._ended

    def end(self, reason: str) -> None:
        """End it now: the client is told `reason` in its protocol, then the connections to both sides are cut.

        What is held or runs ends with it, and no later command of it passes. A policy may do this in any hook, and in
        the gateway's event loop at any other time, from a timer for example. The first reason stands.
        """
        if self._ended:
            return
        said = "".join(char for char in " ".join(reason.split()) if char.isprintable())[:REASON_LIMIT_CHARS]
        if in_shadow():
            logger.info("session %s would have been ended: %s", self.id, said)
            return
        self._ended = said or "ended by a policy"
        logger.info("session %s is ended: %s", self.id, self._ended)
        tell, self._to_tell = self._to_tell, []
        for one in tell:
            self.when_ended(one)

    def when_ended(self, tell: Callable[[str], None]) -> None:
        """An adapter's way to hear of it: `tell` is called with the reason, after what runs just now."""
        if self._ended:
            asyncio.get_running_loop().call_soon(tell, self._ended)
        else:
            self._to_tell.append(tell)
