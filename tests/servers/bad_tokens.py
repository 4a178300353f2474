"""Tokens that must let nobody in, by what is wrong with them; each with a word of what the log has to say."""

import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.issuer import (
    EC,
    ED,
    KOBLITZ,
    OTHER_RSA,
    RSA,
    WRONG_CURVE,
    Signer,
    b64,
    claims,
    compact,
)

RS = {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
ES = {"alg": "ES256", "typ": "JWT", "kid": "ec"}
_STRANGER = SigningKey(Ed25519PrivateKey.generate())


def bad_tokens(issuer: str) -> dict[str, tuple[str, str]]:
    """By name: the token, and what the log says of it."""
    return {
        **_headers(issuer),
        **_kids(issuer),
        **_signatures(issuer),
        **_shapes(issuer),
        **_payloads(issuer),
        **_claims(issuer),
    }


def _hs256(secret: bytes) -> Signer:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def _nothing(_data: bytes) -> bytes:
    return b""


def _headers(issuer: str) -> dict[str, tuple[str, str]]:
    good = claims(issuer)
    own = EC.jwk("mine")

    def made(header: dict[str, Any] | str, signer: Signer = RSA.rs256) -> str:
        return compact(good, header, signer)

    return {
        "alg none": (made(RS | {"alg": "none"}, _nothing), "algorithm"),
        "alg none, signed": (made(RS | {"alg": "none"}), "algorithm"),
        "alg nOnE": (made(RS | {"alg": "nOnE"}), "algorithm"),
        "alg empty": (made(RS | {"alg": ""}), "algorithm"),
        "alg a list": (made(RS | {"alg": ["RS256"]}), "algorithm"),
        "no alg": (made({"typ": "JWT", "kid": "rsa"}), "algorithm"),
        "alg of another case": (made(RS | {"alg": "rs256"}), "algorithm"),
        "alg with a space": (made(RS | {"alg": "RS256 "}), "algorithm"),
        "alg in fullwidth letters": (made(RS | {"alg": "ＲＳ２５６"}), "algorithm"),
        "an algorithm that is not allowed": (made(RS | {"alg": "RS512"}, RSA.rs512), "algorithm"),
        "crit": (made(RS | {"crit": ["exp"]}), "crit"),
        "crit empty": (made(RS | {"crit": []}), "crit"),
        "unencoded payload": (made(RS | {"b64": False, "crit": ["b64"]}), "crit"),
        "zip": (made(RS | {"zip": "DEF"}), "zip"),
        "its own key": (made({"alg": "ES256", "jwk": own}, EC.es256), "its own key"),
        "a key to fetch": (made(RS | {"jku": f"{issuer}/other"}), "its own key"),
        "a chain of certificates": (made(RS | {"x5c": ["MIIB"]}), "its own key"),
        "a certificate to fetch": (made(RS | {"x5u": f"{issuer}/x"}), "its own key"),
        "typ of a logout": (made(RS | {"typ": "logout+jwt"}), "type"),
        "typ of a DPoP proof": (made(RS | {"typ": "dpop+jwt"}), "type"),
        "typ of the gateway's own": (made(RS | {"typ": "hoopaddon+jwt"}), "not a token|alg, typ and kid"),
        "typ a number": (made(RS | {"typ": 1}), "type"),
        "header a list": (made("[]"), "object"),
        "header not JSON": (made("{alg:RS256}"), "JSON"),
        "header nested deeply": (made("[" * 2900), "JSON"),
        "header of 8 KB": (made(RS | {"x": "y" * 8000}), "header is longer"),
        "alg twice": (made('{"alg":"none","alg":"RS256","kid":"rsa"}'), "JSON"),
    }


def _kids(issuer: str) -> dict[str, tuple[str, str]]:
    good = claims(issuer)

    def made(header: dict[str, Any], signer: Signer = RSA.rs256) -> str:
        return compact(good, header, signer)

    return {
        "kid unknown": (made(RS | {"kid": "nobody"}), "no key"),
        "kid a path": (made(RS | {"kid": "../../dev/null"}), "no key"),
        "kid of another key": (made(RS | {"kid": "ec"}), "no key"),
        "kid of a key for encryption": (made(RS | {"kid": "for-encryption"}, OTHER_RSA.rs256), "no key"),
        "kid of a key for another algorithm": (made(RS | {"kid": "pss-alone"}), "no key"),
        "kid of a secret": (made({"alg": "HS256", "kid": "shared"}, _hs256(b"s" * 32)), "algorithm"),
        "kid a number": (made(RS | {"kid": 7}), "kid"),
        "kid an object": (made(RS | {"kid": {"a": 1}}), "kid"),
        "kid endless": (made(RS | {"kid": "k" * 2000}), "kid"),
        "no kid, and the key is another": (made({"alg": "ES256"}, KOBLITZ.es256), "signature"),
    }


def _signatures(issuer: str) -> dict[str, tuple[str, str]]:
    good = claims(issuer)
    pem = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = RSA.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hs = RS | {"alg": "HS256"}
    return {
        "HS256 with the public key as PEM": (compact(good, hs, _hs256(pem)), "algorithm"),
        "HS256 with the public key as DER": (compact(good, hs, _hs256(der)), "algorithm"),
        "HS512 with the public key, 64 bytes": (
            compact(good, RS | {"alg": "HS512"}, lambda data: hmac.new(pem, data, hashlib.sha512).digest()),
            "algorithm",
        ),
        "RS256 in name, an HMAC twice over": (
            compact(good, RS, lambda data: _hs256(pem)(data) * 8),
            "signature",
        ),
        "another RSA key": (compact(good, RS, OTHER_RSA.rs256), "signature"),
        "PS256 in name, RS256 in fact": (compact(good, RS | {"alg": "PS256"}, RSA.rs256), "signature"),
        "RS256 in name, PS256 in fact": (compact(good, RS, RSA.ps256), "signature"),
        "ES256 in name, with the RSA key": (compact(good, RS | {"alg": "ES256"}, EC.es256), "no key"),
        "ES256 on P-384": (compact(good, ES | {"kid": "p384"}, WRONG_CURVE.es256), "no key"),
        "ES256 on P-384, by the name of another": (compact(good, ES, WRONG_CURVE.es256), "signature"),
        "ES256 on secp256k1": (compact(good, ES, KOBLITZ.es256), "signature"),
        "ES256 as DER": (compact(good, ES, EC.der), "signature"),
        "ES256 of zeros": (compact(good, ES, lambda _: bytes(64)), "signature"),
        "EdDSA with the EC key": (compact(good, ES | {"alg": "EdDSA"}, ED.eddsa), "no key"),
        "EdDSA of zeros": (compact(good, ES | {"alg": "EdDSA", "kid": "ed"}, lambda _: bytes(64)), "signature"),
        "a signature of zeros": (compact(good, RS, lambda _: bytes(256)), "signature"),
        "the gateway's kind, of another gateway": (
            sign(_STRANGER, subject="ada", groups=["dev"], ttl_s=60),
            "another key",
        ),
    }


def _shapes(issuer: str) -> dict[str, tuple[str, str]]:
    good = compact(claims(issuer), RS, RSA.rs256)
    head, body, signature = good.split(".")
    es = compact(claims(issuer), ES, EC.es256)
    spare = es[:-1] + chr(ord(es[-1]) + 1)
    admin = b64(json.dumps(claims(issuer, sub="root")).encode())
    return {
        "truncated": (good[:-9], "signature|canonical"),
        "without its signature": (f"{head}.{body}.", "signature"),
        "with the signature of another": (f"{head}.{admin}.{signature}", "signature"),
        "another spelling of the signature": (spare, "canonical"),
        "16 KB": (f"{head}.{'A' * 16_000}.{signature}", "longer|no token"),
    }


def _payloads(issuer: str) -> dict[str, tuple[str, str]]:
    text = json.dumps(claims(issuer))

    def made(payload: str | bytes) -> str:
        return compact(payload, RS, RSA.rs256)

    return {
        "payload not JSON": (made("{sub}"), "JSON"),
        "payload a list": (made("[1]"), "object"),
        "payload not UTF-8": (made(b'{"sub":"\xff"}'), "JSON"),
        "payload nested deeply": (made("[" * 9000), "JSON"),
        "sub twice": (made(text[:-1] + ',"sub":"root"}'), "JSON"),
        "groups twice": (made(text[:-1] + ',"groups":["admin"]}'), "JSON"),
        "sub twice, once escaped": (made(text[:-1] + ',"s\\u0075b":"root"}'), "JSON"),
        "NaN": (made(text[:-1] + ',"x":NaN}'), "JSON"),
        "exp endless": (made(text.replace('"exp": ', '"exp": 1e9')), "exp is no time|JSON"),
    }


def _claims(issuer: str) -> dict[str, tuple[str, str]]:
    now = int(time.time())

    def made(**changes: Any) -> str:
        return compact(claims(issuer, **changes), RS, RSA.rs256)

    found = {
        "another issuer": (made(iss="https://evil.example"), "another issuer"),
        "the issuer with a slash": (made(iss=f"{issuer}/"), "another issuer"),
        "the issuer in capitals": (made(iss=issuer.upper()), "another issuer"),
        "the issuer in a list": (made(iss=[issuer]), "another issuer"),
        "no issuer": (made(iss=...), "another issuer"),
        "another audience": (made(aud="grafana"), "another audience"),
        "an audience that begins so": (made(aud="hoopaddon-admin"), "another audience"),
        "no audience": (made(aud=...), "no audience"),
        "audience empty": (made(aud=[]), "no audience"),
        "audience an object": (made(aud={"hoopaddon": 1}), "no audience"),
        "audience a number among names": (made(aud=["hoopaddon", 1]), "no audience"),
        "several audiences, and no azp": (made(aud=["hoopaddon", "grafana"], azp=...), "several audiences"),
        "issued to another client": (made(azp="grafana"), "another client"),
        "issued to a client that is no name": (made(azp=["hoopaddon"]), "another client"),
        "issued to another client, by client_id": (made(azp=..., client_id="grafana"), "another client"),
        "expired": (made(iat=now - 900, exp=now - 600), "expired"),
        "expired beyond the leeway": (made(iat=now - 900, exp=now - 32), "expired"),
        "no exp": (made(exp=...), "lacks exp"),
        "exp a string": (made(exp=str(now + 300)), "exp is no time"),
        "exp true": (made(exp=True), "exp is no time"),
        "exp null": (made(exp=None), "exp is no time"),
        "exp negative": (made(exp=-1), "exp is no time"),
        "not valid yet": (made(nbf=now + 600), "not valid yet"),
        "nbf a string": (made(nbf="0"), "nbf is no time"),
        "issued in the future": (made(iat=now + 600, exp=now + 900), "not valid yet"),
        "no iat": (made(iat=...), "lacks iat"),
        "expires before it is issued": (made(iat=now + 20, exp=now + 10), "lifetime"),
        "good for a month": (made(exp=now + 30 * 86400), "lifetime"),
        "a logout token": (made(events={"http://schemas.openid.net/event/backchannel-logout": {}}), "something else"),
        "a refresh token": (made(typ="Refresh"), "something else"),
        "bound to a key": (made(cnf={"jkt": "x"}), "cnf"),
    }
    return found | _names(issuer)


def _names(issuer: str) -> dict[str, tuple[str, str]]:
    def made(**changes: Any) -> str:
        return compact(claims(issuer, **changes), RS, RSA.rs256)

    return {
        "no sub": (made(sub=...), "subject"),
        "sub empty": (made(sub=""), "subject"),
        "sub a number": (made(sub=7), "subject"),
        "sub with a line break": (made(sub="ada\nroot"), "subject"),
        "sub with a NUL": (made(sub="ada\0"), "subject"),
        "sub with a space behind": (made(sub="ada "), "subject"),
        "sub with a zero-width space": (made(sub="a\u200bda"), "subject"),
        "sub written from right to left": (made(sub="\u202eada"), "subject"),
        "sub in fullwidth letters": (made(sub="ａｄａ"), "subject"),
        "sub with a ligature": (made(sub="o\ufb03ce"), "subject"),
        "sub with half a surrogate pair": (made(sub="\ud800"), "subject"),
        "sub endless": (made(sub="a" * 300), "subject"),
        "groups a string": (made(groups="admin"), "groups"),
        "groups an object": (made(groups={"admin": 1}), "groups"),
        "groups nested": (made(groups=[["admin"]]), "groups"),
        "groups with an invisible one": (made(groups=["adm\u00adin"]), "groups"),
        "groups left out": (made(groups=..., _claim_names={"groups": "src1"}), "groups"),
        "groups too many": (made(groups=..., hasgroups=True), "groups"),
        "act a string": (made(act="agent-7"), "act"),
        "act without a name": (made(act={"iss": issuer}), "act"),
        "act of another issuer": (made(act={"sub": "x", "iss": "https://evil.example"}), "act"),
        "act within act, without end": (made(act=_nested(9)), "act"),
    }


def _nested(depth: int) -> dict[str, Any]:
    return {"sub": "agent", **({"act": _nested(depth - 1)} if depth else {})}
