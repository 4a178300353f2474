"""Bodies through an editor, whole or in any chunks, for the tests of what edits them."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from hoopaddon import Output
from hoopaddon.errors import HoopaddonError
from hoopaddon.policy.chain import Chain
from hoopaddon.testing import session
from hoopaddon.web.body import BodyEditor, body_editor
from hoopaddon.web.request import Headers
from tests.engine.policy.addons import Hooks, chain

SECRET = re.compile(r"ann@example\.com|4111 1111 1111 1111|ключ-\d+")

type Policy = Callable[[Output], Awaitable[None] | None]


def mask(output: Output) -> None:
    output.text = SECRET.sub("[x]", output.text)


async def slow_mask(output: Output) -> None:
    await asyncio.sleep(0)
    mask(output)


class Client:
    """The far end of one body, and the gateway that it comes through."""

    def __init__(self, policy: Policy | Chain | None = mask, *, media: str = "", **fields: Any) -> None:
        if isinstance(policy, Chain):
            self.chain = policy
        else:
            self.chain = chain(Hooks(output=policy)) if policy else chain()
        limit = {"limit": fields.pop("limit")} if "limit" in fields else {}
        named = [(name.replace("_", "-"), value) for name, value in {"content_type": media, **fields}.items()]
        self.writes: list[bytes] = []
        self.errors: list[HoopaddonError] = []
        self.holds: list[bool] = []
        self.editor: BodyEditor = body_editor(
            session(),
            None,
            self,
            Headers(tuple(named)),
            self.writes.append,
            self.errors.append,
            self.holds.append,
            **limit,
        )

    @property
    def got(self) -> bytes:
        return b"".join(self.writes)

    async def all_of(self, chunks: Iterable[bytes]) -> bytes:
        """What leaves of these chunks, to the end."""
        for chunk in chunks:
            self.editor.feed(chunk)
        self.editor.close()
        await self.editor.drained()
        return self.got


async def edited(data: bytes, media: str, policy: Policy | Chain | None = mask, **fields: Any) -> bytes:
    """The whole body as it leaves; fails where the editor does."""
    client = Client(policy, media=media, **fields)
    got = await client.all_of([data])
    assert client.errors == []
    return got


def cuts(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data in pieces, cut at these places."""
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[one:other] for one, other in itertools.pairwise(bounds)]


def halves(data: bytes) -> list[list[bytes]]:
    """The data cut once, at every place, and once into single bytes."""
    return [*([data[:n], data[n:]] for n in range(1, len(data))), [data[n : n + 1] for n in range(len(data))]]
