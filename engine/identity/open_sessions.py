"""The sessions that tokens have opened: they end with their tokens."""

import time
from collections.abc import Callable, Iterator

from hoopaddon.session import Session, User

REVOKED = "your token was revoked"
EXPIRED = "your token has expired: log in again"


class OpenSessions:
    """Sessions of users with a token, by what those tokens say. On HTTP several tokens may share a session."""

    def __init__(self) -> None:
        self._tokens: dict[Session, list[User]] = {}

    def begin(self, session: Session) -> None:
        """A session has started."""
        if _is_by_token(session.user):
            self._tokens[session] = [session.user]

    def share(self, session: Session, user: User) -> None:
        """Another token of the same user goes on with a session; it lasts as long as the last of them."""
        known = self._tokens.get(session)
        if known is not None and user.claims not in [other.claims for other in known]:
            now = time.time()
            self._tokens[session] = [*(other for other in known if other.claims["exp"] > now), user]

    def over(self, session: Session) -> None:
        """A session has ended, for whatever reason."""
        self._tokens.pop(session, None)

    def __iter__(self) -> Iterator[tuple[Session, list[User]]]:
        return iter(list(self._tokens.items()))

    def end(self, is_revoked: Callable[[User], bool], until: Callable[[User], float] | None) -> None:
        """End those with a token that is revoked, and those whose tokens are all over by `until`."""
        now = time.time()
        for session, users in self:
            if any(is_revoked(user) for user in users):
                session.end(REVOKED)
            elif until is not None and all(until(user) <= now for user in users):
                session.end(EXPIRED)


def _is_by_token(user: User) -> bool:
    return "exp" in user.claims and "iat" in user.claims
