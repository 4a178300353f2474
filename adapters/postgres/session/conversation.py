"""A PostgreSQL session after its login, as the relay runs it."""

from collections.abc import Awaitable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.session.backend import Backend
from hoopaddon.adapters.postgres.session.frontend import Frontend
from hoopaddon.adapters.postgres.session.link import Link


class PostgresConversation:
    """Both halves over one link; implements the relay's `Conversation`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._frontend = Frontend(link)
        self._backend = Backend(link)
        self.to_client = link.to_client
        self.to_server = link.to_server
        self.client_data = self._frontend.data
        self.server_data = self._backend.data

    @property
    def finished(self) -> bool:
        return self._link.finished

    @property
    def client_wait(self) -> Awaitable[None] | None:
        return self._frontend.suspension.wait

    @property
    def server_wait(self) -> Awaitable[None] | None:
        return self._backend.wait

    def resume_client(self) -> None:
        self._frontend.suspension.over()
        self._frontend.advance()

    def resume_server(self) -> None:
        self._backend.advance()

    @property
    def client_backlog(self) -> int:
        return self._frontend.backlog

    @property
    def holding(self) -> bool:
        """Whether a command waits for its verdict."""
        return self._frontend.suspension.judging

    @property
    def idle(self) -> bool:
        """Whether no command is in flight or held."""
        return not self._link.owed and self._frontend.suspension.wait is None and not self._frontend.holding

    def cancel(self) -> bool:
        """Give up a command that is held; False if none is, and the server has to be asked."""
        return self._frontend.suspension.cancel()

    def end(self, reason: str, *, code: str = "") -> None:
        """Say goodbye with a FATAL error, and finish."""
        if not self._link.target_left and not self._backend.mid_message:
            self._link.to_client.append(codec.error_response("FATAL", code or "57P01", reason))
        self._link.to_server.append(codec.TERMINATE)
        self._link.finished = True

    def closed(self) -> None:
        """Finish every command that was in flight: what became of it, nobody will know."""
        self._frontend.suspension.abandon()
        if self._link.stopping is not None:
            self._link.stopping.cancel()
        for expected in self._link.expected:
            if expected.command is not None:
                self._link.end(expected.command, "the session ended before its result")
        self._link.expected.clear()
