"""What edits a body as it streams past, by what it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.session import Session
from hoopaddon.stream import Policies, TextStream
from hoopaddon.web.body.charset import transcoding, wide
from hoopaddon.web.body.coded import BodyEditor, CodedEditor, Fail, Hold, Write
from hoopaddon.web.body.coding import CODINGS, MOST_CODINGS, Coding, codings
from hoopaddon.web.body.media import SNIFFED_BYTES, Kind, MediaType, compressed_as, is_text, media_type
from hoopaddon.web.body.runs import RunStream
from hoopaddon.web.body.splitters import MAY_BE_JSON, actual_kind, splitter
from hoopaddon.web.request import Headers

DEFAULT_LIMIT_BYTES = 4 << 20
"""How much may have to be whole before anybody can look into it: one event, one message."""

_BYTES_ARE_TEXT = frozenset({Kind.JSON, Kind.JSON_LINES, Kind.EVENTS, Kind.CSV, Kind.FORM, Kind.TEXT})
_ENOUGH_BYTES = 64
_MARK_BYTES = 4
_ENOUGH_S = 0.25
"""After so much silence a body is judged by what is there of it."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """What a body's editor is told besides its media type."""

    limit: int
    grpc_coding: str


def body_editor(
    session: Session,
    command: Command | None,
    gateway: Policies,
    headers: Headers,
    write: Callable[[bytes], None],
    fail: Callable[[HoopaddonError], None],
    hold: Callable[[bool], None],
    *,
    limit: int = DEFAULT_LIMIT_BYTES,
) -> BodyEditor:
    """The editor of the body that these header fields describe; `write`, `fail` and `hold` as for `TextStream`.

    Raises `Refused` where the policies want to look into it and nobody could. After `close` it has to be `drained`.
    """
    if not gateway.chain.wants_output:
        return UneditedBody(gateway, write, fail)
    media = media_type(headers.get("content-type"))
    applied = codings(headers.get("content-encoding"))
    settings = _Settings(limit, headers.get("grpc-encoding", "identity").strip().lower())

    def inner(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
        return SniffedBody(session, command, gateway, media, write, fail, hold, settings, len(applied))

    return CodedEditor(applied, inner, write, fail, hold) if applied else inner(write, fail, hold)


class UneditedBody:
    """A body that no policy wants. One that comes to want it may not get the rest of what has begun without it."""

    def __init__(self, gateway: Policies, write: Write, fail: Fail) -> None:
        self._gateway, self._write, self._fail = gateway, write, fail
        self._broken = False

    def feed(self, data: bytes) -> None:
        """See `BodyEditor`."""
        if self._broken:
            return
        if self._gateway.chain.wants_output:
            self._broken = True
            self._fail(Refused("the policies have changed while this was sent: ask again"))
            return
        try:
            self._write(data)
        except OSError:
            self._broken = True

    def close(self) -> None:
        """See `BodyEditor`."""

    def abort(self) -> None:
        """See `BodyEditor`."""
        self._broken = True

    async def drained(self) -> None:
        """See `BodyEditor`."""

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""


class SniffedBody:
    """A body whose first bytes are looked at before it is decided how the rest is edited."""

    def __init__(
        self,
        session: Session,
        command: Command | None,
        gateway: Policies,
        media: MediaType,
        write: Write,
        fail: Fail,
        hold: Hold,
        settings: _Settings,
        coded: int,
    ) -> None:
        self._session, self._command, self._gateway = session, command, gateway
        self._media, self._settings, self._coded = media, settings, coded
        self._write, self._fail, self._hold = write, fail, hold
        self._start = b""
        self._timer: asyncio.TimerHandle | None = None
        self._editor: BodyEditor | None = None
        self._broken = False

    def feed(self, data: bytes) -> None:
        """See `BodyEditor`."""
        if self._editor is not None:
            self._editor.feed(data)
        elif not self._broken:
            self._start += data
            if self._is_enough():
                self._open()
            elif self._timer is None and data:
                self._timer = asyncio.get_running_loop().call_later(_ENOUGH_S, self._open)

    def close(self) -> None:
        """See `BodyEditor`."""
        if self._editor is None and self._start and not self._broken:
            self._open()
        if self._editor is not None:
            self._editor.close()

    def abort(self) -> None:
        """See `BodyEditor`."""
        self._broken = True
        self._stop_timer()
        if self._editor is not None:
            self._editor.abort()

    async def drained(self) -> None:
        """See `BodyEditor`."""
        if self._editor is not None:
            await self._editor.drained()

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""
        if self._editor is not None:
            self._editor.client_paused(paused)

    def _is_enough(self) -> bool:
        start = self._start
        if len(start) >= _ENOUGH_BYTES:
            return True
        kind = self._media.kind
        if kind is Kind.BINARY:
            return False
        # Only what may be JSON under another name has to be seen further.
        return len(start) >= _MARK_BYTES and (kind not in MAY_BE_JSON or start.lstrip()[:1] not in (b"{", b"["))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _open(self) -> None:
        self._stop_timer()
        start, self._start = self._start, b""
        try:
            self._editor = self._editor_for(start[:SNIFFED_BYTES])
        except HoopaddonError as e:
            self._broken = True
            self._fail(e)
            return
        self._editor.feed(start)

    def _editor_for(self, start: bytes) -> BodyEditor:
        media = self._media
        if inner := self._unsaid_coding(start):
            if self._coded >= MOST_CODINGS:
                raise Refused("the body is encoded too many times to be looked into")
            return CodedEditor([inner], self._again, self._write, self._fail, self._hold)
        kind = actual_kind(media, start)
        if kind is Kind.TEXT:
            return TextStream(
                self._session, "body", self._command, self._gateway, self._write, self._fail, self._hold
            )
        made = splitter(kind, media, self._settings.limit, self._settings.grpc_coding)
        return RunStream(self._session, self._command, self._gateway, made, self._write, self._fail, self._hold)

    def _unsaid_coding(self, start: bytes) -> Coding | None:
        """What the body is coded in besides what its `Content-Encoding` says: compressed once more, or a charset."""
        media = self._media
        if media.kind in _BYTES_ARE_TEXT:
            if name := compressed_as(start):
                return CODINGS[name]
            return transcoding(media.charset, start)
        if media.kind is Kind.BINARY and (name := wide(start)):
            shown = start[: len(start) // 4 * 4].decode(name, "replace")
            if "�" not in shown and is_text(shown.encode()):
                return transcoding(name, start)
        return None

    def _again(self, write: Write, fail: Fail, hold: Hold) -> BodyEditor:
        media = MediaType(self._media.name, "", self._media.boundary)
        return SniffedBody(
            self._session, self._command, self._gateway, media, write, fail, hold, self._settings, self._coded + 1
        )
