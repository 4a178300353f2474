"""Whose the conversations are: behind the gateway's credential, a server cannot tell one user from another."""

MOST_OWNED = 256
"""Of one user; the one that was used the longest ago is forgotten, and has to be begun again."""


class Owners:
    """Who has which conversation with which server, by the name that the server has given it (`Mcp-Session-Id`)."""

    def __init__(self) -> None:
        self._owner: dict[tuple[str, str], str] = {}
        self._owned: dict[str, dict[tuple[str, str], None]] = {}

    def has(self, server: str, name: str, user: str) -> bool:
        """Whether this user may go on with it.

        One from before the gateway's time is nobody's: whose it was, the server alone could tell, and it would take
        the gateway's credential for all of them.
        """
        if self._owner.get((server, name)) != user:
            return False
        self.give(server, name, user)
        return True

    def give(self, server: str, name: str, user: str) -> None:
        """The server has given this user a conversation of this name."""
        key = (server, name)
        before = self._owner.get(key)
        if before is not None:
            self._owned[before].pop(key, None)
        owned = self._owned.setdefault(user, {})
        self._owner[key], owned[key] = user, None
        if len(owned) > MOST_OWNED:
            oldest = next(iter(owned))
            del owned[oldest], self._owner[oldest]


OWNERS = Owners()
"""Those of this process, which outlive a session that is idle."""
