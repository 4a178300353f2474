"""The gateway's side of an approval: it puts the request in the store, and waits for what becomes of it."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.command import Command
from hoopaddon.errors import Denied, Refused
from hoopaddon.store.approvals import Approvals, Request, Status
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.person import fold
from hoopaddon.store.redact_command import redact_command

logger = logging.getLogger(__name__)

POLL_S = 0.05

type _Look = tuple[int, tuple[str, ...]]
"""The version of the database that was looked at, and for which requests."""

_PARAMETER_LIMIT_CHARS = 1000


class StoreApprover:
    """Holds commands until the store has an answer. Use it from one event loop.

    The database is used from a thread of its own, so that a slow disk holds up nothing else; one poll asks for all
    that wait, and only while something does.
    """

    def __init__(self, store: str | Path) -> None:
        self._path = Path(store) / "approvals.db"
        self._approvals: Approvals | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="approvals")
        self._lock = threading.Lock()
        # Known to this process alone: nobody can make a row that this gateway takes for its own request.
        self._secret = secrets.token_bytes(32)
        self._holds: dict[str, asyncio.Future[Request]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._looked: _Look = (-1, ())

    async def ask(self, request: ApprovalRequest) -> Decision:
        """Wait for the decision on this exact command. Raises `Denied` where it cannot be asked for."""
        loop = asyncio.get_running_loop()
        digest = self._digest(request.command)
        held = _held(request, digest)
        adding = self._submit(lambda approvals: approvals.add(held))
        try:
            held_id = await asyncio.wrap_future(adding)
        except asyncio.CancelledError:
            adding.add_done_callback(self._withdraw_late)
            raise
        except StoreUnusable as e:
            logger.error("a command could not be held: %s", e)
            raise Denied("needs an approval, and the gateway cannot ask for one now") from None
        logger.info("%s waits for an approval: %s", held_id, held.reason or held.policy)
        answer: asyncio.Future[Request] = loop.create_future()
        self._holds[held_id] = answer
        try:
            settled = await self._settled(held_id, answer, request.within_s)
        except asyncio.CancelledError:
            self._submit(lambda approvals: approvals.end(held_id, Status.WITHDRAWN)).add_done_callback(_log_failure)
            raise
        except StoreUnusable as e:
            logger.error("%s: %s", held_id, e)
            raise Denied("needs an approval, and the gateway cannot ask for one now") from None
        finally:
            self._holds.pop(held_id, None)
        unchanged = settled is not None and hmac.compare_digest(settled.digest, digest)
        if settled is None or not unchanged or not hmac.compare_digest(self._digest(request.command), digest):
            logger.error("%s: what was approved is not what was asked for", held_id)
            return Decision(False, reason="the approval was for another command")
        if settled.status is Status.APPROVED and not _adds_up(settled, request):
            logger.error("%s: it was approved without the people that it needs", held_id)
            return Decision(False, reason="the approval does not add up")
        return _decision(settled, request.within_s)

    def close(self) -> None:
        """Let go of the database once what was begun is done."""
        if self._poller is not None:
            self._poller.cancel()
            self._poller = None
        with contextlib.suppress(RuntimeError):
            # Already closed.
            self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    def _close(self) -> None:
        if self._approvals is not None:
            self._approvals.close()

    async def _settled(self, held_id: str, answer: asyncio.Future[Request], within_s: float) -> Request | None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="approvals")
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            # An answer may have come in the last instant: then it counts, as its approver was told.
            return await asyncio.wrap_future(self._submit(lambda approvals: approvals.end(held_id, Status.EXPIRED)))

    async def _poll(self) -> None:
        while self._holds:
            try:
                await self._look()
            except StoreUnusable as e:
                # Held commands keep waiting, and are denied when their time is over.
                logger.error("%s", e)
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        waiting, before = tuple(self._holds), self._looked
        look, settled = await asyncio.wrap_future(self._submit(lambda a: _settled_of(a, waiting, before)))
        self._looked = look
        for request in settled:
            answer = self._holds.get(request.id)
            if answer is not None and not answer.done():
                answer.set_result(request)

    def _submit[T](self, task: Callable[[Approvals], T]) -> Future[T]:
        return self._thread.submit(self._run, task)

    def _run[T](self, task: Callable[[Approvals], T]) -> T:
        with self._lock:
            if self._approvals is None:
                self._approvals = Approvals(self._path)
            return task(self._approvals)

    def _withdraw_late(self, adding: Future[str]) -> None:
        # Called wherever the request got its id: in the database's thread, which may be about to end.
        if adding.cancelled() or adding.exception() is not None:
            return
        try:
            self._run(lambda approvals: approvals.end(adding.result(), Status.WITHDRAWN))
        except StoreUnusable as e:
            logger.error("%s could not be withdrawn: %s", adding.result(), e)

    def _digest(self, command: Command) -> str:
        """What the approval is bound to: text, parameters, target and session, none of which it gives away."""
        bound = [command.text, [_exact(value) for value in command.parameters]]
        bound += [command.session.target.name, command.session.target.address, command.session.id]
        return hmac.digest(self._secret, repr(bound).encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


def _settled_of(approvals: Approvals, waiting: tuple[str, ...], before: _Look) -> tuple[_Look, list[Request]]:
    """Those of the waiting requests that are settled; none where nothing can have changed since the look `before`."""
    # Read before the requests: what changes in between is then seen by the next poll.
    look = approvals.version, waiting
    if look == before:
        return look, []
    found = (approvals.get(held_id) for held_id in waiting)
    return look, [request for request in found if request is not None and request.settled is not None]


def _held(request: ApprovalRequest, digest: str) -> Request:
    command, session, now = request.command, request.command.session, time.time()
    shown = redact_command(command, command.text)
    try:
        facts = command.facts
        verbs, objects = sorted(facts.verbs), sorted(facts.objects)
    except Refused:
        verbs, objects = [], []
    return Request(
        id="",
        session=session.id,
        number=command.number,
        user=session.user.subject,
        groups=sorted(session.user.groups),
        actors=[_storable(name) for name in session.user.actors],
        names=sorted(_storable(name) for name in session.user.names),
        address=session.client_address,
        target=session.target.name,
        server=session.target.address,
        labels=dict(session.target.labels),
        protocol=session.target.protocol,
        text=_storable(shown.text),
        parameters=[
            "[withheld: a secret]" if number in shown.parameters else _shown(value)
            for number, value in enumerate(command.parameters, 1)
        ],
        verbs=verbs,
        objects=objects,
        reason=_storable(request.reason),
        policy=request.policy,
        approvers=sorted(request.by),
        needed=max(request.count, 1),
        created=now,
        expires=now + request.within_s,
        digest=digest,
        status=Status.PENDING,
    )


def _adds_up(settled: Request, request: ApprovalRequest) -> bool:
    """Whether enough people said yes, by what this gateway asked for and not by what the database says of it."""
    people = {fold(answer.approver) for answer in settled.answers if answer.approved}
    people -= {fold(name) for name in request.command.session.user.names}
    return len(people) >= max(request.count, 1)


def _decision(settled: Request, within_s: float) -> Decision:
    said = [answer for answer in settled.answers if answer.approved is (settled.status is Status.APPROVED)]
    names = tuple(answer.approver for answer in said)
    reasons = "; ".join(answer.reason for answer in said if answer.reason)
    match settled.status:
        case Status.APPROVED:
            return Decision(True, names, reasons)
        case Status.DENIED:
            return Decision(False, names, f"denied by {', '.join(names)}{': ' if reasons else ''}{reasons}")
    return Decision(False, reason=f"nobody approved it within {duration(within_s)}")


def duration(seconds: float) -> str:
    """A length of time as people write it: `5 s`, `10 min`."""
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} min"
    return f"{seconds:g} s"


def _exact(value: Any) -> str:
    return f"{type(value).__name__}:{value!r}"


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    text = "\\x" + bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)
    if len(text) > _PARAMETER_LIMIT_CHARS:
        text = f"{text[:_PARAMETER_LIMIT_CHARS]} [and {len(text) - _PARAMETER_LIMIT_CHARS} characters more]"
    return _storable(text)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _log_failure(ended: Future[Any]) -> None:
    if not ended.cancelled() and (error := ended.exception()) is not None:
        logger.error("a request could not be withdrawn: %s", error)
