"""Operations wait here for their verdict, in the order in which they came."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hoopaddon.adapters.ssh.session.running import Running, refusal
from hoopaddon.adapters.ssh.sftp import operations
from hoopaddon.adapters.ssh.sftp import requests as sftp
from hoopaddon.adapters.ssh.sftp.command import SftpOperation
from hoopaddon.adapters.ssh.sftp.files import Asked
from hoopaddon.adapters.ssh.sftp.operations import Operation
from hoopaddon.adapters.ssh.sftp.paths import Found
from hoopaddon.adapters.ssh.sftp.questions import Questions
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import HoopaddonError
from hoopaddon.policy.chain import place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 64
MAX_WAITING_BYTES: Final = 256 * 1024
_LEFT: Final = "the client left before it was decided"
_LONG_S: Final = 0.1
"""After a verdict that took longer than this, the paths are looked up again."""


@dataclass(slots=True)
class Waiting:
    """An operation that came as `data`; `copied_to` and the request's own file are open where it is about those."""

    asked: Asked
    data: bytes
    copied_to: SftpOperation | None = None


class Judging:
    """See the module. `passed` is told of each that may go on, `refused` of each that may not, with the reason."""

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        questions: Questions,
        *,
        passed: Callable[[Waiting], None],
        refused: Callable[[Waiting, str], None],
        emptied: Callable[[], None],
        tell: Callable[[str], None],
        fail: Callable[[HoopaddonError], None],
    ) -> None:
        self._session = session
        self._gateway = gateway
        self._questions = questions
        self._passed = passed
        self._refused = refused
        self._emptied = emptied
        self._tell = tell
        self._fail = fail
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._worker: asyncio.Task[None] | None = None
        self._asking: Running | None = None

    @property
    def full(self) -> bool:
        return len(self._queue) >= MAX_WAITING or self._bytes >= MAX_WAITING_BYTES

    @property
    def empty(self) -> bool:
        return not self._queue

    def concerns(self, handle: bytes) -> bool:
        """Whether something that waits is about this open file."""
        requests = (waiting.asked.request for waiting in self._queue)
        return any(
            isinstance(request, sftp.OnHandle)
            and (handle == request.handle or (isinstance(request, sftp.CopyData) and handle == request.new_handle))
            for request in requests
        )

    def add(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += len(waiting.data)
        if self._worker is None:
            work = asyncio.get_running_loop().create_task(self._work())
            if not work.done():
                self._worker = work

    def stop(self) -> None:
        """Nobody waits any more. The operation that the policies are asked about has ended when this returns."""
        if self._worker is not None:
            self._worker.cancel()
        if self._asking is not None:
            self._asking.end(error=_LEFT)

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._decide(self._queue[0])
                self._bytes -= len(self._queue.popleft().data)
        except HoopaddonError as e:
            self._fail(e)
        except Exception as e:
            logger.error("an SFTP request could not be judged: %s at %s", type(e).__name__, place(e))
            self._fail(HoopaddonError("the gateway failed"))
        finally:
            self._worker = None
        self._emptied()

    async def _decide(self, waiting: Waiting) -> None:
        command, places = await self._command(waiting)
        running = self._asking = Running(self._gateway, command)
        began = time.monotonic()
        try:
            verdict = await running.judge(self._tell)
            if verdict.passes and time.monotonic() - began > _LONG_S and not await self._still(waiting, places):
                verdict = command.verdict = Verdict(Outcome.REFUSED, "the path leads elsewhere by now")
        except BaseException:
            running.end(error=_LEFT)
            raise
        finally:
            self._asking = None
        if not verdict.passes:
            running.end()
            self._refused(waiting, refusal(verdict))
            return
        running.begin()
        waiting.asked.operation, waiting.asked.running, waiting.asked.waits = command, running, False
        self._passed(waiting)

    async def _still(self, waiting: Waiting, places: tuple[Found, ...]) -> bool:
        """Whether the paths lead where they led when the policies were asked."""
        operation = self._operation(waiting)
        return operation is None or await self._questions.find(operation.places) == places

    async def _command(self, waiting: Waiting) -> tuple[SftpOperation, tuple[Found, ...]]:
        request, file = waiting.asked.request, waiting.asked.file
        operation = self._operation(waiting)
        if operation is not None:
            places = await self._questions.find(operation.places)
            objects = frozenset[str]().union(*(found.objects for found in places))
            shown = [found.shown for found in places]
            command = SftpOperation(
                self._session, operation.verbs, *shown, objects=objects, details=operation.details
            )
            return command, places
        if file is None:
            raise HoopaddonError("an operation about nothing")
        opened = file.operation
        if waiting.copied_to is not None:
            to = waiting.copied_to
            objects = opened.objects | to.objects
            return SftpOperation(self._session, ("copy",), opened.path, to.path, objects=objects), ()
        if not isinstance(request, sftp.FSetStat):
            raise HoopaddonError("an operation that is none")
        verbs, details = operations.verbs_of(request.attributes), operations.described(request.attributes)
        return SftpOperation(self._session, verbs, opened.path, objects=opened.objects, details=details), ()

    def _operation(self, waiting: Waiting) -> Operation | None:
        """What is done to paths; None for what is done to open files."""
        request, home = waiting.asked.request, self._questions.home
        if isinstance(request, sftp.Symlink):
            return operations.symlink(request, home)
        return None if isinstance(request, sftp.OnHandle) else operations.operation_of(request, home)
