"""What the gateway itself asks the target before it judges: where a path leads."""

import asyncio
import itertools
from collections.abc import Iterable
from typing import Final

from hoopaddon.adapters.ssh.sftp.files import Files
from hoopaddon.adapters.ssh.sftp.lane import Lane
from hoopaddon.adapters.ssh.sftp.paths import Found, Place, bytes_of, text_of
from hoopaddon.adapters.ssh.sftp.requests import RealPath
from hoopaddon.adapters.ssh.sftp.responses import Names, Response

_FIRST_ID: Final = 0xF0000000
_LAST_ID: Final = 0xFFFFFFFF


class Questions:
    """See the module. Their ids are far from those that clients count up from."""

    def __init__(self, files: Files, to_target: Lane) -> None:
        self._files = files
        self._to_target = to_target
        self._waiting: dict[int, asyncio.Future[Response | None]] = {}
        self._ids = itertools.cycle(range(_FIRST_ID, _LAST_ID + 1))
        self.home = ""
        """The folder that the session begins in, once it is known."""

    def uses(self, id: int) -> bool:
        """Whether a question with this id has not been answered."""
        return id in self._waiting

    def answer(self, response: Response) -> None:
        """The target's answer to one of them."""
        waiting = self._waiting.pop(response.id)
        if not waiting.done():
            waiting.set_result(response)

    def give_up(self) -> None:
        """No answer will come."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def real_path(self, path: str) -> str:
        """Where the target says that the path leads; empty where it does not say."""
        id = next(self._ids)
        while id in self._files.asked or id in self._waiting:
            id = next(self._ids)
        waiting = self._waiting[id] = asyncio.get_running_loop().create_future()
        self._to_target.packet(RealPath(id, bytes_of(path)).serialize())
        answer = await waiting
        if isinstance(answer, Names) and len(answer.names) == 1 and answer.names[0].name.startswith(b"/"):
            return text_of(answer.names[0].name)
        return ""

    async def find(self, places: Iterable[Place]) -> tuple[Found, ...]:
        """Where each of them leads."""
        found = []
        for place in places:
            asked, behind = place.question()
            led = "" if place.path.startswith("~") else await self.real_path(asked)
            found.append(Found(place.path, f"{led.rstrip('/')}/{behind}" if led and behind else led))
        return tuple(found)
