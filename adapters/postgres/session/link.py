"""What both halves of a PostgreSQL session share: its state, its outgoing bytes, and the answers still owed."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.protocol.encodings import UTF8, codec_of
from hoopaddon.adapters.postgres.session.catalogue import Catalogue
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected, Names, Pipeline, Portal, Statement
from hoopaddon.adapters.postgres.session.prepared import OWN_NAME, PreparedTexts
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.command import Verdict
from hoopaddon.policy.chain import Chain
from hoopaddon.rows import Column
from hoopaddon.session import Session

INSUFFICIENT_PRIVILEGE = "42501"
FEATURE_NOT_SUPPORTED = "0A000"
QUERY_CANCELED = "57014"

PROVOKE_ERROR = codec.Execute(b"refused by hoopaddon " + OWN_NAME, 0).serialize()
"""An Execute that must fail, so that the server really rolls back or aborts."""

MAX_IN_FLIGHT = 8192
MAX_IN_FLIGHT_BYTES = 4 * 1024 * 1024
"""Messages, and their bytes, that the server has not answered."""


class ChainHolder(Protocol):
    """Where the policies in force are looked up, at every event anew."""

    @property
    def chain(self) -> Chain: ...


def refusal(verdict: Verdict, detail: str = "", *, severity: str = "ERROR") -> bytes:
    """The ErrorResponse for a command that may not run, or for a result that may not be seen."""
    addon = f"Refused by policy {verdict.addon}." if verdict.addon and not verdict.code else ""
    detail = f"{addon} {detail}".strip()
    return codec.error_response(
        severity,
        verdict.code or INSUFFICIENT_PRIVILEGE,
        verdict.reason or "refused",
        detail=detail,
        position=verdict.position,
    )


class Link:
    """The state of one session after its login. The two halves, `Frontend` and `Backend`, work on it."""

    read_only: bool | None = None
    """Whether new transactions only read, as the server has last said; None where it says nothing of that."""
    read_only_asked = False
    """Whether the gateway has told the server to let new transactions only read, and it has not said so yet."""

    def __init__(
        self,
        session: Session,
        gateway: ChainHolder,
        catalogue: Catalogue | None = None,
        *,
        allows_function_calls: bool = False,
    ) -> None:
        self.session = session
        self.gateway = gateway
        self.catalogue = catalogue or Catalogue()
        self.allows_function_calls = allows_function_calls
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self.expected: Pipeline = deque()
        self.statements: Names[Statement] = Names()
        self.portals: Names[Portal] = Names()
        self.prepared = PreparedTexts()
        self.status = b"I"
        self.segment = 0
        """Counts the Syncs that the client has sent."""
        self.unsynced = False
        """Whether messages of the extended protocol went out that no Sync has followed yet."""
        self.settings_stale = False
        """Whether a command since the last Sync may have changed a setting: the server tells at the Sync."""
        self.skipping = False
        """Whether the server, after an error, ignores everything up to the next Sync."""
        self.copying_in = False
        """Whether the server takes copy data, in which it ignores Sync and Flush."""
        self.copy_starts = False
        """Whether a command was sent that may begin a COPY FROM STDIN, and has not been answered."""
        self.withheld_syncs = 0
        """Syncs of the client that the server would ignore, if it takes copy data."""
        self.copy_data_sent = False
        self.in_flight_bytes = 0
        self.encoding = UTF8
        self.standard_strings = True
        self.copying_command: PostgresQuery | None = None
        self.target_left = False
        """Whether the client has had the target's own goodbye."""
        self.finished = False
        self.cancel: Callable[[], Awaitable[None]] | None = None
        """Asks the server, over a connection of its own, to cancel what runs; None where it has given no key."""
        self.stopping: asyncio.Task[None] | None = None
        """While a cancel is on its way: what is sent now could be what it hits."""
        self._drained: asyncio.Future[None] | None = None
        self._undecided: asyncio.Future[None] | None = None
        self._clock = time.perf_counter

    def parameter(self, name: str, value: str) -> None:
        """Take note of a ParameterStatus."""
        if name == "client_encoding":
            self.encoding = codec_of(value)
        elif name == "standard_conforming_strings":
            self.standard_strings = value == "on"
        elif name == "default_transaction_read_only":
            self.read_only = value == "on"
            self.read_only_asked = self.read_only_asked and not self.read_only
        self.session.parameters[name] = value

    def expect(self, expected: Expected) -> None:
        """The server owes one more answer."""
        expected.segment = self.segment
        expected.sent_at = expected.sent_at or self.prepared.now
        self.expected.append(expected)

    def send(self, message: bytes, expected: Expected) -> None:
        """Send a message of the extended protocol."""
        self.to_server.append(message)
        self.in_flight_bytes += len(message)
        self.unsynced = True
        self.expect(expected)

    def copy_decided(self) -> None:
        """The command that might have begun a COPY FROM STDIN has been answered otherwise: a Sync counts again."""
        self.copy_starts = self.copying_in = False
        withheld, self.withheld_syncs = self.withheld_syncs, 0
        for _ in range(withheld):
            self.sync()
        self._wake_copy()

    def copy_begins(self, *, ended: bool) -> None:
        """The server takes copy data; where the client has already sent all of it, it has also `ended` it."""
        self.copy_starts = False
        self.copying_in = not ended
        self._wake_copy()

    def end_copy(self, message: bytes) -> None:
        """Send the CopyDone or CopyFail that ends the copy data. Where there is none, the server ignores it."""
        self.copying_in = self.copy_starts = False
        self.withheld_syncs = 0
        self.to_server.append(message)
        if self.owed:
            self.expect(Expected(Answer.COPY_END))

    def copy_failed(self) -> None:
        """No copy data is taken any more. A Sync before the first of it ends the pipeline; one behind was ignored."""
        self.copying_command = None
        if self.copy_data_sent:
            self.withheld_syncs = 0
        if self.expected and self.expected[0].kind is Answer.QUERY:
            # A simple query needs no Sync, and has its own ReadyForQuery to come.
            self.withheld_syncs = 0
        self.copy_decided()

    def _wake_copy(self) -> None:
        if self._undecided is not None:
            if not self._undecided.done():
                self._undecided.set_result(None)
            self._undecided = None

    def when_copy_decided(self) -> Awaitable[None]:
        """Done once it is known whether the server takes copy data."""
        if self._undecided is None:
            self._undecided = asyncio.get_running_loop().create_future()
        return self._undecided

    def sync(self) -> None:
        """Send a Sync, and expect its answer: the pipeline ends here."""
        self.skipping = False
        self.unsynced = self.settings_stale = False
        self.to_server.append(codec.SYNC)
        self.expect(Expected(Answer.SYNC))
        self.segment += 1

    def skip_to_sync(self) -> Expected:
        """After an error, the server ignores what was sent up to the next Sync: nothing answers it, and no name was
        given. What had the error is the result."""
        skipped: list[Expected] = []
        while self.expected and self.expected[0].kind is not Answer.SYNC:
            skipped.append(self.expected.popleft())
        if not self.expected:
            self.skipping = True
        self.copy_failed()
        for expected in reversed(skipped):
            if expected.undo is not None:
                expected.undo()
        for expected in skipped[1:]:
            if expected.command is not None:
                self.end(expected.command, "skipped after an error earlier in its pipeline")
        return skipped[0]

    def provoke(self, answer: bytes) -> None:
        """Have the server fail where it stands, and end the pipeline; `answer` is put in the place of its error."""
        self.to_server.append(PROVOKE_ERROR + codec.SYNC)
        expected = Expected(Answer.REFUSAL)
        expected.answer = answer
        self.expect(expected)
        self.expect(Expected(Answer.SYNC))
        # What was sent before this Sync no longer shares the fate of what comes behind it.
        self.segment += 1
        self.unsynced = self.settings_stale = False

    def stop_server(self, wanted: Callable[[], bool]) -> bool:
        """Have what runs cancelled, if that is still `wanted` once no other cancel is on its way. False: no key."""
        if self.cancel is None:
            return False
        self.stopping = asyncio.ensure_future(self._stop(self.stopping, self.cancel, wanted))
        self.stopping.add_done_callback(self._stopped)
        return True

    @staticmethod
    async def _stop(
        before: asyncio.Task[None] | None, cancel: Callable[[], Awaitable[None]], wanted: Callable[[], bool]
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        if wanted():
            await cancel()

    def _stopped(self, task: asyncio.Task[None]) -> None:
        if self.stopping is task:
            self.stopping = None

    def when_drained(self) -> Awaitable[None]:
        """Done once the server owes no answer."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        return self._drained

    @property
    def owed(self) -> bool:
        """Whether the server owes any answer."""
        while self.expected and self.expected[0].kind is Answer.COPY_END:
            self.expected.popleft()
        return bool(self.expected)

    @property
    def crowded(self) -> bool:
        """Whether so much is in flight that the client has to wait: what is in flight is remembered."""
        return self.in_flight_bytes > MAX_IN_FLIGHT_BYTES or len(self.expected) > MAX_IN_FLIGHT

    def check_drained(self) -> None:
        """Called after the server's answers were looked at."""
        if self.owed:
            return
        self.in_flight_bytes = 0
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    def started(self, command: PostgresQuery) -> None:
        """The command goes out now."""
        command.duration_s = -self._clock()

    def end(self, command: PostgresQuery, error: str = "") -> None:
        """The command is over: tell the policies, once."""
        if command.duration_s < 0:
            command.duration_s += self._clock()
        if error:
            command.error = error
        self.gateway.chain.end_command(command)

    def described(self, payload: bytes) -> tuple[tuple[Field, ...], tuple[Column, ...]]:
        """What a RowDescription says of its columns, with the catalogue's names."""
        return self.catalogue.described(payload, self.encoding)

    def say_refused(self, verdict: Verdict) -> None:
        self.to_client.append(refusal(verdict))
