"""A body in a coding, edited inside of it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.stream import WAITING_BYTES
from hoopaddon.web.body.coding import INPUT_BYTES, Coding, Decoder, Encoder

type Write = Callable[[bytes], None]
type Fail = Callable[[HoopaddonError], None]
type Hold = Callable[[bool], None]


TURN_S = 0.01
"""So long a body is decoded and edited before others have their turn: a few bytes may be gigabytes."""
FREE_BYTES = 64 << 20
MOST_EXPANSION = 200
"""Beyond `FREE_BYTES`, a body that is more than so many times as large as what has come is a bomb."""


class BodyEditor(Protocol):
    """One body on its way through the policies, in the shape of `TextStream`."""

    def feed(self, data: bytes) -> None:
        """More has come. What may leave is written before this returns, unless a policy awaits."""
        ...

    def close(self) -> None:
        """Nothing follows any more."""
        ...

    def abort(self) -> None:
        """The client is gone: nothing leaves any more."""
        ...

    async def drained(self) -> None:
        """After `close`, returns when all has left, or never will."""
        ...

    def client_paused(self, paused: bool) -> None:
        """The client takes nothing now."""
        ...


type Inner = Callable[[Write, Fail, Hold], BodyEditor]


class CodedEditor:
    """Decodes, edits, and encodes again. What has left is readable at the far end at once, so that streams stream."""

    def __init__(self, codings: Sequence[Coding], inner: Inner, write: Write, fail: Fail, hold: Hold) -> None:
        self._decoders: list[Decoder] = [decoder() for decoder, _ in reversed(codings)]
        self._encoders: list[Encoder] = [encoder() for _, encoder in codings]
        self._write, self._fail, self._hold = write, fail, hold
        self._fed: deque[bytes] = deque()
        self._fed_bytes = self._came_bytes = self._made_bytes = 0
        self._pieces = self._decoded()
        self._held = self._busy = self._closed = self._ended = self._broken = False
        self._rests = self._paused = False
        """It is somebody else's turn; the source has been asked to pause."""
        self._unread = False
        """Something has been encoded that the far end cannot read yet."""
        self._finished = self._flushes = False
        self._empty = True
        self._inner = inner(self._encode, self._inner_fails, self._inner_holds)

    def feed(self, data: bytes) -> None:
        """See `BodyEditor`."""
        if self._broken or self._closed or not data:
            return
        self._empty = False
        self._fed.append(data)
        self._fed_bytes += len(data)
        self._came_bytes += len(data)
        if self._paused and self._fed_bytes > WAITING_BYTES:
            self._break(PeerError("server", "sends more than can wait", limit=WAITING_BYTES))
        else:
            self._advance()

    def close(self) -> None:
        """See `BodyEditor`."""
        self._closed = True
        self._advance()
        if self._ended and not self._held:
            self._finish()

    def abort(self) -> None:
        """See `BodyEditor`."""
        self._broken = True
        self._drop()
        self._inner.abort()

    async def drained(self) -> None:
        """See `BodyEditor`."""
        await self._inner.drained()
        while self._closed and not (self._ended or self._broken):
            if self._rests:
                await asyncio.sleep(0)
            self._advance()
            await self._inner.drained()
        if self._ended:
            self._finish()

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""
        self._inner.client_paused(paused)

    # -- inwards

    def _decoded(self) -> Iterator[bytes | None]:
        """The decoded body in pieces, of which some are empty; None where there is nothing for now."""
        while True:
            while self._fed:
                data = self._fed.popleft()
                self._fed_bytes -= len(data)
                yield from self._through(self._decoders, data)
            if self._closed:
                break
            yield None
        for position, decoder in enumerate(self._decoders):
            for piece in decoder.finish():
                yield from self._through(self._decoders[position + 1 :], piece)

    def _through(self, decoders: Sequence[Decoder], data: bytes) -> Iterator[bytes]:
        """The data as the last of the decoders gives it; an empty piece where there may be none for long."""
        if not decoders:
            yield data
            return
        for start in range(0, len(data), INPUT_BYTES):
            for piece in decoders[0].decode(data[start : start + INPUT_BYTES]):
                self._made_bytes += len(piece)
                if self._made_bytes > FREE_BYTES + MOST_EXPANSION * self._came_bytes:
                    raise PeerError("server", "sends a body that is far larger than it looks", limit=FREE_BYTES)
                yield from self._through(decoders[1:], piece)
            yield b""

    def _advance(self) -> None:
        if self._busy or self._rests or self._ended:
            return
        self._busy = True
        try:
            self._take_turn()
        except HoopaddonError as e:
            self._break(e)
        finally:
            self._busy = False
        self._flush()
        self._tell()

    def _take_turn(self) -> None:
        until = time.monotonic() + TURN_S
        while not (self._held or self._broken):
            try:
                piece = next(self._pieces)
            except StopIteration:
                self._ended = True
                self._inner.close()
                return
            if piece is None:
                return
            if piece:
                self._inner.feed(piece)
            if time.monotonic() >= until:
                self._rests = True
                asyncio.get_running_loop().call_soon(self._go_on)
                return

    def _go_on(self) -> None:
        self._rests = False
        self._advance()

    def _inner_holds(self, held: bool) -> None:
        self._held = held
        self._tell()
        if not held:
            self._advance()

    def _tell(self) -> None:
        paused = self._held or self._rests
        if paused != self._paused:
            self._paused = paused
            self._hold(paused)

    # -- outwards

    def _encode(self, data: bytes) -> None:
        if self._broken:
            return
        for encoder in self._encoders:
            data = encoder.encode(data)
        self._unread = True
        if data:
            self._write(data)
        if not (self._busy or self._flushes):
            # It comes from a policy that awaited, or after silence.
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        if not self._unread or self._broken or self._finished:
            return
        self._unread = False
        data = b""
        for encoder in self._encoders:
            data = (encoder.encode(data) if data else b"") + encoder.flush()
        if data:
            self._write(data)

    def _finish(self) -> None:
        if self._broken or self._finished:
            return
        self._finished = True
        if self._empty:
            return
        data = b""
        for encoder in self._encoders:
            data = (encoder.encode(data) if data else b"") + encoder.finish()
        if data:
            self._write(data)

    def _inner_fails(self, error: HoopaddonError) -> None:
        if not self._broken:
            self._broken = True
            self._drop()
            self._fail(error)

    def _break(self, error: HoopaddonError) -> None:
        if not self._broken:
            self._inner.abort()
            self._inner_fails(error)

    def _drop(self) -> None:
        self._fed.clear()
        self._fed_bytes = 0
