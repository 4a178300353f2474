"""Who a token speaks for, wherever a client sends one: the one place that every protocol and command asks."""

from typing import TYPE_CHECKING

from hoopaddon.identity import tokens
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey

if TYPE_CHECKING:
    from hoopaddon.options import Options


class TokenCheck:
    """What the gateway's `identity` is: it takes the tokens that the gateway has signed itself."""

    def __init__(self, options: "Options") -> None:
        self._options = options
        self._key: SigningKey | None = None

    def prepare(self) -> None:
        """Called before anything listens where tokens are taken. Raises `ConfigError` for what cannot be used."""
        self._key = SigningKey.load_or_create(self._options.confdir)

    async def user(self, token: str | bytes, *, target: str | None = None) -> User:
        """The user that the token speaks for, at this target. Raises `InvalidToken`, whose reason is for the log."""
        if self._key is None:
            self._key = SigningKey.load(self._options.confdir)
        return tokens.verify(token, self._key, target=target)
