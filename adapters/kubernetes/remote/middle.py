"""What stands between a client and what runs in a pod: keys are judged, what comes back is masked and recorded."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from hoopaddon.adapters.kubernetes.command import KubeRequest
from hoopaddon.adapters.kubernetes.remote.wire import ERROR, RESIZE, STDERR, STDIN, STDOUT, Ends
from hoopaddon.adapters.kubernetes.request.query import is_true
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.output import Output
from hoopaddon.stream import TextStream

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

MOST_CELLS = 10_000
_RESIZE_BYTES = 1024
_REFUSED = json.dumps(
    {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "126"}]},
    }
).encode()
"""How a program ends whose input was refused: as one that could not be run."""


_PACKS = re.compile(r"(?:-?[A-Za-z]*c[A-Za-z]*|--create)")


def packs(argv: tuple[str, ...]) -> bool:
    """Whether a program prints an archive, as what `kubectl cp` runs does: a mask would make it unreadable."""
    name = argv[0].rpartition("/")[2] if argv else ""
    return name in ("tar", "bsdtar") and any(_PACKS.fullmatch(word) for word in argv[1:2])


class Archive:
    """The files that `kubectl cp` takes out of a pod, in the shape of a `TextStream`: no text, so nothing is masked.

    Policies are told that there is one, as of any body that is no text, and may refuse it.
    """

    def __init__(
        self,
        command: KubeRequest,
        gateway: "Gateway",
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
    ) -> None:
        self._command, self._gateway = command, gateway
        self._write, self._fail = write, fail
        self._waiting: list[bytes] = []
        self._asking: asyncio.Task[None] | None = None
        self._passes = self._broken = False

    def feed(self, data: bytes) -> None:
        """More has come."""
        if self._passes:
            self._write(data)
        elif not self._broken:
            self._waiting.append(data)
            if self._asking is None:
                self._asking = asyncio.get_running_loop().create_task(self._ask())

    async def _ask(self) -> None:
        output = Output(self._command.session, "binary", "an archive of files", self._command)
        try:
            if (pending := self._gateway.chain.edit_output(output)) is not None:
                await pending
        except HoopaddonError as e:
            self._broken = True
            self._fail(e)
            return
        self._passes = True
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self._write(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        """The client is gone."""
        self._broken = True
        self._waiting.clear()
        if self._asking is not None:
            self._asking.cancel()

    async def drained(self) -> None:
        """Returns when all has left, or never will."""
        if self._asking is not None:
            await asyncio.wait([self._asking])


class Keys(Protocol):
    """What reads what a client types or pipes in, and lets pass what is judged."""

    def client_data(self, data: bytes) -> None: ...

    def client_eof(self) -> None: ...

    def target_data(self, data: bytes) -> None:
        """What the target shows, before policies see it."""

    def resized(self, columns: int, rows: int) -> None: ...

    def close(self) -> None: ...


type MakeKeys = Callable[["Remote"], Keys | None]


class Remote:
    """One exec or attach. `ends` are the streams, `hold` asks the client's or the target's side to pause."""

    def __init__(
        self,
        command: KubeRequest,
        gateway: "Gateway",
        ends: Ends,
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[str, bool], None],
        make_keys: MakeKeys | None = None,
    ) -> None:
        self.command, self.gateway = command, gateway
        # The server takes any value but `0` and `false` for a yes.
        self.is_terminal = is_true(command.facts.query, "tty")
        self.has_input = is_true(command.facts.query, "stdin")
        self._ends, self._fail, self._hold = ends, fail, hold
        self._is_over = self._is_refused = False
        self._ending: asyncio.Task[None] | None = None
        self._output = {STDOUT: self._stream(STDOUT), STDERR: self._stream(STDERR)}
        self._errors: list[bytes] = []
        self._closed: list[str] = []
        self._keys = make_keys(self) if make_keys is not None else None

    def _stream(self, name: str) -> "TextStream | Archive":
        if name == STDOUT and packs(self.command.argv):
            return Archive(self.command, self.gateway, lambda data: self._ends.to_client(name, data), self._refused)
        kind = "terminal" if self.is_terminal and name == STDOUT else name
        return TextStream(
            self.command.session,
            kind,
            self.command,
            self.gateway,
            lambda data: self._ends.to_client(name, data),
            self._refused,
            lambda held: self._hold("server", held),
        )

    # -- the client

    def client_said(self, stream: str, data: bytes) -> None:
        """See `Middle`. Raises `PeerError`."""
        if stream == STDIN:
            if not self.has_input:
                raise PeerError("client", "writes where it has asked for no input")
            if self._keys is not None:
                self._keys.client_data(data)
            else:
                self._ends.to_target(STDIN, data)
        elif stream == RESIZE:
            self._resized(data)
        else:
            raise PeerError("client", "writes on a stream that is the target's")

    def client_closed(self, stream: str) -> None:
        """See `Middle`."""
        if stream == STDIN and self._keys is not None:
            self._keys.client_eof()
        else:
            self._ends.close_to_target(stream)

    def _resized(self, data: bytes) -> None:
        """`{"Width": 80, "Height": 24}`, perhaps several of them in a row."""
        try:
            if len(data) > _RESIZE_BYTES:
                raise ValueError
            for line in data.split():
                size = {key.lower(): value for key, value in json.loads(line).items()}
                columns, rows = int(size["width"]), int(size["height"])
                if not (0 <= columns <= MOST_CELLS and 0 <= rows <= MOST_CELLS):
                    raise ValueError
                if not (columns and rows):
                    # Of a terminal that has none, as in a script: programs then take it for the usual one.
                    continue
                if self._keys is not None:
                    self._keys.resized(columns, rows)
                self._tell_size(columns, rows)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PeerError("client", "sends a size that is none") from None
        self._ends.to_target(RESIZE, data)

    def _tell_size(self, columns: int, rows: int) -> None:
        if self.gateway.chain.wants_output:
            told = self.gateway.chain.edit_output(
                Output(self.command.session, "resize", f"{columns}x{rows}", self.command)
            )
            if told is not None:
                # What a policy thinks of it changes nothing.
                asyncio.ensure_future(told).add_done_callback(lambda done: done.cancelled() or done.exception())

    def to_target(self, data: bytes) -> None:
        """Keys that may pass."""
        self._ends.to_target(STDIN, data)

    def eof_to_target(self) -> None:
        """Nothing more is typed."""
        self._ends.close_to_target(STDIN)

    def to_client(self, data: bytes) -> None:
        """What the gateway itself shows."""
        self._ends.to_client(STDOUT if self.is_terminal else STDERR, data)

    def refuse_rest(self) -> None:
        """What has passed goes on to its end, whose status is that of a refusal."""
        self._is_refused = True
        self._ends.close_to_target(STDIN)

    def hold_client(self, held: bool) -> None:
        """Ask the client to pause, and later to go on."""
        self._hold("client", held)

    # -- the target

    def target_said(self, stream: str, data: bytes) -> None:
        """See `Middle`. Raises `PeerError`."""
        if stream in self._output:
            if self._keys is not None:
                self._keys.target_data(data)
            self._output[stream].feed(data)
        elif stream == ERROR:
            # How it ended stands behind what was printed.
            self._errors.append(data)
            self._begin_end()
        elif data:
            raise PeerError("server", "writes on a stream that is the client's")

    def target_closed(self, stream: str) -> None:
        """See `Middle`."""
        self._closed.append(stream)
        self._begin_end()

    def ended(self) -> None:
        """See `Middle`."""
        self._is_over = True
        self._begin_end()

    def _begin_end(self) -> None:
        # A task may be through before it is known: it starts at once.
        if self._ending is None or self._ending.done():
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        """What ends a stream leaves when all that was said before it has."""
        while self._errors or self._closed or self._is_over:
            is_over = self._is_over
            for stream in self._output.values():
                stream.flush()
                await stream.drained()
            errors, self._errors = self._errors, []
            closed, self._closed = self._closed, []
            for data in errors:
                self._ends.to_client(ERROR, _REFUSED if self._is_refused else data)
            for name in closed:
                self._ends.close_to_client(name)
            if is_over:
                self._ends.over()
                break

    def _refused(self, error: HoopaddonError) -> None:
        self.abort()
        self._fail(error)

    def abort(self) -> None:
        """See `Middle`."""
        if self._keys is not None:
            self._keys.close()
        for stream in self._output.values():
            stream.abort()
