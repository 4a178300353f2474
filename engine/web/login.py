"""Who a client is, by what its request brings: a token, or a name and password of the users' file.

A token stands where clients can put one: `Authorization: Bearer`, the password of `Authorization: Basic` (any name),
a cookie, or for a forward proxy `Proxy-Authorization`. It is taken out of the request, so no target sees it.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import http

from hoopaddon.errors import HoopaddonError
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken, looks_like_token
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.throttle import Throttle, TooManyFailures
from hoopaddon.identity.users import Users
from hoopaddon.session import User

COOKIE = "hoopaddon_token"


class NotProved(HoopaddonError):
    """A proof that does not hold, or none. The text is for the operator's log; clients get one answer to all."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request brings. `name` is empty where only a token was sent."""

    name: str
    secret: str


class WebLogin:
    """Checks what clients of one target prove themselves with."""

    def __init__(self, tokens: TokenCheck, throttle: Throttle, *, users: Users | None = None) -> None:
        self._tokens = tokens
        self._throttle = throttle
        self._users = users
        # Who is not in the file costs as much time as who is.
        self._nobody = ScramVerifier.from_password("")

    async def user(self, proof: Proof | None, address: str, target: str | None) -> User:
        """Who it is. Raises `NotProved`, or `TooManyFailures`, whose text is for the client."""
        if proof is None:
            raise NotProved("no token")
        if len(proof.secret) > MAX_BYTES:
            raise NotProved("a secret longer than any")
        if looks_like_token(proof.secret):
            # A signature cannot be guessed, so a token is looked at however many have failed.
            try:
                return await self._tokens.user(proof.secret, target=target)
            except InvalidToken as e:
                self._count(address, proof.name)
                raise NotProved(f"token refused: {e.reason}") from None
        if self._users is None:
            raise NotProved("what was sent is no token")
        return await self._by_password(self._users, proof, address)

    async def _by_password(self, users: Users, proof: Proof, address: str) -> User:
        attempt = self._throttle.attempt(address, proof.name)
        entry = users.get(proof.name)
        verifier = entry.scram_verifier if entry is not None else None
        is_right = await asyncio.to_thread((verifier or self._nobody).accepts, proof.secret)
        if entry is None or verifier is None or not is_right:
            raise NotProved("wrong password" if verifier else "no user of this name has a password")
        attempt.was_right()
        return User(proof.name, entry.groups)

    def _count(self, address: str, name: str) -> None:
        try:
            self._throttle.attempt(address, name)
        except TooManyFailures:
            return


def take_proof(request: http.Request, header: str = "authorization") -> Proof | None:
    """Take what proves the client out of its request. What is malformed proves nothing, and is taken out too."""
    proofs = [_of_header(value) for value in request.headers.get_all(header)]
    request.headers.pop(header, None)
    if header == "authorization":
        proofs += _of_cookies(request)
    # Two of them would be one for us and one for somebody else.
    return proofs[0] if len(proofs) == 1 else None


def _of_header(value: str) -> Proof | None:
    scheme, _, rest = value.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer" and rest:
        return Proof("", rest)
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Proof(name, secret) if colon else None


def _of_cookies(request: http.Request) -> list[Proof | None]:
    found: list[str] = []

    def keep(pair: str) -> bool:
        name, equals, value = pair.partition("=")
        if equals and name.strip() == COOKIE:
            found.append(value.strip().strip('"'))
            return False
        return bool(pair.strip())

    lines = request.headers.get_all("cookie")
    if any(COOKIE in line for line in lines):
        request.headers.set_all("cookie", [line for line in _kept(lines, keep) if line])
    return [Proof("", secret) for secret in found]


def _kept(lines: list[str], keep: Callable[[str], bool]) -> list[str]:
    return ["; ".join(pair.strip() for pair in line.split(";") if keep(pair)) for line in lines]
