"""The provider's public keys (RFC 7517): fetched when they are needed, kept for a while, and no longer than that."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.compact import b64decode
from hoopaddon.identity.oidc.fetch import NotFetched, fetch_json
from hoopaddon.identity.oidc.settings import KINDS, OidcSettings, check_address

logger = logging.getLogger(__name__)

FRESH_S = 300.0
"""How old keys may be before the provider is asked again."""
KEPT_S = 3600.0
"""How old keys may be at most, where the provider does not answer."""
RETRY_S = 10.0
"""How long the provider is left alone after it was asked, whatever tokens name."""
PATIENCE_S = 2.0
"""How long a login waits for newer keys than those that there are."""
MAX_KEYS = 64
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
_DISCOVERY = "/.well-known/openid-configuration"

type Key = RSAKey | ECKey | OKPKey


class NoKeys(HoopaddonError):
    """There are no keys to judge by; the text is for the log."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One public key. `algorithm` is the only one that it is for, where the provider says so."""

    kid: str | None
    kind: tuple[str, str]
    algorithm: str
    key: Key

    def is_for(self, algorithm: str) -> bool:
        """Whether this key may verify a signature of this algorithm."""
        kind, curve = KINDS[algorithm]
        same = {"EdDSA", "Ed25519"}
        stated = not self.algorithm or self.algorithm == algorithm or {self.algorithm, algorithm} == same
        return stated and self.kind[0] == kind and (not curve or self.kind[1] == curve)


class ProviderKeys:
    """See the module. Use it from one event loop."""

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: tuple[ProviderKey, ...] = ()
        self._fetched_at = self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._why_not = "they have not been asked for"

    async def find(self, kid: str | None, algorithm: str) -> list[ProviderKey]:
        """The keys that a token of this header may be signed with. Raises `NoKeys`."""
        if self._clock() - self._fetched_at >= FRESH_S:
            # Whoever can be let in by the keys that there are does not wait for a provider that hangs.
            await self.refresh(PATIENCE_S if self._keys else None)
        if not (found := self._matching(kid, algorithm)) and kid is not None:
            # The provider may have a new key; who invents names for keys does not make us ask any more often.
            await self.refresh()
            found = self._matching(kid, algorithm)
        if self._clock() - self._fetched_at >= KEPT_S:
            raise NoKeys(f"the provider's keys cannot be had: {self._why_not}")
        return found

    def _matching(self, kid: str | None, algorithm: str) -> list[ProviderKey]:
        return [key for key in self._keys if (kid is None or key.kid == kid) and key.is_for(algorithm)]

    async def refresh(self, within_s: float | None = None) -> None:
        """Ask the provider for its keys, unless it was asked a moment ago. What goes wrong is logged.

        After `within_s` seconds they are asked for without anybody waiting.
        """
        if self._asking is None:
            if self._clock() - self._asked_at < RETRY_S:
                return
            self._asking = asyncio.get_running_loop().create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        # Whoever waits may leave; the others, and the keys, must not suffer from it.
        await asyncio.wait([self._asking], timeout=within_s)

    def _asked(self, _task: "asyncio.Task[None]") -> None:
        self._asking, self._asked_at = None, self._clock()

    async def _ask(self) -> None:
        try:
            keys = await self._fetch()
        except (NotFetched, ConfigError) as e:
            self._why_not = str(e)
            logger.warning("The keys of %s cannot be fetched: %s", self._settings.issuer, e)
            return
        if {key.kid for key in keys} != {key.kid for key in self._keys}:
            logger.info("%s signs with %d keys.", self._settings.issuer, len(keys))
        self._keys, self._fetched_at = keys, self._clock()

    async def _fetch(self) -> tuple[ProviderKey, ...]:
        tls = self._settings.tls
        address = self._settings.jwks
        if not address:
            document = await fetch_json(self._settings.issuer.rstrip("/") + _DISCOVERY, tls)
            if document.get("issuer") != self._settings.issuer:
                raise NotFetched("the discovery document is of another issuer; spell oidc_issuer as it does")
            address = document.get("jwks_uri", "")
            if not isinstance(address, str):
                raise NotFetched("the discovery document names no keys")
            check_address(address, key="jwks_uri")
        return read_keys(await fetch_json(address, tls))

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])


def read_keys(document: dict[str, Any]) -> tuple[ProviderKey, ...]:
    """The keys of a JWK set that are for signatures; what else is in it is left out. Raises `NotFetched`."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise NotFetched(f"not a set of at most {MAX_KEYS} keys")
    return tuple(_read(listed))


def _read(listed: Iterable[Any]) -> Iterable[ProviderKey]:
    for jwk in listed:
        if not isinstance(jwk, dict) or not _is_for_signatures(jwk):
            continue
        kid, algorithm = jwk.get("kid"), jwk.get("alg", "")
        if not isinstance(kid, str | None) or (algorithm and algorithm not in KINDS):
            continue
        try:
            key = _public(jwk)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError):
            key = None
        if key is not None:
            yield ProviderKey(kid, (str(jwk["kty"]), str(jwk.get("crv", ""))), algorithm, key)


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    if jwk.get("use", "sig") != "sig":
        return False
    operations = jwk.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _public(jwk: dict[str, Any]) -> Key | None:
    """The key itself; a secret one for HMAC, or one that is too small, is none."""
    match jwk.get("kty"):
        case "RSA":
            bits = int.from_bytes(b64decode(jwk["n"])).bit_length()
            if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
                return None
            return RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
        case "EC":
            return ECKey.import_key({"kty": "EC", "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"]})
        case "OKP" if jwk.get("crv") == "Ed25519":
            return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": jwk["x"]})
    return None
