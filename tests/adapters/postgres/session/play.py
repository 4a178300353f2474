"""Plays a client's bytes through a conversation to a `Model`, in any pieces and in any order of delivery."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from hoopaddon import Command, Refused, Rows, Session, Target, User
from hoopaddon.adapters.postgres.session.conversation import PostgresConversation
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy
from tests.adapters.postgres.session.model import Model
from tests.adapters.postgres.wire import Message

SETTLE = 30


@dataclass
class Gateway:
    """What a link looks its chain up in."""

    chain: Chain


class RefuseDeletes:
    """Refuses what has DELETE in it, at once or after a while."""

    def __init__(self, *, awaits: bool = False) -> None:
        self._awaits = awaits
        self.judged: list[str] = []
        self.ended: list[Command] = []

    def command(self, command: Command) -> Awaitable[None] | None:
        self.judged.append(command.text)
        if self._awaits:
            return self._later(command)
        self._decide(command)
        return None

    async def _later(self, command: Command) -> None:
        await asyncio.sleep(0)
        self._decide(command)

    def _decide(self, command: Command) -> None:
        if "DELETE" in command.text:
            raise Refused("no")

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


class LooksAtRows(RefuseDeletes):
    """The same, and every row is looked at."""

    def rows(self, rows: Rows) -> None:
        for row in rows:
            str(row[0])


class Withholds(RefuseDeletes):
    """Does not let rows with `secret` in them through, at once or after a while."""

    def rows(self, rows: Rows) -> Awaitable[None] | None:
        secret = any("secret" in str(row[0]) for row in rows)
        if self._awaits:
            return self._decide_later(secret)
        return self._unless(secret)

    @staticmethod
    def _unless(secret: bool) -> None:
        if secret:
            raise Refused("no")

    async def _decide_later(self, secret: bool) -> None:
        await asyncio.sleep(0)
        self._unless(secret)


def conversation(*policies: object, cancel: Callable[[], Awaitable[None]] | None = None) -> PostgresConversation:
    session = Session(User("u"), Target("t", "postgres", "a:1", MappingProxyType({})))
    chain = Chain([Policy(type(policy).__name__, policy) for policy in policies])
    link = Link(session, Gateway(chain))
    # The catalogue's own questions are another test's.
    link.catalogue.stale = False
    link.cancel = cancel
    return PostgresConversation(link)


class Player:
    """One conversation between a client's bytes and a model."""

    def __init__(self, talk: PostgresConversation, model: Model) -> None:
        self.talk = talk
        self.model = model
        self.received = b""
        self.sent = b""
        self._answers: deque[bytes] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = self._server_waiting = False
        self._error: BaseException | None = None

    def client(self, data: bytes) -> None:
        self.talk.client_data(data)
        self._flush()

    def server(self, size: int = 0) -> bool:
        """Deliver one answer, in pieces of a size (0: whole); whether there was one."""
        if not self._answers:
            return False
        data = self._answers.popleft()
        for start in range(0, len(data), size or len(data)):
            self.talk.server_data(data[start : start + (size or len(data))])
            self._flush()
        return True

    def _flush(self) -> None:
        talk = self.talk
        sent = b"".join(talk.to_server)
        talk.to_server.clear()
        self.sent += sent
        if answers := self.model.feed(sent):
            self._answers.append(answers)
        self.received += b"".join(talk.to_client)
        talk.to_client.clear()
        if talk.client_wait is not None and not self._waiting:
            self._waiting = True
            self._start(self._wait())
        if talk.server_wait is not None and not self._server_waiting:
            self._server_waiting = True
            self._start(self._wait_server())

    def _start(self, wait: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(wait)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._error = self._error or task.exception()

    async def _wait_server(self) -> None:
        while (wait := self.talk.server_wait) is not None:
            await wait
            self.talk.resume_server()
            self._server_waiting = self.talk.server_wait is not None
            self._flush()
        self._server_waiting = False

    async def _wait(self) -> None:
        while (wait := self.talk.client_wait) is not None:
            await wait
            self.talk.resume_client()
            self._waiting = self.talk.client_wait is not None
            self._flush()
        self._waiting = False

    async def settle(self, size: int = 0) -> None:
        """Deliver everything that is on its way. Raises what would end the session."""
        for _ in range(SETTLE):
            while self.server(size):
                pass
            await asyncio.sleep(0)
            if self._error is not None:
                raise self._error
        assert not self._answers

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        self.talk.closed()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def cut(data: bytes, sizes: Sequence[int]) -> Iterable[bytes]:
    """The data in pieces of these sizes, over and over."""
    position = number = 0
    while position < len(data):
        size = max(1, sizes[number % len(sizes)]) if sizes else len(data)
        yield data[position : position + size]
        position += size
        number += 1


def play(
    data: bytes,
    policies: Sequence[object],
    *,
    sizes: Sequence[int] = (),
    server_first: Callable[[int], bool] = lambda _: True,
    server_size: int = 0,
    model: Model | None = None,
    cancel: Callable[[], Awaitable[None]] | None = None,
) -> Player:
    """Play all of it; `server_first` says after which piece of the client's the server's answers come."""

    async def whole() -> Player:
        player = Player(conversation(*policies, cancel=cancel), model or Model())
        try:
            for number, piece in enumerate(cut(data, sizes)):
                player.client(piece)
                if server_first(number):
                    player.server(server_size)
                    await asyncio.sleep(0)
            await player.settle(server_size)
        finally:
            await player.end()
        return player

    return asyncio.run(whole())


def shown(received: bytes) -> list[tuple[str, str]]:
    """What a client makes of its bytes: kinds, and the payloads that mean something to it."""
    found = []
    position = 0
    while position < len(received):
        end = position + 1 + int.from_bytes(received[position + 1 : position + 5], "big")
        one = Message(chr(received[position]), received[position + 5 : end])
        meaning = one.code if one.kind == "E" else one.payload.decode("latin-1") if one.kind in "DCZ" else ""
        found.append((one.kind, meaning))
        position = end
    return found
