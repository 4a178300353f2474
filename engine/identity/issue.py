"""Tokens that are handed out are listed first: what is not could not be taken back."""

from pathlib import Path

from hoopaddon.identity.tokens import verify
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.layout import Layout
from hoopaddon.store.tokens import Tokens


def note(token: str, key: SigningKey, store: Path, *, target: str | None = None) -> User:
    """List a token that was just signed; whom it speaks for. Raises `StoreUnusable`."""
    user = verify(token, key, target=target)
    tokens = Tokens(Layout(store).tokens)
    try:
        tokens.add(user)
    finally:
        tokens.close()
    return user
