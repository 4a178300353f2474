"""A guard between a client and a server that are both played by the test."""

import asyncio
from collections.abc import Iterator

from hoopaddon.adapters.ssh.sftp import requests as q
from hoopaddon.adapters.ssh.sftp import responses as r
from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.framing import Frame, Framing
from hoopaddon.adapters.ssh.sftp.guard import SftpGuard
from hoopaddon.adapters.ssh.sftp.requests import Request, read_request
from hoopaddon.adapters.ssh.sftp.responses import Response, Status, read_response
from hoopaddon.adapters.ssh.sftp.wire import Attributes, Name
from hoopaddon.approval import Approver
from hoopaddon.errors import HoopaddonError, Side
from tests.adapters.ssh.sftp.between import judge, session

HOME = b"/users/ada"


def packets(side: Side, data: bytes) -> Iterator[bytes]:
    framing = Framing(side)
    framing.feed(data)
    found = b""
    while (piece := framing.take()) is not None:
        found += piece.data if isinstance(piece, Frame) else bytes(piece)
        if not framing.in_body:
            yield found
            found = b""
    assert framing.waiting_bytes == 0, "cut short"


class Play:
    """The versions are agreed upon, and the gateway knows where the session begins."""

    def __init__(self, *addons: object, approver: Approver | None = None) -> None:
        self.to_target = b""
        self.to_client = b""
        self.errors: list[HoopaddonError] = []
        self.told: list[str] = []
        self.holds: list[bool] = []
        self.eof = 0
        self.links: dict[bytes, bytes] = {}
        """What the target says that paths lead to; all others to themselves."""
        self.guard = SftpGuard(
            session(),
            judge(*addons, approver=approver),
            Ends(
                self._to_target,
                self._to_client,
                hold_client=self.holds.append,
                target_eof=self._target_eof,
                tell=self.told.append,
                fail=self.errors.append,
            ),
        )

    async def start(self) -> "Play":
        await self.client(q.Init(3).serialize())
        await self.server(r.ServerVersion(3).serialize())
        assert self.client_got() == []
        return self

    def _to_target(self, data: bytes) -> None:
        self.to_target += data

    def _to_client(self, data: bytes) -> None:
        self.to_client += data

    def _target_eof(self) -> None:
        self.eof += 1

    async def settle(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def client(self, *requests: Request | bytes) -> None:
        """The client sends these; where paths lead is answered."""
        self.guard.client_data(b"".join(part if isinstance(part, bytes) else part.serialize() for part in requests))
        await self.answer_questions()

    async def server(self, *responses: Response | bytes) -> None:
        self.guard.server_data(b"".join(part if isinstance(part, bytes) else part.serialize() for part in responses))
        await self.answer_questions()

    async def answer_questions(self) -> None:
        while True:
            await self.settle()
            asked = [r for r in self._peek() if isinstance(r, q.RealPath) and r.id >= 0xF0000000]
            if not asked:
                return
            kept = [p for p in packets("client", self.to_target) if not self._is_question(p)]
            self.to_target = b"".join(kept)
            for question in asked:
                path = HOME if question.path == b"." else self.links.get(question.path, question.path)
                answer = r.Names(question.id, (Name(path, path, Attributes()),))
                self.guard.server_data(answer.serialize())

    @staticmethod
    def _is_question(packet: bytes) -> bool:
        return packet[4] == q.RealPath.kind and int.from_bytes(packet[5:9]) >= 0xF0000000

    def _peek(self) -> list[Request]:
        return [read_request(p) for p in packets("client", self.to_target) if p[4] != q.INIT]

    def target_got(self) -> list[Request]:
        """What has reached the target since this was asked last."""
        found = self._peek()
        self.to_target = b""
        return found

    def client_got(self) -> list[Response]:
        found = [read_response(p) for p in packets("server", self.to_client) if p[4] != r.ServerVersion.kind]
        self.to_client = b""
        return found

    async def opened(self, path: bytes, flags: int = 1, id: int = 1000, handle: bytes = b"h") -> None:
        """A file that is open."""
        await self.client(q.Open(id, path, flags))
        assert self.target_got() == [q.Open(id, path, flags)]
        await self.server(r.Handle(id, handle))
        assert self.client_got() == [r.Handle(id, handle)]

    async def opened_now(self) -> None:
        """`/data` is open for reading, as `h`."""
        self.target_got()
        await self.opened(b"/data")

    def refusals(self) -> list[str]:
        return [answer.message.decode() for answer in self.client_got() if isinstance(answer, Status)]
