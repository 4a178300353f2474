"""What a target answers: each answer has to fit its request, and ends the operation that it was about."""

from typing import Final

from hoopaddon.adapters.ssh.sftp import requests as sftp
from hoopaddon.adapters.ssh.sftp import responses as answers
from hoopaddon.adapters.ssh.sftp.files import Asked, Files, OpenFile
from hoopaddon.adapters.ssh.sftp.framing import Frame, Framing
from hoopaddon.adapters.ssh.sftp.lane import Lane
from hoopaddon.adapters.ssh.sftp.questions import Questions
from hoopaddon.adapters.ssh.sftp.requests import EXTENSIONS, Request
from hoopaddon.adapters.ssh.sftp.responses import Code, Limits, Response
from hoopaddon.adapters.ssh.sftp.wire import PACKET_LIMIT
from hoopaddon.errors import PeerError

_LIMIT: Final = PACKET_LIMIT - 1024
"""For the contents of a file in one packet: what OpenSSH's server says."""
_ANSWERS: Final[dict[type[Request], type[Response]]] = {
    sftp.Open: answers.Handle,
    sftp.OpenDir: answers.Handle,
    sftp.Read: answers.Data,
    sftp.ReadDir: answers.Names,
    sftp.RealPath: answers.Names,
    sftp.ReadLink: answers.Names,
    sftp.ExpandPath: answers.Names,
    sftp.HomeDirectory: answers.Names,
    sftp.Stat: answers.Attrs,
    sftp.LStat: answers.Attrs,
    sftp.FStat: answers.Attrs,
    sftp.StatVfs: answers.ExtendedReply,
    sftp.FStatVfs: answers.ExtendedReply,
    sftp.GetLimits: answers.ExtendedReply,
    sftp.UsersGroups: answers.ExtendedReply,
}
"""What each request is answered with when it succeeds; all others with a status."""


class Answers:
    """The target's side of a conversation whose versions are agreed upon."""

    def __init__(self, files: Files, questions: Questions, to_client: Lane) -> None:
        self._files = files
        self._questions = questions
        self._to_client = to_client
        self._framing = Framing("server")
        self._reading: OpenFile | None = None
        self.versions_agreed = False

    def feed(self, data: bytes) -> None:
        """Raises `PeerError` for what a target cannot say."""
        self._framing.feed(data)
        while (piece := self._framing.take()) is not None:
            if isinstance(piece, memoryview):
                self._contents(piece)
            elif not self.versions_agreed:
                self._version(piece)
            elif piece.kind == answers.DATA:
                self._data(piece)
            else:
                self._answer(piece)

    def _version(self, frame: Frame) -> None:
        said = answers.read_version(frame.data)
        if said.version != sftp.VERSION:
            raise PeerError("server", f"SFTP: version {said.version} is not spoken here, only {sftp.VERSION}")
        self.versions_agreed = True
        # What is not understood here would be refused: the client need not try it.
        known = tuple(pair for pair in said.extensions if pair[0] in EXTENSIONS)
        same = known == said.extensions
        self._to_client.packet(frame.data if same else answers.ServerVersion(said.version, known).serialize())

    # -- the contents of files

    def _data(self, frame: Frame) -> None:
        id = int.from_bytes(frame.data[5:9])
        asked = self._files.answers(id)
        request, file = asked.request, asked.file
        if not isinstance(request, sftp.Read) or file is None:
            raise PeerError("server", "SFTP: the contents of a file, which were not asked for")
        if frame.body > request.length:
            raise PeerError("server", "SFTP: more of a file than was asked for", limit=request.length)
        del self._files.asked[id]
        file.reading.at(request.offset)
        self._to_client.head(frame.data, frame.body)
        self._reading = file
        if not frame.body:
            file.answered()

    def _contents(self, run: memoryview) -> None:
        file = self._reading
        if file is None:
            raise PeerError("server", "SFTP: the contents of no file")
        file.reading.add(run)
        self._to_client.body(run)
        if not self._framing.in_body:
            file.answered()

    # -- all else

    def _answer(self, frame: Frame) -> None:
        response = answers.read_response(frame.data)
        if self._questions.uses(response.id):
            self._questions.answer(response)
            return
        asked = self._files.answers(response.id)
        if isinstance(response, answers.Status):
            self._status(asked, response)
        elif type(response) is not _ANSWERS.get(type(asked.request)):
            raise PeerError("server", "SFTP: an answer that does not fit its request")
        elif isinstance(response, answers.Handle):
            self._opened(asked, response.handle)
        elif isinstance(response, answers.Names) and asked.file is not None:
            asked.file.listed(len(response.names))
        del self._files.asked[response.id]
        if asked.running is not None and not isinstance(response, answers.Handle):
            error = response.words if isinstance(response, answers.Status) and response.code != Code.OK else ""
            asked.running.end(error=error)
        if asked.file is not None:
            asked.file.answered()
        self._to_client.packet(self._limited(asked.request, frame.data))

    def _opened(self, asked: Asked, handle: bytes) -> None:
        request = asked.request
        self._files.opening -= 1
        if asked.operation is None or asked.running is None:
            raise PeerError("server", "SFTP: a handle for what was not opened")
        flags = request.flags if isinstance(request, sftp.Open) else 0
        file = OpenFile(asked.operation, asked.running, flags, folder=isinstance(request, sftp.OpenDir))
        self._files.opened(handle, file)

    def _status(self, asked: Asked, status: answers.Status) -> None:
        request, file = asked.request, asked.file
        if status.code == Code.OK and type(request) in _ANSWERS:
            raise PeerError("server", "SFTP: success without what was asked for")
        if isinstance(request, sftp.Open | sftp.OpenDir):
            self._files.opening -= 1
        if file is None:
            return
        if isinstance(request, sftp.Close):
            file.closed = True
            self._files.closing.discard(file)
        elif isinstance(request, sftp.Read) and status.code == Code.EOF:
            file.reading.at_end(request.offset)
        elif isinstance(request, sftp.Write) and status.code != Code.OK:
            file.writing.failures += 1
        elif isinstance(request, sftp.FSetStat) and status.code == Code.OK and request.attributes.size is not None:
            file.cut_to = request.attributes.size

    @staticmethod
    def _limited(request: Request, data: bytes) -> bytes:
        """An answer as it came; of limits@openssh.com no more than can go through here."""
        if not isinstance(request, sftp.GetLimits) or data[4] != Limits.kind:
            return data
        said = answers.read_limits(data)
        if max(said.packet_bytes - PACKET_LIMIT, said.read_bytes - _LIMIT, said.write_bytes - _LIMIT) <= 0:
            return data
        return Limits(
            said.id,
            min(said.packet_bytes, PACKET_LIMIT),
            min(said.read_bytes, _LIMIT),
            min(said.write_bytes, _LIMIT),
            said.open_handles,
        ).serialize()
