"""What becomes of a result that a policy does not let through.

The client gets an ErrorResponse in the place of the rest, and from there to where it goes on after an error (the end
of its simple query, or its Sync) nothing more of what the server answers. The server has to be where the client
believes it to be: what runs is cancelled, and where the cancel comes too late, an error is provoked that aborts the
transaction. What is committed by then cannot be taken back; the error tells that the command had completed.
"""

from collections.abc import Callable, Mapping

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.link import (
    FEATURE_NOT_SUPPORTED,
    INSUFFICIENT_PRIVILEGE,
    PROVOKE_ERROR,
    Link,
    refusal,
)
from hoopaddon.adapters.postgres.session.pipeline import Answer, Expected
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.policy.chain import PolicyFailed

type Handler = Callable[[bytes], bytes]

COPY_FAIL = codec.message(b"f", b"withheld by the gateway\0")
CANNOT_STOP = "the command cannot be stopped at this target, so the session ends here"


def verdict_on(error: HoopaddonError) -> Verdict:
    """What the client is told of an error that kept something from it."""
    if isinstance(error, Refused):
        return Verdict(Outcome.REFUSED, error.reason, error.by)
    if isinstance(error, PolicyFailed):
        return Verdict(Outcome.FAILED, str(error), error.policy)
    return Verdict(Outcome.FAILED, str(error), code=FEATURE_NOT_SUPPORTED)


def note(verdict: Verdict) -> str:
    """The same for the record, worded as the server's own errors are there."""
    return f"{verdict.code or INSUFFICIENT_PRIVILEGE} {verdict.reason}"


class Withheld:
    """One result that is kept from the client, from the moment at which a policy said so.

    `normal` are the handlers of the server's messages, for what has to be noted of those that are not passed on;
    `over` is called when the next message is the client's again.
    """

    def __init__(
        self, link: Link, error: HoopaddonError, normal: Mapping[int, Handler], over: Callable[[], None]
    ) -> None:
        self._link = link
        self._verdict = verdict_on(error)
        self._normal = normal
        self._over = over
        self._ended = False
        self._completed = 0
        self._stopped = False
        own = {"C": self._complete, "I": self._complete, "s": self._complete, "E": self._error, "Z": self._ready}
        own |= dict.fromkeys("NHc", self._drop) | dict.fromkeys("123ntTV", self._follow)
        own |= {"G": self._copy_in}
        self.handlers: Mapping[int, Handler] = {**normal, **{ord(kind): handler for kind, handler in own.items()}}
        self._begin()

    def _begin(self) -> None:
        link = self._link
        segment = [expected for expected in link.expected if expected.segment == link.expected[0].segment]
        first = next((expected.command for expected in segment if expected.command is not None), None)
        if first is not None:
            first.error = f"{note(self._verdict)} (its result is withheld)"
        simple = segment[0].kind is Answer.QUERY
        if link.copying_in:
            # The server takes nothing but copy data; this fails the command, and nothing is left to cancel.
            link.end_copy(COPY_FAIL)
            self._stopped = True
        if simple or link.skipping or any(expected.kind is Answer.SYNC for expected in segment):
            return
        # The pipeline is still open: whatever the client sends up to its Sync is skipped after an error.
        if not self._stopped and not link.copy_starts:
            link.send(PROVOKE_ERROR, Expected(Answer.REFUSAL))
        link.skipping = True

    def stop(self) -> None:
        """Have the server give up what it runs, unless it has ended. Raises `HoopaddonError` if that cannot be."""
        if self._stopped:
            return
        self._stopped = True
        if not self._link.stop_server(lambda: not self._ended):
            raise HoopaddonError(f"{self._verdict.reason}; {CANNOT_STOP}")

    def _end(self) -> None:
        self._ended = True
        self._over()

    def _answer(self) -> bytes:
        return refusal(self._verdict, _completed(self._completed))

    # -- the server's messages

    @staticmethod
    def _drop(message: bytes) -> bytes:
        return b""

    def _follow(self, message: bytes) -> bytes:
        """Note what it says, and keep it from the client."""
        link = self._link
        if link.owed and (command := link.expected[0].command) is not None:
            command.error = command.error or "its result was withheld with that of a command before it"
        self._normal[message[0]](message)
        return b""

    def _complete(self, message: bytes) -> bytes:
        self._completed += 1
        return self._follow(message)

    def _copy_in(self, message: bytes) -> bytes:
        """The client does not know that its data is asked for."""
        link = self._link
        link.copy_begins(ended=True)
        # For the client, what it has sent of it came behind the error: so its Sync counts.
        link.copy_data_sent = False
        link.to_server.append(COPY_FAIL)
        return b""

    def _error(self, message: bytes) -> bytes:
        """The command has failed, or one behind it: the client is where the server is."""
        self._end()
        link = self._link
        if link.owed and link.expected[0].kind not in (Answer.QUERY, Answer.SYNC):
            if (command := link.skip_to_sync().command) is not None:
                link.end(command, command.error or note(self._verdict))
        else:
            link.copy_failed()
        return self._answer()

    def _ready(self, message: bytes) -> bytes:
        """It came to an end, too late to be stopped."""
        self._end()
        ready = self._normal[message[0]](message)
        link = self._link
        if link.status != b"T":
            return self._answer() + ready
        if link.owed or link.unsynced:
            # What the client has sent ahead runs in a transaction that it believes to have failed.
            raise HoopaddonError(f"{self._verdict.reason}; the command had completed, so the session ends here")
        link.provoke(self._answer())
        return b""


def _completed(count: int) -> str:
    """What a client has to know of commands that it takes for failed or skipped."""
    if not count:
        return ""
    which = "The command" if count == 1 else f"The command and {count - 1} behind it"
    return f"{which} had completed at the server before this could stop it."
