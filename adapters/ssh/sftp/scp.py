"""Stands between scp and the scp at the target: every file and folder is judged before its record goes on.

The two ends speak in turns, and so does this: what one side sends before the other has answered is not looked at.
`source` is the side that sends files, the client of `scp -t` and the target of `scp -f`; `sink` is the other one.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from hoopaddon.adapters.ssh.session.running import Running, refusal
from hoopaddon.adapters.ssh.sftp.command import SftpOperation, keep, kept_bytes, quoted
from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.paths import text_of
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine
from hoopaddon.adapters.ssh.sftp.scp_paths import ScpPaths
from hoopaddon.adapters.ssh.sftp.scp_records import LINE_LIMIT, OK, End, Entry, Message, Record, Times, read_record
from hoopaddon.adapters.ssh.sftp.transfer import Transfer
from hoopaddon.errors import HoopaddonError, PeerError, Side
from hoopaddon.policy.chain import place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

_LEFT: Final = "the client left before it was decided"
_HOLD_AT: Final = 64 * 1024
_AHEAD_LIMIT: Final = 256 * 1024
"""What a source may send before it has been answered: honest ones send nothing."""


def _unheard(worked: bool) -> None:
    """For an answer that changes nothing here."""


class ScpGuard:
    """One conversation of two scps, without I/O."""

    def __init__(self, session: Session, gateway: Judge, line: ScpLine, ends: Ends) -> None:
        self._session = session
        self._gateway = gateway
        self._line = line
        self._ends = ends
        self._source_side: Side = "client" if line.receives else "server"
        self._to_source = ends.to_client if line.receives else ends.to_target
        self._to_sink = ends.to_target if line.receives else ends.to_client
        self._source = b""
        self._sink = b""
        self._paths = ScpPaths(line)
        self._take: Callable[[], bool] = self._await_start
        self._times: Times | None = None
        self._answered: Callable[[bool], None] = _unheard
        self._running: Running | None = None
        self._operation: SftpOperation | None = None
        self._transfer = Transfer()
        self._left = 0
        self._judging: asyncio.Task[None] | None = None
        self._asking: Running | None = None
        self._going = False
        self._unread = False
        self._held = False
        self._eof = False
        self._over = False

    # -- what arrives

    def client_data(self, data: bytes) -> None:
        self._arrived("client", data)

    def server_data(self, data: bytes) -> None:
        self._arrived("server", data)

    def _arrived(self, side: Side, data: bytes) -> None:
        if self._over:
            return
        if side == self._source_side:
            self._source += data
        else:
            self._sink += data
        self._go_on()

    def client_eof(self) -> None:
        self._eof = True
        self._go_on()

    def client_paused(self, paused: bool) -> None:
        """The client reads none of what it is sent: no record is taken, for its refusal is an answer."""
        self._unread = paused
        self._go_on()

    def close(self, error: str = "the connection ended") -> None:
        """Neither side says anything more. The operation that goes on has ended with this."""
        if self._over:
            return
        self._over = True
        if self._judging is not None:
            self._judging.cancel()
        if self._asking is not None:
            self._asking.end(error=_LEFT)
        self._end(error)

    def _go_on(self) -> None:
        """Take what can be taken. A verdict that comes at once arrives while this is at it."""
        if self._going:
            return
        self._going = True
        try:
            while not self._over and self._take():
                pass
            self._check_ahead()
        except PeerError as e:
            self._fail(e)
        except Exception as e:
            self._failed(e)
        finally:
            self._going = False
        if self._over:
            return
        waiting = self._source if self._line.receives else self._sink
        if self._held != (len(waiting) >= _HOLD_AT):
            self._held = not self._held
            self._ends.hold_client(self._held)
        if self._eof and not (waiting and self._waits_for_others):
            self._eof = False
            self._ends.target_eof()

    @property
    def _waits_for_others(self) -> bool:
        """Whether it is not the client that has to go on."""
        turns = (self._stay, self._await_start, self._await_answer)
        return self._take in (turns if self._line.receives else (self._stay, self._await_contents))

    def _check_ahead(self) -> None:
        if len(self._source) > _AHEAD_LIMIT:
            raise PeerError(self._source_side, "scp: it goes on without an answer", limit=_AHEAD_LIMIT)
        if len(self._sink) > _AHEAD_LIMIT:
            raise PeerError(self._sink_side, "scp: an answer without an end", limit=_AHEAD_LIMIT)

    @property
    def _sink_side(self) -> Side:
        return "server" if self._source_side == "client" else "client"

    # -- the states: each takes what it can, and says whether there may be more to take

    def _await_start(self) -> bool:
        """The sink says that it is ready."""
        self._answered = _unheard
        return self._await_answer()

    def _await_answer(self) -> bool:
        """The sink's answer to what has been sent on."""
        if not self._sink:
            return False
        if self._sink[:1] == OK:
            self._sink = self._sink[1:]
            self._to_source(OK)
            self._next(worked=True)
            return True
        message = self._message()
        if message is None:
            return False
        self._to_source(message.serialize())
        if message.fatal:
            self._finish()
        else:
            self._next(worked=False)
        return True

    def _next(self, *, worked: bool) -> None:
        self._take = self._await_record
        answered, self._answered = self._answered, _unheard
        answered(worked)

    def _message(self) -> Message | None:
        """The error that the sink tells of, once its line is complete."""
        line, self._sink = _line(self._sink, self._sink_side)
        if line is None:
            return None
        record = read_record(self._sink_side, line)
        if not isinstance(record, Message):
            raise PeerError(self._sink_side, "scp: an answer that is none")
        return record

    def _await_record(self) -> bool:
        """The source's next record; before that a sink may complain."""
        if self._unread:
            return False
        if self._sink:
            message = self._message()
            if message is not None:
                self._to_source(message.serialize())
                if message.fatal:
                    self._finish()
            return message is not None
        line, self._source = _line(self._source, self._source_side)
        if line is None:
            return False
        self._record(read_record(self._source_side, line))
        return True

    def _record(self, record: Record) -> None:
        match record:
            case Entry():
                self._take = self._stay
                work = asyncio.get_running_loop().create_task(self._judge(record))
                self._judging = None if work.done() else work
            case Times():
                self._times = record
                self._send_on(record, _unheard)
            case End():
                if not self._paths.leave():
                    raise PeerError(self._source_side, "scp: the end of a folder that was not begun")
                self._send_on(record, _unheard)
            case Message():
                self._to_sink(record.serialize())
                if record.fatal:
                    self._finish()

    def _send_on(self, record: Record, answered: Callable[[bool], None]) -> None:
        self._answered = answered
        self._take = self._await_answer
        self._to_sink(record.serialize())

    def _stay(self) -> bool:
        """While the policies are asked, nothing is taken."""
        return False

    def _file_accepted(self, worked: bool) -> None:
        if worked:
            self._take = self._await_contents if self._left else self._await_status
        else:
            self._end("the other side did not take it")

    def _folder_accepted(self, worked: bool) -> None:
        self._end("" if worked else "the other side did not take it")
        if not worked:
            self._paths.leave()

    def _await_contents(self) -> bool:
        if not self._source:
            return False
        run = self._source[: self._left]
        self._source = self._source[len(run) :]
        self._left -= len(run)
        self._transfer.add(run)
        self._to_sink(run)
        if not self._left:
            self._take = self._await_status
        return True

    def _await_status(self) -> bool:
        """The source says whether it could read what it has sent."""
        if not self._source:
            return False
        if self._source[:1] == OK:
            self._source = self._source[1:]
            self._answered = self._file_stored
            self._take = self._await_answer
            self._to_sink(OK)
            return True
        line, self._source = _line(self._source, self._source_side)
        if line is None:
            return False
        record = read_record(self._source_side, line)
        if not isinstance(record, Message):
            raise PeerError(self._source_side, "scp: a file without its end")
        self._transfer.failures += 1
        self._send_on(record, self._file_stored)
        if record.fatal:
            self._finish()
        return True

    def _file_stored(self, worked: bool) -> None:
        self._end("" if worked else "the other side did not store it")

    def _finish(self) -> None:
        """One side has given up: it says nothing more, and nothing more is said to it."""
        self._end("the other side gave up")
        self._take = self._discard

    def _discard(self) -> bool:
        self._source = self._sink = b""
        return False

    # -- verdicts

    async def _judge(self, entry: Entry) -> None:
        command = self._operation = self._command(entry)
        running = self._asking = Running(self._gateway, command)
        try:
            verdict = await running.judge(self._ends.tell)
        except HoopaddonError as e:
            self._fail(e)
        except Exception as e:
            self._failed(e)
        else:
            if verdict.passes:
                self._pass(entry, running)
            else:
                self._refuse(command, refusal(verdict))
        finally:
            self._judging = self._asking = None
            if not running.command.verdict.passes or self._over:
                running.end(error=_LEFT)
        self._go_on()

    def _command(self, entry: Entry) -> SftpOperation:
        path, objects = self._paths.of(entry)
        details = [f"mode={entry.mode:04o}"]
        if entry.kind == "D":
            verbs = ["mkdir"] if self._line.receives else ["list"]
        else:
            verbs = ["write", "create", "truncate"] if self._line.receives else ["read"]
            details.append(f"size={entry.size}")
        if self._line.receives and self._line.keeps_times:
            verbs.append("chmod")
        if self._line.receives and self._times is not None:
            verbs.append("utime")
            details.append(f"accessed={self._times.accessed} changed={self._times.changed}")
        return SftpOperation(self._session, verbs, path, objects=objects, details=" ".join(details))

    def _pass(self, entry: Entry, running: Running) -> None:
        self._running, self._times = running, None
        running.begin()
        self._transfer = Transfer(keeps_bytes=kept_bytes(self._operation) if self._operation else 0)
        self._transfer.at(0)
        if entry.kind == "D":
            self._paths.enter(entry)
            self._send_on(entry, self._folder_accepted)
        else:
            self._left = entry.size
            self._send_on(entry, self._file_accepted)

    def _refuse(self, command: SftpOperation, reason: str) -> None:
        """Say so in scp's words. A client prints them, goes on with the next file, and fails at its end."""
        self._take = self._await_record
        words = text_of(f"scp: {quoted(command.path)}: {reason}".encode("utf-8", "replace")[: LINE_LIMIT // 2])
        message = Message(False, words.encode("utf-8", "surrogateescape")).serialize()
        self._ends.to_client(message)
        if not self._line.receives:
            self._ends.to_target(message)

    # -- the ends

    def _end(self, error: str = "") -> None:
        running, self._running = self._running, None
        if running is None:
            return
        running.command.bytes = self._transfer.bytes
        if running.command.verbs & {"mkdir", "list"} or (error and not self._transfer.bytes):
            running.end(error=error)
            return
        done = "written" if self._line.receives else "read"
        if self._operation is not None:
            keep(self._operation, **{done: self._transfer.kept})
        running.end(self._transfer.described(done, whole=not error), error)

    def _failed(self, error: Exception) -> None:
        logger.error("an scp record could not be handled: %s at %s", type(error).__name__, place(error))
        self._fail(HoopaddonError("the gateway failed"))

    def _fail(self, error: HoopaddonError) -> None:
        if self._over:
            return
        if self._line.receives or self._take != self._await_contents:
            # In the middle of a file it would be taken for what the file contains.
            self._ends.to_client(Message(True, f"scp: hoopaddon: {error}".encode()).serialize())
        self.close(str(error))
        self._ends.fail(error)


def _line(data: bytes, side: Side) -> tuple[bytes | None, bytes]:
    """The first line that this side has sent, None until it is complete; and what follows it."""
    line, end, rest = data.partition(b"\n")
    if len(line) > LINE_LIMIT:
        raise PeerError(side, "scp: a line without an end", limit=LINE_LIMIT)
    return (line, rest) if end else (None, data)
