"""An OpenID Connect provider's keys and tokens, with whatever is wrong with them that a test wants.

It serves its discovery document and its keys by HTTP; what it signs is put together by hand, since no library signs
what must not be signed. The real provider is in `oidc_provider`.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

type Signer = Callable[[bytes], bytes]

AUDIENCE = "hoopaddon"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


class RsaPair:
    """RS256 or PS256."""

    def __init__(self, bits: int = 2048) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def rs256(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def rs512(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA512())

    def ps256(self, data: bytes) -> bytes:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        return self.private.sign(data, pss, hashes.SHA256())

    def jwk(self, kid: str, **more: Any) -> dict[str, Any]:
        public = self.private.public_key().public_numbers()
        return {"kty": "RSA", "kid": kid, "use": "sig", "n": number(public.n), "e": number(public.e), **more}


class EcPair:
    """ES256 on P-256; on another curve it is a mistake to be found."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.private = ec.generate_private_key(curve or ec.SECP256R1())

    def es256(self, data: bytes) -> bytes:
        size = (self.private.key_size + 7) // 8
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(size) + s.to_bytes(size)

    def der(self, data: bytes) -> bytes:
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def jwk(self, kid: str, curve: str = "P-256", **more: Any) -> dict[str, Any]:
        public, size = self.private.public_key().public_numbers(), (self.private.key_size + 7) // 8
        x, y = b64(public.x.to_bytes(size)), b64(public.y.to_bytes(size))
        return {"kty": "EC", "crv": curve, "kid": kid, "use": "sig", "x": x, "y": y, **more}


class EdPair:
    """Ed25519."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()

    def eddsa(self, data: bytes) -> bytes:
        return self.private.sign(data)

    def jwk(self, kid: str, **more: Any) -> dict[str, Any]:
        public = self.private.public_key().public_bytes_raw()
        return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": b64(public), **more}


RSA, OTHER_RSA, EC, ED = RsaPair(), RsaPair(), EcPair(), EdPair()
WRONG_CURVE = EcPair(ec.SECP384R1())
KOBLITZ = EcPair(ec.SECP256K1())
KEYS = [
    RSA.jwk("rsa"),
    EC.jwk("ec"),
    ED.jwk("ed"),
    WRONG_CURVE.jwk("p384", "P-384"),
    OTHER_RSA.jwk("for-encryption", use="enc"),
    RSA.jwk("pss-alone", alg="PS256"),
    {"kty": "oct", "kid": "shared", "k": b64(b"s" * 32)},
]


def compact(payload: dict[str, Any] | str | bytes, header: dict[str, Any] | str, signer: Signer) -> str:
    """A token as an attacker, or a broken signer, would put it together."""
    head = header if isinstance(header, str) else json.dumps(header)
    body = json.dumps(payload) if isinstance(payload, dict) else payload
    signed = f"{b64(head.encode())}.{b64(body.encode() if isinstance(body, str) else body)}"
    return f"{signed}.{b64(signer(signed.encode()))}"


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    """What a good token says; a change to `...` leaves it out."""
    now = int(time.time())
    good = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "ada",
        "groups": ["dev", "ops"],
        "iat": now,
        "exp": now + 300,
        "azp": AUDIENCE,
    }
    return {name: value for name, value in (good | changes).items() if value is not ...}


class Issuer:
    """Serves what providers serve. Change `keys`, `status` or `document` while it runs, and see `asked`."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = list(KEYS)
        self.status = 200
        self.body: bytes | None = None
        self.location = ""
        self.changes: dict[str, Any] = {}
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.address = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._serve_keys)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """From now on nobody answers there."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _discovery(self, request: web.Request) -> web.Response:
        document = {"issuer": self.address, "jwks_uri": f"{self.address}/keys"} | self.changes
        return web.json_response(document)

    async def _serve_keys(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.answers.wait()
        headers = {"location": self.location} if self.location else {}
        body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
        return web.Response(status=self.status, body=body, headers=headers)

    def token(self, **changes: Any) -> str:
        """A good token, with changes of its claims."""
        return compact(claims(self.address, **changes), {"alg": "RS256", "typ": "JWT", "kid": "rsa"}, RSA.rs256)

    @property
    def options(self) -> dict[str, Any]:
        """What a gateway is told to take its tokens."""
        return {"oidc_issuer": self.address, "oidc_audience": [AUDIENCE]}
