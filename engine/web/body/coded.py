"""A body in a coding, edited inside of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.stream import WAITING_BYTES
from hoopaddon.web.body.coding import Coding, Decoder, Encoder

type Write = Callable[[bytes], None]
type Fail = Callable[[HoopaddonError], None]
type Hold = Callable[[bool], None]


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
        self._fed_bytes = 0
        self._pieces = self._decoded()
        self._held = self._busy = self._closed = self._ended = self._broken = False
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
        if self._held and self._fed_bytes > WAITING_BYTES:
            self._break(PeerError("server", "sends more than can wait for a policy", limit=WAITING_BYTES))
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
            self._advance()
            await self._inner.drained()
        if self._ended:
            self._finish()

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""
        self._inner.client_paused(paused)

    # -- inwards

    def _decoded(self) -> Iterator[bytes | None]:
        """The decoded body in pieces; None where there is nothing for now."""
        while True:
            while self._fed:
                data = self._fed.popleft()
                self._fed_bytes -= len(data)
                yield from _through(self._decoders, data)
            if self._closed:
                break
            yield None
        for position, decoder in enumerate(self._decoders):
            for piece in decoder.finish():
                yield from _through(self._decoders[position + 1 :], piece)

    def _advance(self) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            while not (self._held or self._broken or self._ended):
                piece = next(self._pieces, b"")
                if piece is None:
                    break
                if piece:
                    self._inner.feed(piece)
                else:
                    self._ended = True
                    self._inner.close()
        except HoopaddonError as e:
            self._break(e)
        finally:
            self._busy = False
        self._flush()

    def _inner_holds(self, held: bool) -> None:
        self._held = held
        self._hold(held)
        if not held:
            self._advance()

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


def _through(decoders: Sequence[Decoder], data: bytes) -> Iterator[bytes]:
    """The data as the last of the decoders gives it; empty pieces mean nothing."""
    if not decoders:
        if data:
            yield data
        return
    for piece in decoders[0].decode(data):
        yield from _through(decoders[1:], piece)
