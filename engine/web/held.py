"""Held requests whose client does not wait: it is given an address to ask at (RFC 7240, `Prefer: respond-async`).

Who asks there once people have said yes gets the request sent, and its answer; it is sent once. The policies in force
then judge it again, with the approvals that it has.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from mitmproxy import http

from hoopaddon.command import Answered, Command, Verdict
from hoopaddon.errors import Refused
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer, json_answer
from hoopaddon.web.request import Headers
from hoopaddon.web.routes import Route

PLACE = "/.well-known/hoopaddon/held/"
RETRY_AFTER_S = 2
KEPT_FOR_S = 900.0
"""How long an answer of the approvers' waits for the client that asked."""
MOST_KEPT = 1000
MOST_OF_ONE = 100
"""Of one session."""
MOST_BYTES = 64 << 20


class NoRoom(Refused):
    """As many requests are held as there may be."""

    def __init__(self) -> None:
        super().__init__("too many requests wait for approval; ask without Prefer: respond-async")


@dataclass(slots=True, eq=False)
class Held:
    """A request that waits for people, or for its client to ask again."""

    id: str
    session: Session
    route: Route
    request: http.Request
    command: Command
    judging: "asyncio.Task[Verdict]"
    decided_at: float = field(default=0.0)

    @property
    def decisions(self) -> Answered:
        """The approvals that it has."""
        return self.command.decisions


class HeldRequests:
    """Those that are kept; each belongs to the session it came in."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Held] = OrderedDict()
        self._bytes = 0

    def keep(
        self,
        session: Session,
        route: Route,
        request: http.Request,
        command: Command,
        judging: "asyncio.Task[Verdict]",
    ) -> Held:
        """Keep a request while it is judged. Raises `NoRoom`."""
        self._forget_old()
        size = len(request.raw_content or b"")
        of_session = sum(held.session is session for held in self._kept.values())
        if of_session >= MOST_OF_ONE or len(self._kept) >= MOST_KEPT or self._bytes + size > MOST_BYTES:
            raise NoRoom
        held = Held(secrets.token_urlsafe(16), session, route, request.copy(), command, judging)
        judging.add_done_callback(lambda _: setattr(held, "decided_at", time.monotonic()))
        self._kept[held.id] = held
        self._bytes += size
        return held

    def find(self, id_: str, session: Session, route: Route) -> Held | None:
        """The one of this id; nobody else's session has it, and no other target."""
        held = self._kept.get(id_)
        return held if held is not None and held.session is session and held.route is route else None

    def forget(self, held: Held) -> None:
        """It has been sent, or will never be."""
        if self._kept.pop(held.id, None) is not None:
            self._bytes -= len(held.request.raw_content or b"")
            held.judging.cancel()

    def forget_all_of(self, session: Session) -> None:
        """The session has ended."""
        for held in list(self._kept.values()):
            if held.session is session:
                self.forget(held)

    def _forget_old(self) -> None:
        now = time.monotonic()
        for held in list(self._kept.values()):
            if held.decided_at and now - held.decided_at > KEPT_FOR_S:
                self.forget(held)

    def close(self) -> None:
        """The gateway ends."""
        for held in list(self._kept.values()):
            self.forget(held)


def wants_to_ask_again(request: http.Request) -> bool:
    """Whether the client would rather not wait."""
    return any(
        preference.partition(";")[0].strip().lower() == "respond-async"
        for field_ in request.headers.get_all("prefer")
        for preference in field_.split(",")
    )


def waiting(held: Held, origin: str) -> WebAnswer:
    """202, with where to ask again."""
    place = f"{origin}{PLACE}{held.id}"
    fields = (("location", place), ("retry-after", str(RETRY_AFTER_S)), ("preference-applied", "respond-async"))
    about = {"status": "waiting for approval", "id": held.id, "ask_again_at": place}
    return json_answer(202, about, headers=Headers(fields))
