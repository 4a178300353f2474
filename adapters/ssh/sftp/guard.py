"""Stands between an SFTP client and its server: what opens, changes, lists or removes something is judged first.

Packets go on byte for byte, in order. An operation that waits for its verdict holds up those that come after it, and
what is about the same open file; whatever else is about open files goes past it, for that has been judged when it was
opened. The gateway adds packets of its own: it asks where paths lead.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from hoopaddon.adapters.ssh.sftp import operations
from hoopaddon.adapters.ssh.sftp import requests as sftp
from hoopaddon.adapters.ssh.sftp.answers import Answers
from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.files import Files, OpenFile
from hoopaddon.adapters.ssh.sftp.framing import Frame, Framing
from hoopaddon.adapters.ssh.sftp.judging import Judging, Waiting
from hoopaddon.adapters.ssh.sftp.lane import Lane
from hoopaddon.adapters.ssh.sftp.questions import Questions
from hoopaddon.adapters.ssh.sftp.requests import Request
from hoopaddon.adapters.ssh.sftp.responses import Code, Status
from hoopaddon.adapters.ssh.sftp.wire import Reader
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.policy.chain import place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)


class SftpGuard:
    """One SFTP conversation, without I/O."""

    def __init__(self, session: Session, gateway: Judge, ends: Ends) -> None:
        self._ends = ends
        self._to_target = Lane(ends.to_target)
        self._to_client = Lane(ends.to_client)
        self._files = Files()
        self._questions = Questions(self._files, self._to_target)
        self._answers = Answers(self._files, self._questions, self._to_client)
        self._judging = Judging(
            session,
            gateway,
            self._questions,
            passed=self._pass,
            refused=self._refuse,
            emptied=self._pump,
            tell=ends.tell,
            fail=self._fail,
        )
        self._framing = Framing("client")
        self._stalled: Frame | None = None
        self._writing: OpenFile | None = None
        self._began = False
        self._ready = False
        self._beginning: asyncio.Task[None] | None = None
        self._eof = False
        self._held = False
        self._unread = False
        self._over = False
        self._pumping = False

    # -- what arrives

    def client_data(self, data: bytes) -> None:
        if not self._over:
            self._framing.feed(data)
            self._pump()

    def server_data(self, data: bytes) -> None:
        if self._over:
            return
        agreed = self._answers.versions_agreed
        self._to_client.gather()
        self._guarded(self._answers.feed, data)
        self._to_client.flush()
        if self._answers.versions_agreed and not agreed and not self._over:
            self._beginning = asyncio.get_running_loop().create_task(self._find_home())
        self._pump()

    def client_eof(self) -> None:
        self._eof = True
        self._pump()

    def client_paused(self, paused: bool) -> None:
        """The client reads none of what it is sent: nothing more is taken from it, for each refusal is an answer."""
        self._unread = paused
        self._pump()

    def close(self, error: str = "the connection ended") -> None:
        """Neither side says anything more. Operations that go on have ended with this."""
        if self._over:
            return
        self._over = True
        self._judging.stop()
        self._questions.give_up()
        self._files.end(error)

    # -- from the client, packet by packet

    def _pump(self) -> None:
        """Go on with what the client has sent, as far as it may go on now."""
        if self._pumping or self._over:
            return
        self._pumping = True
        self._to_target.gather()
        self._guarded(self._take_all)
        self._to_target.flush()
        self._pumping = False
        if self._over:
            return
        if self._held != self._must_wait:
            self._held = not self._held
            self._ends.hold_client(self._held)
        if self._eof and self._stalled is None and self._judging.empty and not self._must_wait:
            self._eof = False
            self._ends.target_eof()

    @property
    def _must_wait(self) -> bool:
        if self._stalled is not None:
            return True
        if self._framing.in_body:
            return False
        beginning = self._began and not self._ready
        return beginning or self._unread or self._to_client.waits or self._files.full or self._judging.full

    def _take_all(self) -> None:
        while not self._over:
            if self._stalled is not None and not self._judging.empty:
                return
            if self._stalled is not None:
                frame, self._stalled = self._stalled, None
                self._take(frame)
                continue
            if self._must_wait:
                return
            piece = self._framing.take()
            if piece is None:
                return
            if isinstance(piece, memoryview):
                self._contents(piece)
            elif not self._began:
                self._begin(piece)
            else:
                self._take(piece)

    def _begin(self, frame: Frame) -> None:
        said = sftp.read_init(frame.data)
        if said.version < sftp.VERSION:
            raise PeerError("client", f"SFTP: version {said.version} is not spoken here, only {sftp.VERSION}")
        self._began = True
        self._to_target.packet(sftp.Init(sftp.VERSION).serialize())

    async def _find_home(self) -> None:
        self._questions.home = await self._questions.real_path(".")
        self._ready = True
        self._pump()

    def _contents(self, run: memoryview) -> None:
        """More of what a client writes; that of a refused request leads nowhere."""
        if self._writing is not None:
            self._writing.writing.add(run)
            self._to_target.body(run)

    def _take(self, frame: Frame) -> None:
        if self._questions.uses(int.from_bytes(frame.data[5:9])):
            # The answers could not be told apart.
            self._stalled = frame
            return
        if frame.kind == sftp.Write.kind:
            self._take_write(frame)
            return
        request = sftp.read_request(frame.data)
        if isinstance(request, sftp.OnHandle):
            self._take_on_handle(frame, request)
        elif isinstance(request, sftp.Unknown):
            self._say_no(request, Code.OP_UNSUPPORTED, f"hoopaddon does not know {request.what}")
        elif operations.needs_no_verdict(request):
            self._files.ask(request)
            self._to_target.packet(frame.data)
        elif any(b"\0" in path for path in operations.paths_in(request)):
            self._say_no(request, Code.PERMISSION_DENIED, "a path with a zero byte in it")
        elif isinstance(request, sftp.Open) and request.flags & ~sftp.ALL_FLAGS:
            self._say_no(request, Code.OP_UNSUPPORTED, "flags that version 3 does not have")
        else:
            self._take_operation(frame, request)

    def _take_operation(self, frame: Frame, request: Request) -> None:
        if isinstance(request, sftp.Open | sftp.OpenDir):
            if not self._files.may_open:
                self._say_no(request, Code.FAILURE, "too many open files")
                return
            self._files.opening += 1
        self._judging.add(Waiting(self._files.ask(request, waits=True), frame.data))

    def _take_on_handle(self, frame: Frame, request: sftp.OnHandle) -> None:
        if self._judging.concerns(request.handle):
            self._stalled = frame
            return
        file = self._files.open.get(request.handle)
        if file is None:
            self._say_no(request, Code.FAILURE, "no such handle")
        elif isinstance(request, sftp.FSetStat):
            self._judging.add(Waiting(self._files.ask(request, file, waits=True), frame.data))
        elif isinstance(request, sftp.CopyData):
            self._take_copy(frame, request, file)
        elif isinstance(request, sftp.Read) and not file.readable:
            self._say_no(request, Code.PERMISSION_DENIED, "the handle was not opened for reading")
        elif isinstance(request, sftp.ReadDir) and not file.folder:
            self._say_no(request, Code.FAILURE, "the handle is not that of a folder")
        else:
            self._files.ask(request, file)
            if isinstance(request, sftp.Close):
                self._files.close(request.handle)
            self._to_target.packet(frame.data)

    def _take_copy(self, frame: Frame, request: sftp.CopyData, source: OpenFile) -> None:
        to = self._files.open.get(request.new_handle)
        if to is None:
            self._say_no(request, Code.FAILURE, "no such handle")
        elif self._judging.concerns(request.new_handle):
            self._stalled = frame
        elif not (source.readable and to.writable):
            self._say_no(request, Code.PERMISSION_DENIED, "the handles were not opened for reading and writing")
        else:
            to.writing.scatter()
            self._judging.add(Waiting(self._files.ask(request, source, waits=True), frame.data, to.operation))

    def _take_write(self, frame: Frame) -> None:
        reader = Reader("client", frame.data, 5)
        request = sftp.Write(reader.uint32(), reader.handle(), reader.uint64(), b"")
        if self._judging.concerns(request.handle):
            self._stalled = frame
            return
        file = self._files.open.get(request.handle)
        self._writing = None
        if file is None:
            self._say_no(request, Code.FAILURE, "no such handle")
        elif not file.writable:
            self._say_no(request, Code.PERMISSION_DENIED, "the handle was not opened for writing")
        else:
            self._writing = file
            self._files.ask(request, file)
            file.writing.at(request.offset)
            self._to_target.head(frame.data, frame.body)

    # -- what becomes of operations

    def _pass(self, waiting: Waiting) -> None:
        self._to_target.packet(waiting.data)

    def _refuse(self, waiting: Waiting, reason: str) -> None:
        request = waiting.asked.request
        del self._files.asked[request.id]
        if isinstance(request, sftp.Open | sftp.OpenDir):
            self._files.opening -= 1
        if waiting.asked.file is not None:
            waiting.asked.file.answered()
        self._ends.tell(reason)
        self._answer(request.id, Code.PERMISSION_DENIED, f"hoopaddon: {reason}")

    def _say_no(self, request: Request, code: Code, reason: str) -> None:
        """An answer of our own to what no policy has to see."""
        if request.id in self._files.asked:
            raise PeerError("client", "SFTP: two requests at once have the same id")
        self._answer(request.id, code, reason)

    def _answer(self, id: int, code: Code, message: str) -> None:
        self._to_client.packet(Status(id, code, message.encode("utf-8", "replace"), b"en").serialize())

    # -- its end

    def _guarded(self, step: Callable[..., None], *arguments: Any) -> None:
        """Take a step; when it fails, nothing passes any more."""
        try:
            step(*arguments)
        except HoopaddonError as e:
            self._fail(e)
        except Exception as e:
            logger.error("an SFTP packet could not be handled: %s at %s", type(e).__name__, place(e))
            self._fail(HoopaddonError("the gateway failed"))

    def _fail(self, error: HoopaddonError) -> None:
        if not self._over:
            self.close(str(error))
            self._ends.fail(error)
