"""What a client has open at the target, and which requests are on their way."""

from dataclasses import dataclass, field

from hoopaddon.adapters.ssh.session.running import Running
from hoopaddon.adapters.ssh.sftp.command import SftpOperation, keep, kept_bytes
from hoopaddon.adapters.ssh.sftp.requests import OpenFlags, Request
from hoopaddon.adapters.ssh.sftp.transfer import Transfer
from hoopaddon.errors import PeerError

MAX_IN_FLIGHT = 1024
"""OpenSSH's clients send up to 64 requests ahead."""
MAX_OPEN = 1024
"""OpenSSH's server stops where its process may open no more files, 1024 by default."""


class OpenFile:
    """A file or a folder that the policies let a client open."""

    __slots__ = ("_flags", "_in_flight", "_running", "closed", "cut_to", "folder", "operation", "reading", "writing")

    def __init__(self, operation: SftpOperation, running: Running, flags: int, *, folder: bool) -> None:
        self.operation = operation
        self._running = running
        self._flags = OpenFlags(flags)
        self._in_flight = 0
        self.folder = folder
        self.closed = False
        self.cut_to: int | None = None
        """The size that the client gave it while it was open: OpenSSH's scp does that at the end of an upload."""
        keeps_bytes = kept_bytes(operation)
        self.reading = Transfer(keeps_bytes=keeps_bytes)
        self.writing = Transfer(appends=OpenFlags.APPEND in self._flags, keeps_bytes=keeps_bytes)

    @property
    def readable(self) -> bool:
        return not self.folder and (OpenFlags.READ in self._flags or OpenFlags.WRITE not in self._flags)

    @property
    def writable(self) -> bool:
        return not self.folder and OpenFlags.WRITE in self._flags

    def asked(self) -> None:
        """A request about it is on its way."""
        self._in_flight += 1

    def answered(self) -> None:
        """One has come back. The last one after the close ends the operation."""
        self._in_flight -= 1
        if self.closed and not self._in_flight:
            self.end()

    def listed(self, names: int) -> None:
        self.operation.rows += names

    def end(self, error: str = "") -> None:
        """Tell the policies what went through."""
        if self._running.ended:
            return
        self.operation.bytes = self.reading.bytes + self.writing.bytes
        keep(self.operation, read=self.reading.kept, written=self.writing.kept)
        self._running.end(self._described(), error)

    def _described(self) -> str:
        if self.folder:
            return f"{self.operation.rows} names listed"
        found = []
        if self.readable and (self.reading.begun or not self.writable):
            found.append(self.reading.described("read", whole=self.reading.saw_end))
        if self.writable and (self.writing.begun or not self.reading.begun):
            # What is created exclusively, or emptied when it is opened, holds what is written and no more.
            alone = OpenFlags.TRUNCATE in self._flags or OpenFlags.CREATE | OpenFlags.EXCLUSIVE in self._flags
            alone = alone or self.cut_to == self.writing.bytes
            done = "appended" if OpenFlags.APPEND in self._flags else "written"
            found.append(self.writing.described(done, whole=alone))
        return "; ".join(found)


@dataclass(slots=True)
class Asked:
    """A request that has not been answered. `running` is the operation that the answer ends or turns into a file."""

    request: Request
    operation: SftpOperation | None = None
    running: Running | None = None
    file: OpenFile | None = None
    waits: bool = False
    """It has not been sent on yet."""


@dataclass(slots=True)
class Files:
    """The tables of one conversation, both bounded."""

    asked: dict[int, Asked] = field(default_factory=dict)
    open: dict[bytes, OpenFile] = field(default_factory=dict)
    opening: int = 0
    closing: set[OpenFile] = field(default_factory=set)
    """Those whose handle the target may give away again, and of which answers are still to come."""

    @property
    def full(self) -> bool:
        """Whether the client has to wait for answers before it may ask more."""
        return len(self.asked) >= MAX_IN_FLIGHT

    @property
    def may_open(self) -> bool:
        return len(self.open) + len(self.closing) + self.opening < MAX_OPEN

    def ask(self, request: Request, file: OpenFile | None = None, *, waits: bool = False) -> Asked:
        """A request has come. Raises `PeerError` where the client uses an id twice."""
        if request.id in self.asked:
            raise PeerError("client", "SFTP: two requests at once have the same id")
        asked = self.asked[request.id] = Asked(request, None, None, file, waits)
        if file is not None:
            file.asked()
        return asked

    def answers(self, id: int) -> Asked:
        """The request that an answer is to. Raises `PeerError` where there is none.

        It stays in the table until the answer turns out to fit: what does not ends it with all the others.
        """
        asked = self.asked.get(id)
        if asked is None or asked.waits:
            raise PeerError("server", "SFTP: an answer to no request")
        return asked

    def opened(self, handle: bytes, file: OpenFile) -> None:
        """Raises `PeerError` for a handle that already stands for something."""
        if handle in self.open:
            raise PeerError("server", "SFTP: the same handle for two open files")
        self.open[handle] = file

    def close(self, handle: bytes) -> None:
        """The client closes it: from here on the handle stands for nothing."""
        self.closing.add(self.open.pop(handle))

    def end(self, error: str) -> None:
        """Nothing more will come: every operation that goes on ends with this."""
        for file in {*self.open.values(), *self.closing}:
            file.end(error)
        for asked in self.asked.values():
            if asked.running is not None:
                asked.running.end(error=error)
        self.open.clear()
        self.closing.clear()
        self.asked.clear()
